"""This module keeps daily copies of the database, each checked as a whole, so that there is one to go back to."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path

from model.durable import sync_folder
from station.records.engine import raw_connection
from station.records.locks import FileLock

FOLDER = Path("backups", "daily")
BEFORE_DAMAGE = Path("backups")
KEPT = 7
SHARE = 0.1
"""All daily copies together take at most this share of their disk; the newest is kept however large it is."""
PAGES = 256
"""Pages copied in one go."""
PAUSE_S = 0.01
FIRST_S = 2.0
LOOK_S = 600.0
MOST_S = 900.0
"""A copy and its check are given up after so long: meanwhile the write-ahead log only grows."""
WATCH_S = 0.05
SPOILT_ROW = re.compile(r"(NULL|TEXT|NUMERIC|non-\w+) value in |CHECK constraint failed")
"""SQLite's check finds these in single rows once the file as a whole is good."""

log = logging.getLogger("station.records")


class CopyFailed(Exception):  # noqa: N818 - told in words, never raised to users
    """No copy could be made; the message is a sentence for people."""


class DailyCopies:
    """A thread of its own makes a verified copy of the database once a day, while the station runs.

    Args:
        home: the home folder; copies lie in its ``backups/daily``.
        file: the database.
        tell: takes a sentence if no copy could be made, or if the check of one found damage.
    """

    def __init__(self, home: Path, file: Path, tell: Callable[[str], None]) -> None:
        self._home = home
        self._file = file
        self._tell = tell
        self._end = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="daily copies", daemon=True)

    def start(self) -> None:
        """Begin; the first copy is made soon if there is none of today."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop; a copy that is being made is given up."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._end.wait(wait_s):
            wait_s = LOOK_S
            try:
                make_copy(self._home, self._file, self._end)
                self._told = ""
            except (CopyFailed, OSError, sqlite3.Error) as error:
                self._say(f"No daily copy of the records could be made: {error}")

    def _say(self, text: str) -> None:
        log.warning("%s", text)
        if text != self._told:
            self._told = text
            self._tell(text)


def copies(home: Path) -> list[Path]:
    """Return the verified copies of a home's database, the one made last first, whatever day the clock said then."""
    return newest_first([*_daily(home), *(home / BEFORE_DAMAGE).glob("before-damage-*.db")])


def newest_first(files: list[Path]) -> list[Path]:
    """Return files in the order in which they were written to, the last first; those that are gone are left out."""
    written: list[tuple[int, str, Path]] = []
    for file in files:
        try:
            written.append((file.stat().st_mtime_ns, file.name, file))
        except OSError:
            continue  # another program took it away meanwhile
    return [file for _, _, file in sorted(written, reverse=True)]


def newest_copy(home: Path) -> str:
    """Say which copy there is to go back to."""
    found = copies(home)
    if not found:
        return "there is no copy yet"
    return f"the newest verified copy is {found[0]}"


def keep_newest(home: Path) -> None:
    """Move the newest daily copy to where no later one pushes it out: it is the last of a database that was damaged.

    Raises:
        OSError: it cannot be moved.
    """
    found = newest_first(_daily(home))
    if not found:
        return
    stem = f"before-damage-{datetime.now():%Y%m%d-%H%M%S}"
    kept = home / BEFORE_DAMAGE / f"{stem}.db"
    number = 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{stem}-{number}.db")
    found[0].rename(kept)
    sync_folder(kept.parent)


