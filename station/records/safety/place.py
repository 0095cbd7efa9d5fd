"""This module watches the place of the database: a file that was deleted, replaced or moved is noticed and, if it is
gone for good, written anew from what the open file still holds.

SQLite goes on writing into a deleted or renamed file without a word; only the numbers of the file tell.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from model.durable import sync_folder
from station.records.engine import raw_connection
from station.records.locks import FileLock
from station.records.rows import RecordsError

LOOK_S = 0.5
"""Where nothing is written, the place is looked at so often; else before each write."""
SIDE_FILES = ("-wal", "-shm")

MAGIC = b"SQLite format 3\0"
LOG_MAGIC = b"\x37\x7f\x06"
"""A database and its write-ahead log begin so."""

FileId = tuple[int, int]


class Place:
    """The place is where a SQLite database should be: path and file numbers as they were when it was opened.

    Args:
        file: the database.
        engine: the engine that writes, whose open connection holds the file even if its name is gone.
        on_moved_in: called once the database was written anew, so that readers open the new file and locks are taken
            again.
    """

    def __init__(self, file: Path, engine: Engine, on_moved_in: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._engine = engine
        self._on_moved_in = on_moved_in
        # An open handle, as only that tells a deleted file from a moved one.  It is not closed before SQLite's own:
        # closing any handle on the file frees the locks of the whole process.
        self._handle: int | None = None
        self._known: FileId | None = None
        self._log: FileId | None = None
        self.remember()

    def remember(self) -> None:
        """Take the file that is there now for the database.  Raises OSError."""
        if os.name != "posix":
            return  # Windows lets nobody delete or rename an open file
        before = self._handle
        self._handle = os.open(self._file, os.O_RDONLY)
        self._known = _numbers(os.fstat(self._handle))
        self._log = _found(_beside(self._file)[0])
        if before is not None:
            os.close(before)

    def close(self) -> None:
        """Let the file go; after the engines have."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            self._known = None

    def look(self) -> str:
        """Check the place; return in a sentence what was put right, '' if nothing had to be.

        Raises:
            RecordsError: the database was moved; whatever waits must wait until it is back.
            OSError, SQLAlchemyError, sqlite3.Error: it is gone and could not be written anew yet.
        """
        if self._known is None:
            return ""
        if _found(self._file) == self._known:
            self._check_content()
            self._log = _found(_beside(self._file)[0])
            return ""
        if self._handle is not None and os.fstat(self._handle).st_nlink > 0:
            raise RecordsError(
                f"The database {self._file} was moved away under the running station{self._where_to()}; move it back, "
                "what waits is then written by itself."
            )
        return self._write_anew()

    def _check_content(self) -> None:
        """Raise RecordsError if somebody else wrote into the open file.

        The handle that is kept reads it: to close another would free SQLite's locks.
        """
        assert self._handle is not None
        if os.pread(self._handle, len(MAGIC), 0) == MAGIC:
            with suppress(FileNotFoundError), _beside(self._file)[0].open("rb") as log:
                if log.read(len(LOG_MAGIC)) in (LOG_MAGIC, b""):
                    return
        raise RecordsError(
            f"The database {self._file} was overwritten under the running station: what comes now waits; end the "
            "station and start it again, it then opens a fresh one and keeps this one aside."
        )

    def _where_to(self) -> str:
        with suppress(OSError):
            return f" (to {Path(f'/proc/self/fd/{self._handle}').readlink()})"
        return ""

    def _write_anew(self) -> str:
        """Copy the open, nameless database to its place; a file that stands there now is kept aside, unless another
        program wrote the same records anew before."""
        is_home_gone = not self._file.parent.exists()
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(self._file.parent / "locks" / "renewal.lock")
        if not lock.take(timeout_s=2.0):
            raise RecordsError(f"Another program is putting the database {self._file} right.")
        try:
            how = self._moved_in()
        finally:
            lock.free()
        self._engine.dispose()
        self.remember()
        self._on_moved_in()
        gone = " Pictures and models that lay in its folder are gone." if is_home_gone else ""
        return (
            f"The database {self._file} was {how} under the running station; all that was on record is there "
            f"again.{gone} End the station before you change its files."
        )

    def _moved_in(self) -> str:
        """Put the records at their place again, and say what had become of the file."""
        copy = self._file.with_name(f".{self._file.name}.{os.getpid()}.anew")
        log = _beside(self._file)[0]
        if _found(log) == self._log:  # it belongs to the file that is gone, and would spoil the one that came
            for left in _beside(self._file):
                left.unlink(missing_ok=True)
        with self._engine.connect() as connection:
            source = connection.connection.dbapi_connection
            assert isinstance(source, sqlite3.Connection)
            if not source.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise RecordsError(
                    f"The database {self._file} was deleted under the running station and nothing of it is left open; "
                    "bring a copy back from the home's folder backups."
                )
            if self._file.exists() and _holds_all_of(source, self._file):
                return "deleted"  # and written anew by another program
            copy.unlink(missing_ok=True)
            os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        aside = put_aside(self._file, "replaced") if self._file.exists() else None
        for left in _beside(self._file):
            left.unlink(missing_ok=True)
        copy.replace(self._file)
        sync_folder(self._file.parent)
        return f"replaced; that file is kept as {aside}" if aside else "deleted"


def put_aside(file: Path, why: str) -> Path:
    """Rename a database, with its side files, to a name beside it that says when and why; return the new name.

    Raises:
        OSError: it cannot be renamed.
    """
    stem = f"{file.stem}-{why}-{datetime.now():%Y%m%d-%H%M%S}"
    aside = file.with_name(f"{stem}{file.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{stem}-{number}{file.suffix}")
    for left in _beside(file):
        if left.exists():
            shutil.move(left, aside.with_name(aside.name + left.name.removeprefix(file.name)))
    file.rename(aside)
    return aside


def _beside(file: Path) -> list[Path]:
    return [file.with_name(f"{file.name}{end}") for end in SIDE_FILES]


def _holds_all_of(ours: sqlite3.Connection, file: Path) -> bool:
    """Say whether the database at the path has the last audit row of ours, and so all that ours has."""
    last = ours.execute("SELECT last_hash FROM event_head").fetchone()
    try:
        with closing(raw_connection(file)) as theirs:
            return last is not None and bool(theirs.execute("SELECT 1 FROM event WHERE hash = ?", last).fetchone())
    except sqlite3.Error:
        return False


def _numbers(status: os.stat_result) -> FileId:
    return status.st_dev, status.st_ino


def _found(file: Path) -> FileId | None:
    """Return the numbers of the file at the path, None if there is none.  Raises OSError."""
    try:
        return _numbers(file.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None
