"""This module reads the spill files that earlier runs left, each locked from its reading until it is removed."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from station.records.locks import keep_to_oneself
from station.records.rolls import Entry
from station.records.safety.codec import content_of, entry_of
from station.records.safety.spill import SUFFIX, RollHeader

log = logging.getLogger("station.records")


@dataclass(slots=True)
class Spilled:
    """What spill files of one run hold: entries by number, losses, roll headers by roll id, and the number of damaged
    lines; ``files`` are open and locked, with the SHA-256 of each."""

    files: list[tuple[Path, BinaryIO, str]] = field(default_factory=list)
    numbered: dict[int, Entry] = field(default_factory=dict)
    losses: list[tuple[int, int, str]] = field(default_factory=list)
    headers: dict[int, RollHeader] = field(default_factory=dict)
    torn: int = 0

    @property
    def entries(self) -> list[Entry]:
        """Give the entries in the order they were told, each once."""
        return [self.numbered[number] for number in sorted(self.numbered)]

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to put on record."""
        return not (self.numbered or self.losses or self.torn)

    def close(self) -> None:
        """Close the files, which frees them for other programs."""
        for _, stream, _ in self.files:
            stream.close()

    def remove(self) -> list[str]:
        """Remove the files; return sentences about those that stay."""
        self.close()
        told = []
        for path, _, _ in self.files:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                told.append(f"{path}, whose events are on record, cannot be removed ({error.strerror}); remove it.")
        return told

    def rename(self, suffix: str) -> str:
        """Keep the files under names that no start takes in; return these."""
        self.close()
        names = []
        for path, _, _ in self.files:
            target = _free(path, suffix)
            with suppress(OSError):
                path = path.rename(target)
            names.append(str(path))
        return ", ".join(names)


def spill_files(folders: Iterable[Path]) -> list[Path]:
    """Return the spill files in folders, oldest first, less those that a running program still writes to."""
    return [path for path in _found(folders) if _is_left(path)]


def read_spilled(folders: Iterable[Path]) -> tuple[list[Spilled], list[str]]:
    """Return what spill files hold, run by run, and sentences about files that cannot be read.

    A run is left alone if one of its files cannot be read or is another program's.
    """
    told: list[str] = []
    skipped: set[str] = set()
    opened: list[tuple[Path, BinaryIO]] = []
    for path in _found(folders):
        try:
            stream = _open(path)
        except FileNotFoundError:
            continue  # another program has just taken it in
        except OSError as error:
            told.append(f"Events that wait in {path} cannot be read ({error.strerror}); check that file.")
            skipped.add(_run_in_name(path))
            continue
        if keep_to_oneself(stream.fileno()) and os.fstat(stream.fileno()).st_nlink:
            opened.append((path, stream))
        else:
            stream.close()
            skipped.add(_run_in_name(path))
    runs: dict[str, Spilled] = {}
    for path, stream in opened:
        run = _run_in_name(path)
        if run in skipped:
            stream.close()
            continue
        spilled = runs.setdefault(run, Spilled())
        try:
            _read(path, stream, spilled)
        except OSError as error:
            stream.close()
            runs.pop(run).close()
            skipped.add(run)
            told.append(f"Events that wait in {path} cannot be read ({error.strerror}); check that file.")
    return list(runs.values()), told


def _found(folders: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        try:
            found += folder.glob(f"*{SUFFIX}")
        except OSError as error:
            log.error("events kept in %s cannot be looked for: %s", folder, error)
    return sorted(found, key=lambda path: path.name)


def _is_left(path: Path) -> bool:
    with suppress(OSError), path.open("rb+") as file:
        return keep_to_oneself(file.fileno())
    return True  # reading it says what is wrong


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb+")  # some systems lock only what may be written to
    except PermissionError:
        return path.open("rb")


def _run_in_name(path: Path) -> str:
    parts = path.stem.split("-")
    return parts[-2] if len(parts) == 4 else path.name


def _read(path: Path, stream: BinaryIO, spilled: Spilled) -> None:
    digest = hashlib.sha256()
    for line in stream:
        digest.update(line)
        try:
            _sort_in(content_of(line), spilled)
        except (ValueError, KeyError, TypeError):
            spilled.torn += 1
    spilled.files.append((path, stream, digest.hexdigest()))


def _sort_in(content: dict[str, Any] | None, spilled: Spilled) -> None:
    if content is None:
        spilled.torn += 1
    elif "event" in content:
        spilled.numbered.setdefault(int(content["number"]), entry_of(content))
    elif "header" in content:
        spilled.headers[int(content["roll"])] = dict(content["header"])
    elif "lost" in content:
        spilled.losses.append((int(content["roll"]), int(content["lost"]), str(content["why"])))


def _free(path: Path, suffix: str) -> Path:
    target = path.with_name(path.name + suffix)
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}{suffix}-{number}")
    return target
