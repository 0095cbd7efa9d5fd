"""This module turns errors of SQLite, SQLAlchemy and the file system into one plain sentence."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from station.records.rows import RecordsError

_SENTENCES = (
    ("disk is full", "the disk is full; free some space, what waits is then written by itself"),
    ("readonly database", "the database may not be written to; check the rights of the file and of its folder"),
    ("unable to open", "the database cannot be opened; check that the folder exists and may be written to"),
    ("not a database", "the file is not a database; move it away or name another home folder"),
    ("malformed", "the database is damaged; restore a copy from the home's folder backups"),
    ("locked", "the database is locked by another program; close it or wait"),
    ("disk i/o error", "the disk refuses to be written to; check free space, quotas and the disk's health"),
    ("no such table", "the database lacks a table of the station; name another home folder"),
)

_ERRNOS = {
    errno.ENOSPC: "the disk is full; free some space, what waits is then written by itself",
    errno.EDQUOT: "the disk quota is used up; free some space, what waits is then written by itself",
    errno.EFBIG: "the file may not grow any more; check quotas and limits",
    errno.EROFS: "the disk is read-only; name a home folder that may be written to (--home or STATION_HOME)",
    errno.EACCES: "writing is not allowed there; name a home folder that may be written to (--home or STATION_HOME)",
    errno.EPERM: "writing is not allowed there; name a home folder that may be written to (--home or STATION_HOME)",
    errno.ENOTDIR: "part of the path is a file, not a folder; name another home folder (--home or STATION_HOME)",
    errno.EEXIST: "it is a file, not a folder; name another home folder (--home or STATION_HOME)",
}


def is_environment(error: BaseException) -> bool:
    """Return True if the cause lies outside the data (disk, rights, locks), so the same write may succeed later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
    return isinstance(error, (OSError, sqlite3.OperationalError))


def records_error(error: BaseException, target: str) -> RecordsError:
    """Return the sentence for ``error``, which came up during work on ``target`` (a file, folder or database)."""
    if isinstance(error, RecordsError):
        return error
    return RecordsError(f"The records in {target} failed: {_reason(error)}.")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0, error.strerror or str(error))
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    for fragment, sentence in _SENTENCES:
        if fragment in text.lower():
            return sentence
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        return " ".join(text.split()).rstrip(".")
    return f"{type(error).__name__}: {' '.join(text.split())}".rstrip(".: ")
