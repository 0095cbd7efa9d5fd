"""This module is one look at the disk: measure, remove what is too old, remove what is over the share, say how it is.

The recordings count to the share if they lie on the home's disk; on a disk of their own they have the same share of
that one for themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from station.contract import Notice, Severity
from station.records.defects.reviews import recording_name
from station.records.keeping.choosing import Pictured, Worth, guarded_rolls, pictured, with_profile, worth_of_rolls
from station.records.keeping.cloth import RecordedCloth, Shelf, removable, remove
from station.records.keeping.dropping import (
    BATCH,
    Removed,
    audit_recording,
    drop_pictures,
    drop_profile,
    settle_removed,
)
from station.records.keeping.measuring import GROWTH_DAYS, measure_all, usage
from station.records.keeping.settings import DOWN_TO, WARN_AT, RetentionSettings
from station.records.store import Store

ALWAYS = ""
"""What is of this kind is told each time; of all else the same kind once a day."""
PAUSE_S = 0.02
"""Between two batches the line has the records for itself for so long."""
BEYOND = 2**62
"""No defect has such a number."""


@dataclass
class Budget:
    """What may lie on one disk, and what does.  ``a_day`` is by how much it grows; all in bytes.  ``has_rolls`` and
    ``has_cloth`` say whether pictures and profiles lie there, and recordings."""

    name: str
    share: float
    limit: int
    used: int
    has_rolls: bool = True
    has_cloth: bool = True
    a_day: float = 0.0
    removed: Removed = field(default_factory=Removed)

    @property
    def is_over(self) -> bool:
        """Say whether more lies there than may."""
        return self.used > self.limit

    @property
    def is_eased(self) -> bool:
        """Say whether enough has gone once something had to."""
        return self.used <= DOWN_TO * self.limit

    def take(self, removed: Removed) -> None:
        """Count what was removed."""
        self.used -= removed.bytes
        self.removed.pictures += removed.pictures
        self.removed.profiles += removed.profiles
        self.removed.recordings += removed.recordings
        self.removed.bytes += removed.bytes
        self.removed.failed += removed.failed


class _Pictures:
    """The pictures of one worth (None: of any), the oldest first, a batch at a time; none is looked at twice.  With
    ``before`` only those of rolls that ended before this time."""

    def __init__(self, engine: Engine, worth: Worth | None, before: datetime | None = None) -> None:
        self._engine = engine
        self.worth = worth
        self._before = before
        self._after = (0, 0)

    def next(self, to_roll: int | None) -> list[Pictured]:
        """Return the next batch of rolls up to this one (None: of all); empty if there are no more."""
        chosen = pictured(self._engine, self.worth, self._after, to_roll, BATCH, self._before)
        if chosen:
            self._after = (chosen[-1].roll_id, chosen[-1].number)
        elif to_roll is not None:
            self._after = (to_roll, BEYOND)
        return chosen


class Round:
    """A round looks at the disk once.

    Args:
        store, settings, shelf, disk, at: as for :class:`station.records.keeping.retention.Retention`.
        go_on: says whether to go on; it is asked before each batch.
    """

    def __init__(
        self,
        store: Store,
        settings: RetentionSettings,
        shelf: Path,
        *,
        disk: Callable[[Path], int],
        at: Callable[[], datetime],
        go_on: Callable[[], bool],
    ) -> None:
        self._store = store
        self._engine = store.read_engine
        self._home = store.home
        self._settings = settings
        self._shelf = Shelf(store.home, shelf)
        self._disk = disk
        self._at = at
        self._go_on = go_on

    def run(self) -> list[tuple[str, Notice]]:
        """Look, remove, and return what to tell people, each with what kind of thing it is.

        Raises:
            OSError, SQLAlchemyError, RecordsError: the disk or the database refuses.
        """
        failed = settle_removed(self._home, self._engine, self._store.call)
        measure_all(self._engine, self._home, self._store.call, self._go_on)
        at = self._at()
        found = self._shelf.recordings(self._engine)
        budgets = self._budgets(at, found)
        self._by_age(at, budgets, found)
        for budget in budgets:
            if budget.is_over:
                self._by_worth(at, budget, found)
        failed += settle_removed(self._home, self._engine, self._store.call)
        return [*_failures(failed), *(told for budget in budgets for told in self._told(budget))]

    def _budgets(self, at: datetime, found: list[RecordedCloth]) -> list[Budget]:
        used = usage(self._engine, self._home, at)
        share = self._settings.disk_share
        cloth = sum(one.bytes for one in found)
        young = [one for one in found if (at - one.written_at).total_seconds() < GROWTH_DAYS * 86_400]
        days = max([1.0, *((at - one.written_at).total_seconds() / 86_400 for one in young)])
        cloth_a_day = sum(one.bytes for one in young) / days
        limit = int(share * self._disk(self._home))
        if not found or is_one_disk(self._home, self._shelf.folder):
            name = "Pictures, score profiles and recordings" if found else "Pictures and score profiles"
            return [Budget(name, share, limit, used.bytes + cloth, a_day=used.bytes_a_day + cloth_a_day)]
        of_cloth = int(share * self._disk(self._shelf.folder))
        return [
            Budget("Pictures and score profiles", share, limit, used.bytes, has_cloth=False, a_day=used.bytes_a_day),
            Budget("Recordings", share, of_cloth, cloth, has_rolls=False, a_day=cloth_a_day),
        ]

    def _by_age(self, at: datetime, budgets: list[Budget], found: list[RecordedCloth]) -> None:
        settings = self._settings
        if settings.pictures_days is not None:
            old = _Pictures(self._engine, None, at - timedelta(days=settings.pictures_days))
            self._pictures(old, None, budgets[0], f"older than {settings.pictures_days:g} days", to_ease=False)
        if settings.profiles_days is not None:
            why = f"older than {settings.profiles_days:g} days"
            for roll_id, size in with_profile(self._engine, at - timedelta(days=settings.profiles_days)):
                if self._go_on():
                    budgets[0].take(drop_profile(self._store.call, roll_id, size, why))
        if settings.recordings_days is not None:
            for one in self._removable(found, at):
                if one.written_at < at - timedelta(days=settings.recordings_days) and self._go_on():
                    self._recording(one, budgets[-1], f"older than {settings.recordings_days:g} days", found)

    def _by_worth(self, at: datetime, budget: Budget, found: list[RecordedCloth]) -> None:
        """Remove the oldest of what is worth least, until enough has gone."""
        why = f"{budget.used / 1e9:.3f} GB are more than the share of {budget.limit / 1e9:.3f} GB"
        cloth = self._removable(found, at) if budget.has_cloth else []
        profiles = with_profile(self._engine) if budget.has_rolls else []
        rolls = [roll_id for roll_id, _ in profiles] + [one.roll_id for one in cloth if one.roll_id is not None]
        worth_of = worth_of_rolls(self._engine, rolls)
        for worth in Worth:
            whole: list[tuple[int, RecordedCloth | int]] = [
                (roll_id, size) for roll_id, size in profiles if worth_of[roll_id] is worth
            ]
            for one in cloth:
                if (Worth.OTHER if one.roll_id is None else worth_of[one.roll_id]) is worth:
                    whole.append((one.roll_id or 0, one))
            pictures = _Pictures(self._engine, worth) if budget.has_rolls else None
            for roll_id, item in sorted(whole, key=lambda pair: pair[0]):
                self._pictures(pictures, roll_id, budget, why)
                if budget.is_eased or not self._go_on():
                    return
                if isinstance(item, RecordedCloth):
                    self._recording(item, budget, why, found)
                else:
                    budget.take(drop_profile(self._store.call, roll_id, item, why))
            self._pictures(pictures, None, budget, why)
            if budget.is_eased:
                return

    def _pictures(
        self, pictures: _Pictures | None, to_roll: int | None, budget: Budget, why: str, *, to_ease: bool = True
    ) -> None:
        """Remove pictures of rolls up to this one (None: of all), if it is to ease the budget only until that is."""
        while pictures is not None and self._go_on() and not (to_ease and budget.is_eased):
            chosen = pictures.next(to_roll)
            if not chosen:
                return
            budget.take(drop_pictures(self._home, self._store.call, chosen, pictures.worth, why))
            time.sleep(PAUSE_S)

    def _removable(self, found: list[RecordedCloth], at: datetime) -> list[RecordedCloth]:
        return removable(found, self._shelf.kept(self._engine), guarded_rolls(self._engine), at)

    def _recording(self, one: RecordedCloth, budget: Budget, why: str, found: list[RecordedCloth]) -> None:
        kept_as, name = recording_name(self._home, one.folder), one.folder.name
        told = (kept_as, name, one.segments, one.bytes, one.roll_id, why)
        if not self._store.call(lambda session: audit_recording(session, *told)):
            return
        remove(one)
        found.remove(one)
        budget.take(Removed(recordings=1, bytes=one.bytes))

    def _told(self, budget: Budget) -> Iterator[tuple[str, Notice]]:
        gone = budget.removed
        yield from _failures(gone.failed)
        if gone:
            text = f"To make room, {gone} went: of what nobody keeps, passes and the oldest first. The audit has more."
            yield ALWAYS, Notice(Severity.INFO, text)
        takes = (
            f"{budget.name} take {_gigabytes(budget.used)} of the {_gigabytes(budget.limit)} that are theirs "
            f"({budget.share:.0%} of the disk)"
        )
        if budget.is_over:
            text = (
                f"{takes}, and all that is left is kept on purpose or belongs to open rolls: keep less, or give a "
                "larger share ([retention] disk_share)."
            )
            yield f"stuck {budget.name}", Notice(Severity.ERROR, text)
        elif budget.used >= WARN_AT * budget.limit and not gone:
            text = f"{takes}. {_days_left(budget)} Say of what must stay that it is kept, or give a larger share."
            yield f"nearly {budget.name}", Notice(Severity.WARNING, text)


def _failures(failed: list[str]) -> list[tuple[str, Notice]]:
    if not failed:
        return []
    more = f" ({len(failed) - 1} more of the kind)" if len(failed) > 1 else ""
    return [("unlink", Notice(Severity.WARNING, f"A picture could not be removed: {failed[0]}{more}."))]


def _days_left(budget: Budget) -> str:
    if budget.a_day <= 0:
        return "Nothing has come in lately."
    days = (budget.limit - budget.used) / budget.a_day
    left = f"{days:.0f} days" if days >= 2 else f"{24 * days:.0f} hours"
    return (
        f"At the growth of the last {GROWTH_DAYS:.0f} days ({_gigabytes(budget.a_day)} a day) that is full in {left}; "
        "then the oldest unreviewed passes go first, then the oldest false alarms."
    )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def is_one_disk(home: Path, folder: Path) -> bool:
    """Say whether both lie on one disk.  Raises OSError."""
    return home.stat().st_dev == folder.stat().st_dev
