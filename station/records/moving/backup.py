"""This module makes a backup of a home while its station runs: database, pictures, models and all else that lies in it,
read back and held against what was read before the backup counts as one.

The database comes first, then the pictures that its rows name: a picture is written before its row and only retention
removes one, which waits meanwhile, so every row's picture is in the backup.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model.durable import make_private
from station.records import images
from station.records.engine import DATABASE, raw_connection
from station.records.errors import records_error
from station.records.locks import EVIDENCE, FileLock
from station.records.moving.files import RECORDINGS, copy_file, movable, read_back, settle, size_of
from station.records.moving.manifest import FILE, FORMAT, VERSION, Header, Listed, write_manifest
from station.records.read_only import NoRecords, open_read_only
from station.records.rows import RecordsError
from station.records.safety.copies import copy_pages, damage_in

PATIENCE_S = 60.0
"""So long a backup waits for retention, which works in short batches."""
YOUNG_S = 60.0
"""A picture that no row names, and that is no older at the backup, belongs to a row that comes after it."""
SPARE_BYTES = 16 << 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: files (the database among them), their bytes, rolls on record; and what to tell people."""

    files: int
    bytes: int
    rolls: int
    notes: tuple[str, ...] = ()


def back_up(
    home: Path, folder: Path, *, with_recordings: bool = False, progress: Progress = lambda _text: None
) -> Moved:
    """Back a home up into a new or empty folder.  Nothing in the home is changed; its station may run.

    Args:
        home, folder: of what, and where to.
        with_recordings: take recordings of cloth along.
        progress: takes a few words for each file; what it raises ends the backup.

    Raises:
        RecordsError: there are no records, they are damaged, the folder is in use or in the home, there is no room, a
            file cannot be read or written, or reads back otherwise.  What was written is then removed.
    """
    home, folder = home.absolute(), folder.absolute()
    if not (home / DATABASE).is_file():
        raise NoRecords(f"There are no records in {home}; name the home folder of a station (--home).")
    is_new = _check_place(home, folder)
    try:
        with _retention_waits(home):
            make_private(folder)
            return _made(home, folder, with_recordings, progress)
    except (OSError, sqlite3.Error) as error:
        _remove(folder, is_new)
        raise _failed(error, folder) from error
    except BaseException:
        _remove(folder, is_new)
        raise


def _check_place(home: Path, folder: Path) -> bool:
    """Return whether the folder is new.  Raises RecordsError if no backup can be made in it."""
    inside = folder.resolve()
    if home.resolve() in (inside, *inside.parents):
        raise RecordsError(f"The folder {folder} lies in the home {home}; name one outside, best on another disk.")
    try:
        if not folder.exists():
            return True
        if not folder.is_dir():
            raise RecordsError(f"{folder} is a file; name a new folder for the backup.")
        if (folder / FILE).exists():
            raise RecordsError(f"{folder} holds a backup already; name a new folder for this one.")
        if any(name.name != "lost+found" for name in folder.iterdir()):
            raise RecordsError(f"The folder {folder} is not empty; name a new one for the backup.")
    except OSError as error:
        raise _failed(error, folder) from error
    return False


@contextmanager
def _retention_waits(home: Path) -> Iterator[None]:
    """Keep retention from removing pictures meanwhile."""
    lock = FileLock(home / EVIDENCE)
    try:
        is_held = lock.take(PATIENCE_S)
    except OSError:
        is_held = True  # a home that may not be written to: nobody removes anything there
    if not is_held:
        raise RecordsError("Old pictures are being removed from this home, or it is being backed up; try again.")
    try:
        yield
    finally:
        lock.free()


