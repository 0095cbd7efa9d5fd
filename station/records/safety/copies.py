"""This module keeps daily copies of the database, each checked as a whole, so that there is one to go back to."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

from model.durable import sync_folder

FOLDER = Path("backups", "daily")
KEPT = 7
PAGES = 256
"""Pages copied in one go; between two the line may write."""
PAUSE_S = 0.01
FIRST_S = 2.0
LOOK_S = 600.0

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
    """Return the verified copies of a home's database, newest first."""
    return sorted((home / FOLDER).glob("station-????-??-??.db"), reverse=True)


def newest_copy(home: Path) -> str:
    """Say which copy there is to go back to."""
    found = copies(home)
    if not found:
        return "there is no copy yet"
    return f"the newest verified copy is {found[0]}"


def make_copy(home: Path, file: Path, end: threading.Event, day: date | None = None) -> Path | None:
    """Copy the database under today's date and check the copy as a whole; the oldest beyond a week go.

    Returns None if today's is there already, the database is empty, or ``end`` was set meanwhile.

    Raises:
        CopyFailed: too little room on the disk, or the check found damage.
        OSError, sqlite3.Error: the copy cannot be written.
    """
    target = home / FOLDER / f"station-{day or date.today()}.db"
    size = file.stat().st_size if file.is_file() else 0
    if target.exists() or not size:
        return None
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if shutil.disk_usage(target.parent).free < 2 * size:
        room = f"{2 * size / 2**20:.0f} MiB"
        raise CopyFailed(f"the disk of {target.parent} has less than {room} left; free some space.")
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if not _copied(file, partial, end):
            return None
        damage = damage_in(partial)
        if damage:
            raise CopyFailed(f"the database is damaged ({damage}); {newest_copy(home)}.")
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    for old in copies(home)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def _copied(file: Path, partial: Path, end: threading.Event) -> bool:
    """Copy step by step; return False if ``end`` was set meanwhile."""

    class Stopped(Exception):  # noqa: N818 - never leaves this function
        pass

    def step(_status: int, _remaining: int, _total: int) -> None:
        if end.is_set():
            raise Stopped

    source = closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True))
    with source as database, closing(sqlite3.connect(partial)) as copy:
        try:
            database.backup(copy, pages=PAGES, progress=step, sleep=PAUSE_S)
        except Stopped:
            return False
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, which can be carried elsewhere
    return True


def damage_in(file: Path, budget_s: float | None = None) -> str:
    """Check a database as a whole; return the first thing found in a few words, '' if it is good.

    Args:
        budget_s: stop after so long; what was not looked at counts as good.

    Raises:
        sqlite3.OperationalError: it cannot be opened or is locked.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=2.0)) as database:
        stopper = threading.Timer(budget_s or 0.0, database.interrupt)
        if budget_s is not None:
            stopper.start()
        try:
            found = database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    return ""
                raise
            return str(error)
        finally:
            stopper.cancel()
    text = " ".join(str(found[0]).split()) if found else "nothing in it"
    return "" if text == "ok" else text
