"""This module brings a backup back: into an empty home, or into one with records, which are then kept beside it.

All is copied into a folder of the home first and checked there; only then do files change places, by renaming.  A note
of how far that went makes the next start undo what was not ready, or finish what was, so a home is never half of each.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from model.durable import make_private, sync_folder, write_whole
from station.current_user import login
from station.records.engine import DATABASE, raw_connection
from station.records.errors import records_error
from station.records.locks import FileLock, is_held
from station.records.moving.backup import SPARE_BYTES, Moved, Progress
from station.records.moving.files import (
    ASIDE,
    LEFT_BEHIND,
    STAGE,
    copy_file,
    is_of_this_computer,
    read_back,
    settle,
)
from station.records.moving.manifest import Header, Listed, listed, read_header, safe_parts
from station.records.rows import RecordsError
from station.records.safety.copies import damage_in
from station.records.schema import HEAD
from station.records.store import Store

NEW = "new"
CLEARING, FILLING = "clearing.json", "filling.json"
LOCK = Path("locks", "restore.lock")
NOTE = "restored.json"
"""This file says what was restored until the next start has put it into the audit."""
SIGNS_OF_USE = ("models", "images", "backups", "recordings", "unrecorded")

log = logging.getLogger("station.records")


def restore(folder: Path, home: Path, *, replace: bool = False, progress: Progress = lambda _text: None) -> Moved:
    """Bring a backup back into a home; if anything fails, the home is as it was before.

    Args:
        folder: the backup.
        home: where to; made if it is not there.
        replace: a home that has records may be replaced; they are kept in a folder in it, whose name is told.
        progress: takes a few words for each file; what it raises ends the restoring.

    Raises:
        RecordsError: the backup is not whole, was changed or is a newer station's, the home has records or is in use,
            or the disk refuses.
    """
    folder, home = folder.absolute(), home.absolute()
    try:
        header = read_header(folder)
        if header.revision > HEAD:
            raise RecordsError(
                f"The backup {folder} has records of a newer station (revision {header.revision}; this one knows up to "
                f"{HEAD}); upgrade the station."
            )
        wanted = _verified(folder, progress)
        was_there = home.exists()
        try:
            with _alone(home):
                resume_restore(home)
                _check_home(home, replace)
                return _restored(folder, home, header, wanted, progress)
        finally:
            if not was_there:
                _remove_if_empty(home)
    except (OSError, sqlite3.Error) as error:
        raise _failed(error, home) from error


def resume_restore(home: Path) -> str:
    """Undo, or finish, a restore that was cut off; return what was done in a sentence, '' if there was none.

    Raises:
        OSError: the disk refuses.
    """
    stage = home / STAGE
    if not stage.is_dir():
        return ""
    if (stage / FILLING).exists():
        _fill(home)
        return f"A backup whose restoring was cut off has been brought back into {home} as a whole now."
    if not (stage / CLEARING).exists() and not (stage / NEW).exists():
        shutil.rmtree(stage)  # all was done but this
        return ""
    if (stage / CLEARING).exists():
        aside = home / json.loads((stage / CLEARING).read_bytes())["aside"]
        for one in aside.iterdir() if aside.is_dir() else ():
            one.rename(home / one.name)
        with suppress(OSError):
            aside.rmdir()
    shutil.rmtree(stage)
    return f"The restoring of a backup was cut off before it was ready, so {home} is as it was."


def settle_restore(home: Path) -> str:
    """Do at a start what :func:`resume_restore` does, unless a restore runs.

    Raises:
        RecordsError: a restore runs, or the disk refuses.
    """
    if not (home / STAGE).is_dir():
        return ""
    try:
        with _alone(home):
            return resume_restore(home)
    except OSError as error:
        raise _failed(error, home) from error


def note_restore(store: Store) -> None:
    """Put into the audit that the home was restored, if it was since the last start."""
    note = store.home / NOTE
    try:
        told = json.loads(note.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read: %s", note, error)
        return
    store.audit("home restored", "", json.dumps(told, sort_keys=True), login(), "a backup was brought back")
    with suppress(OSError):
        note.unlink()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    lock = FileLock(home / LOCK)
    make_private(home)
    if not lock.take():
        raise RecordsError(f"A backup is being restored to {home} by another program; wait until it is done.")
    try:
        yield
    finally:
        lock.free(remove=True)


def _verified(folder: Path, progress: Progress) -> int:
    """Hold every file of a backup against its list; return the bytes of all.  Raises RecordsError."""
    total, has_database = 0, False
    for number, one in enumerate(listed(folder)):
        if is_of_this_computer(safe_parts(one.path)[0]) and one.path != DATABASE:
            raise RecordsError(f"The backup {folder} lists {one.path}, which no backup has; use another backup.")
        file = _inside(folder, one)
        if file is None or not file.is_file():
            raise RecordsError(f"The backup {folder} lacks the file {one.path}; use another backup.")
        if read_back(file) != (one.bytes, one.sha256):
            raise RecordsError(f"The file {file} of the backup is damaged or was changed; use another backup.")
        total += one.bytes
        has_database = has_database or one.path == DATABASE
        progress(f"{number + 1} files checked")
    if not has_database:
        raise RecordsError(f"The backup {folder} has no database; use another backup.")
    return total


def _inside(folder: Path, one: Listed) -> Path | None:
    """Return the path of a listed file; None if a link leads elsewhere."""
    file = folder.joinpath(*safe_parts(one.path))
    root = folder.resolve()
    return file if file.resolve() == root.joinpath(*safe_parts(one.path)) else None


def _check_home(home: Path, replace: bool) -> None:
    """Raise RecordsError if the home is in use, or has records and may not be replaced."""
    file = home / DATABASE
    used = [name for name in SIGNS_OF_USE if any((home / name).glob("*"))]
    if file.exists() and file.stat().st_size:
        used.insert(0, DATABASE)
    if used and not replace:
        raise RecordsError(
            f"The home {home} has records already ({', '.join(used)}); name an empty home (--home), or add --replace "
            "to have them kept aside."
        )
    open_rolls = [lock for lock in (home / "locks").glob("*.lock") if lock.name != LOCK.name and is_held(lock)]
    if open_rolls or (file.exists() and _is_open(file)):
        raise RecordsError(f"A station runs on the home {home}; end it before a backup is restored there.")


def _is_open(file: Path) -> bool:
    """Say whether another program has the database open, even if it is idle: its share of the write-ahead log's index
    keeps others from having that for themselves."""
    try:
        with closing(raw_connection(file, "rw", timeout=0.0, isolation_level=None)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    except sqlite3.Error:
        return False  # damaged: nobody works with it
    return False


def _restored(folder: Path, home: Path, header: Header, wanted: int, progress: Progress) -> Moved:
    stage, new = home / STAGE, home / STAGE / NEW
    free = shutil.disk_usage(home).free
    if wanted + SPARE_BYTES > free:
        raise RecordsError(
            f"The backup needs {wanted / 1e9:.2f} GB, and the disk of {home} has {free / 1e9:.2f} GB free; make room "
            "or name a home on another disk (--home)."
        )
    try:
        make_private(new)
        files = 0
        for one in listed(folder):
            size, digest, _ = copy_file(folder / one.path, new / one.path)
            if (size, digest) != (one.bytes, one.sha256):
                raise RecordsError(f"The file {folder / one.path} of the backup changed meanwhile; use another backup.")
            files += 1
            progress(f"{files} files copied")
        if damage := damage_in(new / DATABASE, with_indexes=True):
            raise RecordsError(f"The database in the backup {folder} is damaged ({damage}); use another backup.")
        note = {"from": ascii(str(folder))[1:-1], "made_at": header.made_at, "home": header.home, "rolls": header.rolls}
        write_whole(new / NOTE, json.dumps({**note, "at": datetime.now(UTC).isoformat(timespec="seconds")}))
        (new / NOTE).chmod(0o600)
        settle()
        aside = _clear(home)
    except BaseException:
        with suppress(OSError):
            resume_restore(home)
        raise
    _fill(home)
    notes = () if aside is None else (f"What the home had before is kept in {aside}; remove it once all is well.",)
    assert not stage.exists()
    return Moved(files, wanted, header.rolls, notes)


def _clear(home: Path) -> Path | None:
    """Move all that a home had aside; return where to, None if it had nothing."""
    stage = home / STAGE
    old = [
        one for one in home.iterdir() if one.name not in (LEFT_BEHIND - {"backups"}) and not one.name.startswith(ASIDE)
    ]
    aside = _new_aside(home)
    write_whole(stage / CLEARING, json.dumps({"aside": aside.name}))
    if old:
        make_private(aside)
    for one in old:
        one.rename(aside / one.name)
    sync_folder(home)
    (stage / CLEARING).rename(stage / FILLING)
    sync_folder(stage)
    return aside if old else None


def _fill(home: Path) -> None:
    """Move what was staged into a home that was cleared.  May be called again after a crash."""
    stage = home / STAGE
    for one in (stage / NEW).iterdir() if (stage / NEW).is_dir() else ():
        one.rename(home / one.name)
    sync_folder(home)
    shutil.rmtree(stage / NEW, ignore_errors=True)
    (stage / FILLING).unlink()
    shutil.rmtree(stage)


def _new_aside(home: Path) -> Path:
    stem = f"{ASIDE}{datetime.now():%Y%m%d-%H%M%S}"
    beside = (home / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    return next(path for path in beside if not path.exists())


def _remove_if_empty(home: Path) -> None:
    """Remove a home that only the try to restore has made."""
    with suppress(OSError):
        (home / LOCK).parent.rmdir()
        home.rmdir()


def _failed(error: Exception, home: Path) -> RecordsError:
    why = getattr(error, "strerror", None)
    if isinstance(error, OSError) and why:
        where = error.filename or home
        return RecordsError(f"The backup could not be restored to {home}, which is as it was: {where}: {why}.")
    return records_error(error, str(home))