def _made(home: Path, folder: Path, with_recordings: bool, progress: Progress) -> Moved:
    since_s = time.time() - YOUNG_S
    header = _copied_database(home, folder, with_recordings, progress)
    files = [_listed(folder / DATABASE, DATABASE)]
    with closing(raw_connection(folder / DATABASE)) as database:
        for file, path in movable(home, with_recordings=with_recordings):
            if _is_too_young(file, path, database, since_s):
                continue
            with suppress(FileNotFoundError):  # it went meanwhile, as a picture does that is set aside
                files.append(Listed(path, *copy_file(file, folder / path)))
                progress(f"{len(files)} files copied")
        notes = list(_notes(home, database, with_recordings))
    settle()
    for number, one in enumerate(files):
        if read_back(folder / one.path) != (one.bytes, one.sha256):
            raise RecordsError(
                f"The file {folder / one.path} reads back otherwise than it was written, so the backup is worthless; "
                "that disk may be failing: use another one."
            )
        progress(f"{number + 1} of {len(files)} files read back")
    write_manifest(folder, header, files)
    return Moved(len(files), sum(one.bytes for one in files), header.rolls, tuple(notes))


def _copied_database(home: Path, folder: Path, with_recordings: bool, progress: Progress) -> Header:
    target = folder / DATABASE
    with open_read_only(home) as engine, closing(engine.raw_connection()) as pooled:
        source = pooled.driver_connection
        assert isinstance(source, sqlite3.Connection)
        pages, size = (source.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        wanted = pages * size + size_of(movable(home, with_recordings=with_recordings)) + SPARE_BYTES
        free = shutil.disk_usage(folder).free
        if wanted > free:
            raise RecordsError(
                f"The backup needs {wanted / 1e9:.2f} GB, and the disk of {folder} has {free / 1e9:.2f} GB free; make "
                "room or name a folder on another disk."
            )
        target.touch(0o600, exist_ok=False)
        copy_pages(source, target, lambda: _is_over(progress))
    progress("checking the database")
    if damage := damage_in(target, with_indexes=True):
        raise RecordsError(
            f"The database of {home} is damaged ({damage}), so no backup was made of it; start its station, which puts "
            "a damaged database aside, or go back to a copy in its folder backups."
        )
    with closing(raw_connection(target)) as copy:
        rolls = copy.execute("SELECT count(*) FROM roll").fetchone()[0]
        revision = copy.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return Header(
        format=FORMAT, version=VERSION, revision=revision, rolls=rolls, made_at=made_at, home=ascii(str(home))[1:-1]
    )


def _is_over(progress: Progress) -> bool:
    """Tell of the progress, which ends a copy only by what it raises."""
    progress("copying the database")
    return False


def _listed(file: Path, path: str) -> Listed:
    return Listed(path, *read_back(file), file.stat().st_mtime_ns)


def _is_too_young(file: Path, path: str, database: sqlite3.Connection, since_s: float) -> bool:
    """Say whether a file is the picture of a row that came after the database was copied."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != images.FOLDER or not parts[1].isdecimal():
        return False
    with suppress(FileNotFoundError):
        if file.stat().st_mtime < since_s:
            return False
    named = "SELECT 1 FROM defect WHERE roll_id = ? AND (crop_file = ? OR heat_file = ?) LIMIT 1"
    return database.execute(named, (int(parts[1]), path, path)).fetchone() is None


def _notes(home: Path, database: sqlite3.Connection, with_recordings: bool) -> Iterable[str]:
    """Say what the backup lacks."""
    query = "SELECT file FROM model_version WHERE file IS NOT NULL"
    for (file,) in database.execute(query):
        if not (home / file).is_file():
            yield f"The model file {home / file} is gone, so the backup has only its row."
        elif Path(file).is_absolute():
            yield f"The model file {file} lies outside the home and is not in the backup; keep a copy of it."
    if not with_recordings and any((home / RECORDINGS).glob("*")):
        yield "Recordings of cloth are not in the backup; --with-recordings takes them along."


def _remove(folder: Path, is_new: bool) -> None:
    """Remove what was written of a backup that failed."""
    with suppress(OSError):
        if is_new:
            shutil.rmtree(folder)
            return
        for one in folder.iterdir():
            if one.is_dir() and one.name != "lost+found":
                shutil.rmtree(one)
            elif one.is_file():
                one.unlink()


def _failed(error: Exception, folder: Path) -> RecordsError:
    where = getattr(error, "filename", None) or folder
    why = getattr(error, "strerror", None)
    if isinstance(error, OSError) and why:
        return RecordsError(f"The backup in {folder} could not be made: {where}: {why}.")
    return records_error(error, str(where))
