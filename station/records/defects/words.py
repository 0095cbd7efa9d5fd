"""This module defines what a person can say of defects, and what the records give back of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from station.contract import DefectKind
from station.records.rows import RecordsError, Verdict

SEVERITIES = ("minor", "major", "critical")
NAME_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Word:
    """A word is what a person says of one or many defects: a verdict, another kind, another severity, a note, or some
    of these.  None says nothing of it, and what was said before stays."""

    verdict: Verdict | None = None
    kind: DefectKind | None = None
    severity: str | None = None
    note: str = ""

    def checked(self) -> Word:
        """Return the word, if it says anything.  Raises RecordsError."""
        if self.severity is not None and self.severity not in SEVERITIES:
            raise RecordsError(f"{self.severity!r} is no severity; the severities are {', '.join(SEVERITIES)}.")
        if not (self.verdict or self.kind or self.severity or self.note.strip()):
            raise RecordsError("Nothing was said: give a verdict, a kind, a severity or a note.")
        return self

    def __str__(self) -> str:
        """Say it in a few words."""
        parts = [self.verdict, self.kind and f"kind {self.kind}", self.severity and f"severity {self.severity}"]
        return ", ".join(map(str, filter(None, parts))) or "note"


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row holds what a person said of a defect, and whether they took it back (when, UTC)."""

    id: int
    defect_id: int
    at: datetime
    who: str
    word: Word
    act: int
    undone_at: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class Missed:
    """This is a defect that the station missed and a person saw.

    Attributes:
        roll: the roll's name.
        position, across: where it begins along the roll, and where its middle is from the web's left edge; in mm, or px
            where the roll has no scale.
        length, width: along and across, in the same unit.
        kind: its shape.
        note: what the person has to say of it.
        picture: uint8 ``[h, w]`` or ``[h, w, 3]`` of recorded cloth, None if there is none.
    """

    roll: str
    position: float
    across: float
    length: float
    width: float
    kind: DefectKind
    note: str = ""
    picture: NDArray[np.uint8] | None = None

    def checked(self) -> Missed:
        """Return it, if its numbers can be a place and a size.  Raises RecordsError."""
        named = {"position": self.position, "across": self.across, "length": self.length, "width": self.width}
        for name, value in named.items():
            if not math.isfinite(value) or value < 0 or (value == 0 and name in ("length", "width")):
                raise RecordsError(f"The {name} of a missed defect cannot be {value:g}; measure it on the cloth.")
        return self


@dataclass(frozen=True, slots=True)
class Keep:
    """This is something that is never to be thrown away: a roll (by name), a defect (by id) or a recording (folder)."""

    roll: str | None = None
    defect_id: int | None = None
    recording: Path | None = None


def person(by: str) -> str:
    """Return a person's name as it is kept.  Raises RecordsError if there is none."""
    name = " ".join(by.split())[:NAME_LIMIT]
    if not name:
        raise RecordsError("A review needs the name of the person who gives it.")
    return name
