"""This module reads and writes the list of what a backup holds: a line of JSON for each file, so that millions of
pictures need no memory.

The first line says what the backup is of, the last one how many files were listed and the hash of all lines before; a
list without it was cut off.  Paths are relative, with ``/``, and checked before anything is read or written by them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.durable import durable_file
from station.records.rows import RecordsError

FILE = "backup.jsonl"
FORMAT = "station backup"
VERSION = 1
LONGEST_LINE = 64 << 10


class Header(BaseModel):
    """The header says what the backup is of.

    Attributes:
        version: of the list's format.
        revision: of the database's schema.
        rolls: on record in it.
        made_at: UTC, ISO 8601.
        home: the folder it was made of, for people.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: str
    version: int = Field(ge=1)
    revision: str = Field(max_length=32)
    rolls: int = Field(ge=0)
    made_at: str = Field(max_length=64)
    home: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the backup: its path in the home, its size in bytes, its hash and when it was written (ns)."""

    path: str
    bytes: int
    sha256: str
    modified_ns: int


def write_manifest(folder: Path, header: Header, files: Iterable[Listed]) -> None:
    """Write the list, completely or not at all.  Raises OSError."""
    hashed = hashlib.sha256()
    count = 0
    with durable_file(folder / FILE) as target:
        target.write(_line(header.model_dump(), hashed))
        for one in files:
            target.write(_line(asdict(one), hashed))
            count += 1
        target.write(_line({"files": count, "sha256": hashed.hexdigest()}, hashed))


def read_header(folder: Path) -> Header:
    """Return what a backup is of, after its whole list was checked.

    Raises:
        RecordsError: there is no list, it was cut off or changed, or a newer station made it.
    """
    file = folder / FILE
    hashed = hashlib.sha256()
    header: Header | None = None
    count, is_ended = 0, False
    for row, line in _rows(file):
        if is_ended:
            raise _bad(file, "goes on after its end")
        if header is None:
            header = _header(file, row)
        elif "files" in row:
            if row.get("files") != count or row.get("sha256") != hashed.hexdigest():
                raise _bad(file, "was changed")
            is_ended = True
        else:
            _listed(file, row)
            count += 1
        hashed.update(line)
    if header is None or not is_ended:
        raise _bad(file, "was cut off")
    return header


def listed(folder: Path) -> Iterator[Listed]:
    """Yield the files of a backup whose list :func:`read_header` has checked.  Raises RecordsError."""
    file = folder / FILE
    for number, (row, _) in enumerate(_rows(file)):
        if number and "files" not in row:
            yield _listed(file, row)


def safe_parts(path: str) -> tuple[str, ...]:
    """Return the parts of a relative path.  Raises ValueError if it could lead out of its folder, on any system."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or path != "/".join(parts):
        raise ValueError(f"{path!r} is no relative path")
    if any(part in ("..", ".") or set(part) & set("\\:\0") for part in parts):
        raise ValueError(f"{path!r} leads out of its folder")
    return parts


def _line(row: dict[str, Any], hashed: hashlib._Hash) -> bytes:
    line = json.dumps(row, sort_keys=True).encode("ascii") + b"\n"
    hashed.update(line)
    return line


def _rows(file: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    try:
        with file.open("rb") as lines:
            while line := lines.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):
                    raise _bad(file, "was cut off")
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise _bad(file, "has a line that says nothing")
                yield row, line
    except FileNotFoundError:
        raise RecordsError(
            f"{file.parent} holds no whole backup: its list {file.name} is missing; name the folder of a backup that "
            "was finished."
        ) from None
    except (ValueError, RecursionError):
        raise _bad(file, "has a line that cannot be read") from None
    except OSError as error:
        raise RecordsError(f"The backup's list {file} cannot be read: {error.strerror or error}.") from error


def _header(file: Path, row: dict[str, Any]) -> Header:
    if row.get("format") != FORMAT:
        raise _bad(file, "is none of a station's")
    version = row.get("version")
    if isinstance(version, int) and version > VERSION:
        raise RecordsError(
            f"The backup {file.parent} was made by a newer station (format {version}; this one knows up to {VERSION}); "
            "upgrade the station."
        )
    try:
        return Header.model_validate(row)
    except ValidationError:
        raise _bad(file, "does not say what it is of") from None


def _listed(file: Path, row: dict[str, Any]) -> Listed:
    try:
        one = Listed(**row)
        safe_parts(one.path)
        if not (isinstance(one.bytes, int) and isinstance(one.modified_ns, int) and one.bytes >= 0):
            raise ValueError("no size")
        if not (len(one.sha256) == 64 and set(one.sha256) <= set("0123456789abcdef")):
            raise ValueError("no hash")
    except (TypeError, ValueError) as error:
        raise _bad(file, f"has a line that is refused ({' '.join(str(error).split())[:120]})") from None
    return one


def _bad(file: Path, what: str) -> RecordsError:
    return RecordsError(f"The backup's list {file} {what}; use another backup.")
