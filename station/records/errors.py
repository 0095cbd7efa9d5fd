"""This module turns errors of SQLite, SQLAlchemy and the file system into one plain sentence."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from station.records.rows import RecordsError

_SENTENCES = (
    ("disk is full", "the disk is full; free some space, what waits is then written by itself"),
    ("readonly database", "the database may not be written to; check the rights of the file and of its folder"),
    ("unable to open", "the database cannot be opened; check that the folder exists and may be written to"),
    ("not a database", "the file is not a database; move it away or name another home folder"),
    ("malformed", "the database is damaged; keep it, and restore a whole copy if the home's folder backups has one"),
    ("corrupt", "the database is damaged; keep it, and restore a whole copy if the home's folder backups has one"),
    ("locked", "the database is locked by another program; close it or wait"),
    ("disk i/o error", "the disk refuses to be written to; check free space, quotas and the disk's health"),
    (
        "no such table",
        "the database lacks a table of the station; keep it, and restore a whole copy from its backups",
    ),
    ("no such column", "the database lacks a column of the station; name another home folder"),
    ("constraint failed", "what is on record there does not fit; another program may have changed the database"),
    ("schema has changed", "another program changed the database meanwhile; try again"),
)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""The file itself is spoilt: written over while the station runs, or by a failing disk."""

_ERRNOS = {
    errno.ENOSPC: "the disk is full; free some space, what waits is then written by itself",
    errno.EDQUOT: "the disk quota is used up; free some space, what waits is then written by itself",
    errno.EFBIG: "the file may not grow any more; check quotas and limits",
    errno.EROFS: "the disk is read-only; name a home folder that may be written to (--home or STATION_HOME)",
    errno.EACCES: "writing is not allowed there; name a home folder that may be written to (--home or STATION_HOME)",
    errno.EPERM: "writing is not allowed there; name a home folder that may be written to (--home or STATION_HOME)",
    errno.ENOTDIR: "part of the path is a file, not a folder; name another home folder (--home or STATION_HOME)",
    errno.ENAMETOOLONG: "its path is too long; name another home folder (--home or STATION_HOME)",
    errno.EEXIST: "it is a file, not a folder; name another home folder (--home or STATION_HOME)",
}


def is_environment(error: BaseException) -> bool:
    """Return True if the cause lies outside the data (disk, rights, locks, a file that is damaged), so that the same
    write may succeed later, or elsewhere."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_environment(error.orig))
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return True
    return isinstance(error, OSError) or type(error).__name__ == "OperationalError"  # that of any driver


def records_error(error: BaseException, target: str) -> RecordsError:
    """Return the sentence for ``error``, which came up during work on ``target`` (a file, folder or database)."""
    if isinstance(error, RecordsError):
        return error
    return RecordsError(f"The records in {target} failed: {_reason(error)}.")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0, error.strerror or str(error))
    text = plainly(error)
    for fragment, sentence in _SENTENCES:
        if fragment in text.lower():
            return sentence
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        return text
    return f"{type(error).__name__}: {text}".rstrip(".: ")


def plainly(error: BaseException) -> str:
    """Return what an error says on one line, without SQL, its values and the library's web address."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    text = str(cause.args[0]) if isinstance(cause, SQLAlchemyError) and cause.args else str(cause)
    for marker in ("[SQL:", "(Background on this error"):
        text = text.split(marker)[0]
    return " ".join(text.split()).rstrip(".")