def make_copy(home: Path, file: Path, end: threading.Event, day: date | None = None) -> Path | None:
    """Copy the database under today's date and check the copy as a whole; the oldest beyond a week, and beyond their
    share of the disk, go.

    Returns None if today's is there already, another program makes it, the database is empty, or ``end`` was set
    meanwhile.

    Raises:
        CopyFailed: too little room on the disk, too little time, or the check found damage.
        OSError, sqlite3.Error: the copy cannot be written.
    """
    target = home / FOLDER / f"station-{day or date.today()}.db"
    size = file.stat().st_size if file.is_file() else 0
    if target.exists() or not size:
        return None
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(home / "locks" / "daily-copy.lock")
    if not lock.take():
        return None
    try:
        _remove_partial(target.parent)
        for old in beyond_share(_daily(home), shutil.disk_usage(target.parent).total, coming=size):
            old.unlink(missing_ok=True)
        if shutil.disk_usage(target.parent).free < 2 * size:
            room = f"{2 * size / 2**20:.0f} MiB"
            raise CopyFailed(f"the disk of {target.parent} has less than {room} left; free some space.")
        if not _copied_and_checked(home, file, target, end):
            return None
    finally:
        _remove_partial(target.parent)
        lock.free()
    for old in newest_first(_daily(home))[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def beyond_share(files: list[Path], disk_bytes: int, coming: int = 0) -> list[Path]:
    """Return which copies are too many for their share of a disk, once ``coming`` bytes more are there; never the
    newest, which may be the only whole one."""
    kept, total = newest_first(files), coming
    too_many: list[Path] = []
    for number, file in enumerate(kept):
        total += file.stat().st_size
        if number and total > SHARE * disk_bytes:
            too_many.append(file)
    return too_many


def _copied_and_checked(home: Path, file: Path, target: Path, end: threading.Event) -> bool:
    """Make the copy; return False if ``end`` was set meanwhile."""
    until = time.monotonic() + MOST_S
    partial = target.with_suffix(".partial")
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    damage = ""
    if _copied(file, partial, end, until):
        damage = damage_in(partial, until - time.monotonic(), end)
    if end.is_set():
        return False
    if damage:
        raise CopyFailed(f"the database is damaged ({damage}); {newest_copy(home)}.")
    if time.monotonic() >= until:
        raise CopyFailed(f"it takes longer than {MOST_S:g} s; the disk may be failing, or the database too large.")
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    before = newest_first(_daily(home))
    if before and before[0].stat().st_mtime_ns >= partial.stat().st_mtime_ns:  # the clock was set back
        later = before[0].stat().st_mtime_ns + 10**9
        os.utime(partial, ns=(later, later))
    partial.replace(target)
    sync_folder(target.parent)
    return True


def _daily(home: Path) -> list[Path]:
    return list((home / FOLDER).glob("station-????-??-??.db"))


def _remove_partial(folder: Path) -> None:
    """Remove what copies that were not finished left, with SQLite's side files."""
    for left in folder.glob("*.partial*"):
        left.unlink(missing_ok=True)


def _copied(file: Path, partial: Path, end: threading.Event, until: float) -> bool:
    """Copy the database as it is now; return False if ``end`` was set or the time was up meanwhile."""
    with closing(raw_connection(file, timeout=5.0, isolation_level=None)) as database:
        return copy_pages(database, partial, lambda: end.is_set() or time.monotonic() >= until)


def copy_pages(database: sqlite3.Connection, target: Path, is_over: Callable[[], bool] = lambda: False) -> bool:
    """Copy an open database as it is now, while others write to it; return False if ``is_over`` said so meanwhile.

    The copy is one file, which can be carried elsewhere.

    Raises:
        sqlite3.Error: the database cannot be read or the copy cannot be written.
    """

    class Stopped(Exception):  # noqa: N818 - never leaves this function
        pass

    def step(_status: int, _remaining: int, _total: int) -> None:
        if is_over():
            raise Stopped

    with closing(sqlite3.connect(target)) as copy:
        # Without a read transaction of its own SQLite would begin anew at every commit of the line.
        database.execute("BEGIN")
        try:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            database.backup(copy, pages=PAGES, progress=step, sleep=PAUSE_S)
        except Stopped:
            return False
        finally:
            database.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")
    return True


def damage_in(
    file: Path, budget_s: float | None = None, end: threading.Event | None = None, *, with_indexes: bool = False
) -> str:
    """Check a database as a whole; return the first thing found in a few words, '' if it is good.

    A spoilt value in a row is no damage to the file: what reads the row names it.

    Args:
        budget_s: stop after so long; what was not looked at counts as good.
        end: stop as soon as this is set, likewise.
        with_indexes: also hold indexes against their tables, which takes longer.

    Raises:
        sqlite3.OperationalError: it cannot be opened or is locked.
    """
    with closing(raw_connection(file, "rw", check_same_thread=False)) as database:
        try:
            with _interrupted(database, budget_s, end):
                check = "integrity_check" if with_indexes else "quick_check"
                found = database.execute(f"PRAGMA {check}(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    return ""
                raise
            return str(error)
    text = " ".join(str(found[0]).split()) if found else "nothing in it"
    if SPOILT_ROW.match(text):
        log.warning("a row of %s is spoilt: %s", file, text)
        return ""
    return "" if text == "ok" else text


@contextmanager
def _interrupted(database: sqlite3.Connection, budget_s: float | None, end: threading.Event | None) -> Iterator[None]:
    """Interrupt what the database does in the block once the time is up or ``end`` is set."""
    until = float("inf") if budget_s is None else time.monotonic() + budget_s
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            if time.monotonic() >= until or (end is not None and end.is_set()):
                database.interrupt()

    watcher = threading.Thread(target=watch, name="watch over a check", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
