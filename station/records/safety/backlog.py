"""This module holds the events that wait to be written: first in, first out, bounded, the overflow in a file."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from station.contract import DefectChanged, RowJudged
from station.records.rolls import NO_ROLL, Entry
from station.records.safety.spill import Kept, Spill

LIMIT = 8192
UNTOUCHED = 256
"""So many entries at the front may just now be written, and stay as they are; it is the most that are at once."""
MOST_PEAKS = 4096
"""A row of the score profile that was joined has no more patches."""
LIMIT_BYTES = 96 << 20
"""So much of pictures can be left in a file within the time to close."""


@dataclass(slots=True)
class _Reach:
    """How far a roll was told, and how far of that is on disk, in lines of the roll."""

    told: int = 0
    kept: int = 0


@dataclass(slots=True, eq=False)
class _Held:
    """An entry in memory: its number among all that was told, when (monotonic), and its line in the spill, if it has
    one already."""

    entry: Entry
    number: int
    told_s: float
    kept: Kept | None = None


class Backlog:
    """The backlog is a queue of entries that are told but not on disk.  Its user guards it with a lock.

    Once memory is full, entries go on to the spill, and all later ones too, until it has been read back: the order
    stays.  Where the spill takes nothing, as on a full disk, rows of the score profile are joined, which makes it
    coarser, and a defect waits without its pictures, which are given up.  Entries that fit nowhere are lost; whoever
    puts them is told so.

    Args:
        spill: where the overflow goes; None for nowhere.
        limit: entries that may wait in memory.
        limit_bytes: bytes of pictures that may wait in memory.
    """

    def __init__(self, spill: Spill | None = None, limit: int = LIMIT, limit_bytes: int = LIMIT_BYTES) -> None:
        self._spill = spill
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._held: deque[_Held] = deque()
        self._number = 0
        self._bytes = 0
        self._reach: dict[int, _Reach] = {}
        self._joined = 0
        self.unpictured = 0
        """So many entries have lost their pictures, for lack of room, since all was on disk."""

    def __len__(self) -> int:
        return len(self._held) + self.spilled

    @property
    def spilled(self) -> int:
        """Give the number of entries that wait in the spill."""
        return 0 if self._spill is None else self._spill.waiting

    @property
    def oldest_s(self) -> float | None:
        """Give the time (monotonic) since which the first entry has waited, None if nothing waits."""
        return self._held[0].told_s if self._held else None

    @property
    def lines_behind(self) -> dict[int, int]:
        """Give the lines of cloth told but not on disk, by roll id."""
        behind = {roll_id: reach.told - reach.kept for roll_id, reach in self._reach.items()}
        return {roll_id: lines for roll_id, lines in behind.items() if lines > 0}

    def has_room(self, entry: Entry) -> bool:
        """Say whether the entry fits into memory, and nothing that was told before it waits elsewhere."""
        fits = not self._held or self._bytes + picture_bytes(entry) <= self._limit_bytes
        return len(self._held) < self._limit and fits and not self.spilled

    def put(self, entry: Entry) -> bool:
        """Add an entry at the end: in memory if it fits, else in the spill.  Return False if there is no room; its
        cloth counts as told all the same."""
        if isinstance(entry.event, RowJudged) and entry.roll_id != NO_ROLL:
            reach = self._reach.setdefault(entry.roll_id, _Reach(entry.event.first_line, entry.event.first_line))
            reach.told = max(reach.told, entry.event.end_line)
        if self.has_room(entry):
            self._hold(_Held(entry, self._number, time.monotonic()))
        elif self._spill is None or not self._spill.append(self._number, entry):
            if len(self._held) >= self._limit:
                self._join_rows()
            bare = entry if self.has_room(entry) else without_pictures(entry)
            if not self.has_room(bare):
                return False
            self._hold(_Held(bare, self._number, time.monotonic()))
            self.unpictured += bare is not entry
        self._number += 1
        return True

    def take_joined(self) -> int:
        """Return how many entries became part of another since the last call."""
        joined = self._joined
        self._joined = 0
        return joined

    def _join_rows(self) -> None:
        """Make room: join rows of the score profile that follow one another and that no file holds."""
        kept: deque[_Held] = deque(itertools.islice(self._held, UNTOUCHED))
        last: _Held | None = None
        for held in itertools.islice(self._held, UNTOUCHED, None):
            is_row = isinstance(held.entry.event, RowJudged) and held.kept is None
            both = joined(last.entry, held.entry) if is_row and last is not None else None
            if both is not None and last is not None:
                last.entry = both
                self._joined += 1
                continue
            kept.append(held)
            if is_row:
                last = held
        self._held = kept

    def next_batch(self, entries: int, pictured: int) -> list[Entry]:
        """Return the first entries without taking them off: at most ``entries``, at most ``pictured`` with pictures."""
        batch: list[Entry] = []
        for held in itertools.islice(self._held, entries):
            pictured -= picture_bytes(held.entry) > 0
            if pictured < 0:
                break
            batch.append(held.entry)
        return batch

    def take_off(self, batch: Iterable[Entry]) -> list[int]:
        """Take the first entries, which are on disk or given up, off the queue; then read back what was spilled.
        Return the roll ids of spilled entries that cannot be read back, one for each: they are lost."""
        for entry in batch:
            if not self._held or self._held[0].entry is not entry:
                continue  # spilled meanwhile, at the end
            self._held.popleft()
            self._bytes -= picture_bytes(entry)
            if isinstance(entry.event, RowJudged) and (reach := self._reach.get(entry.roll_id)) is not None:
                reach.kept = max(reach.kept, entry.event.end_line)
        lost: list[int] = []
        if not self._held and self._spill is not None and self._spill.waiting:
            taken, lost = self._spill.take(self._limit // 2, self._limit_bytes // 2)
            for kept, entry in taken:
                self._hold(_Held(entry, kept.number, 0.0, kept))
        if not len(self):
            self._reach.clear()
            self.unpictured = 0
            if self._spill is not None:
                self._spill.clear()
        return lost

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        self._bytes += picture_bytes(held.entry)

    def note_loss(self, roll_id: int, events: int, why: str) -> bool:
        """Leave word for the next start that events of a roll are lost.  Return False if there is no room for it."""
        return self._spill is not None and self._spill.note_loss(roll_id, events, why)

    def close(self) -> list[Path]:
        """Leave what was spilled for the next start and return its files."""
        if self._spill is None:
            return []
        files = self._spill.files
        self._spill.close()
        return files

    def spill_all(self) -> list[Entry]:
        """Move everything to the spill for the next start, and return the entries that did not fit."""
        unsafe = [held for held in self._held if held.kept is None or not held.kept.is_safe]
        self._held.clear()
        self._bytes = 0
        if self._spill is None:
            return [held.entry for held in unsafe]
        for roll_id, why in self._spill.save_gone():
            self._spill.note_loss(roll_id, 1, why)
        return [held.entry for held in unsafe if not self._spill.add(held.number, held.entry)]


def joined(first: Entry, second: Entry) -> Entry | None:
    """Return two rows of a roll's score profile as one; None where they do not follow one another on one width."""
    one, two = first.event, second.event
    if not isinstance(one, RowJudged) or not isinstance(two, RowJudged) or second.clock_shift_s:
        return None
    is_next = one.first_line <= two.first_line <= one.end_line <= two.end_line
    is_alike = (first.roll_id, one.piece, one.width_px) == (second.roll_id, two.piece, two.width_px)
    if not is_next or not is_alike or one.peaks.size + two.peaks.size > MOST_PEAKS:
        return None
    peaks = np.concatenate((one.peaks, two.peaks))
    return replace(
        second, event=replace(two, first_line=one.first_line, peaks=peaks), clock_shift_s=first.clock_shift_s
    )


def without_pictures(entry: Entry) -> Entry:
    """Return the entry without its pictures; itself if it has none."""
    if not picture_bytes(entry) or not isinstance(entry.event, DefectChanged):
        return entry
    return replace(entry, event=DefectChanged(replace(entry.event.defect, crop=None, crop_scores=None)))


def picture_bytes(entry: Entry) -> int:
    """Return the bytes of an entry's pictures."""
    if not isinstance(entry.event, DefectChanged):
        return 0
    defect = entry.event.defect
    return sum(picture.nbytes for picture in (defect.crop, defect.crop_scores) if picture is not None)
