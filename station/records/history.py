"""This module reads the records: it returns plain rows and may be called from any thread.

Lists are read though single rows of them are spoilt: who asks with ``told`` is told of each such row and gets the rest;
without it the first one raises SpoiltRowError.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Executable, Row, Select, case, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.contract import Severity, StopStep
from station.recipe import Recipe
from station.recipe.cloth_look import ClothLook
from station.recipe.names import tidy
from station.records.calibrations import calibration_query, calibration_row
from station.records.defects.said import review_query, review_rows
from station.records.defects.search import rows_query
from station.records.defects.tables import KeptRecordingTable, TallyTable
from station.records.defects.words import ReviewRow
from station.records.engine import shown
from station.records.errors import records_error
from station.records.people import register
from station.records.reading.doubtful import doubtful_rolls
from station.records.reading.plain import (
    Counts,
    defect_row,
    mark_row,
    of_identity,
    recipe_row,
    roll_query,
    roll_row,
    stretch_row,
)
from station.records.reading.told import ToldOfRolls
from station.records.reading.values import Told, Values, as_they_lie, readable
from station.records.roll_life.marks import MarkRow
from station.records.roll_life.table import RollMarkTable
from station.records.rolls import place_of
from station.records.rows import (
    CalibrationRow,
    DefectFilter,
    DefectRow,
    RecipeRow,
    RecordsError,
    RollFilter,
    RollRow,
    StretchRow,
    Verdict,
)
from station.records.schema import (
    DefectTable,
    EventTable,
    FabricTable,
    ModelTable,
    ProfileTable,
    RecipeTable,
    RollTable,
    StretchTable,
)
from station.records.store import Store
from station.records.traces.width import WidthRow, width_query, width_row
from station.state.person import Person

IDS_AT_ONCE = 10_000
"""SQLite takes 32,766 values in one query."""

RECORDED_IN = " is recorded in "
"""A notice says so where a roll is recorded."""

log = logging.getLogger("station.records")


class History(ToldOfRolls):
    """The history reads what is on record.  Every method opens its own short read session.

    Args:
        store: an open store, or an engine on its database.
        home: folder of the pictures and models; default: that of the store.

    All methods raise RecordsError if the database cannot be read.
    """

    def __init__(self, store: Store | Engine, home: Path | None = None) -> None:
        self._engine = store.read_engine if isinstance(store, Store) else store
        if home is None and isinstance(store, Store):
            home = store.home
        self._home = Path(home or ".").absolute()

    @property
    def home(self) -> Path:
        """Give the folder of the pictures, models and grading rules."""
        return self._home

    def fabrics(self) -> list[str]:
        """Return the fabrics that have at least one recipe, by name; those whose name cannot be read are left out."""
        query = select(*as_they_lie(FabricTable)).where(FabricTable.id.in_(select(RecipeTable.fabric_id)))
        rows = self._rows(query.order_by(FabricTable.name))
        return readable(rows, lambda row: Values(row, "fabric", row.id).text("name"), _log_only)

    def recipes(self, fabric: str, told: Told | None = None) -> list[RecipeRow]:
        """Return all versions of a fabric's recipe, newest first; empty if the fabric is unknown."""
        query = _recipes_of(fabric).order_by(RecipeTable.version.desc())
        return readable(self._rows(query), recipe_row, told)

    def recipe(self, fabric: str, version: int | None = None) -> Recipe:
        """Return one version of a fabric's recipe; default: the newest.

        Raises:
            RecordsError: unknown fabric (names the known ones) or version (names the known ones).
            SpoiltRowError: that version cannot be read.
        """
        rows = {row.version: row for row in self._rows(_recipes_of(fabric))}
        if not rows:
            known = ", ".join(self.fabrics()) or "none yet; teach one first"
            raise RecordsError(f"There is no recipe for the fabric {fabric!r}; known fabrics: {known}.")
        newest = max(rows, key=lambda number: (not isinstance(number, int), number))  # a spoilt number is not passed by
        chosen = newest if version is None else version
        if chosen not in rows:
            raise RecordsError(
                f"There is no version {version} of the recipe for {fabric}; known: {', '.join(map(str, rows))}."
            )
        return recipe_row(rows[chosen]).recipe

    def looks_beside(self, recipe: Recipe) -> dict[str, ClothLook]:
        """Return how all other fabrics look by their newest recipes, by name; those that do not say are left out, and
        none is read for a recipe that knows no look itself to hold them against."""
        others = [] if recipe.look is None else [name for name in self.fabrics() if name != recipe.fabric]
        found: dict[str, ClothLook] = {}
        for name in others:
            with suppress(RecordsError):
                look = self.recipe(name).look
                if look is not None:
                    found[name] = look
        return found

    def model_file(self, sha256: str) -> Path:
        """Return the path of a taught model.  Raises RecordsError if it is not on record or its file is missing."""
        file = next((row.file for row in self._rows(select(ModelTable.file).where(ModelTable.sha256 == sha256))), None)
        if file is None:
            raise RecordsError(f"There is no model file on record for {sha256[:12]}…; teach the fabric again.")
        path = self._home / file
        if not path.is_file():
            raise RecordsError(f"The model file {path} is gone; bring it back or teach the fabric again.")
        return path

    def unreleased_stop(self) -> str:
        """Return the cause of the last requested machine stop if nobody has released it; else an empty string."""
        steps = [f"stop {step}" for step in (StopStep.REQUESTED, StopStep.RELEASED)]
        query = select(EventTable.action, EventTable.new).where(EventTable.action.in_(steps))
        last = next(iter(self._rows(query.order_by(EventTable.id.desc()).limit(1))), None)
        return str(last.new) if last is not None and last.action == steps[0] else ""

    def rolls(self, chosen: RollFilter | None = None, told: Told | None = None) -> list[RollRow]:
        """Return the rolls that match, newest first: by number, as a clock may be set back.

        ``text`` is searched in roll and fabric names, ignoring case.
        """
        chosen = chosen or RollFilter()
        query = roll_query().order_by(RollTable.id.desc()).limit(chosen.limit)
        if chosen.fabric is not None:
            query = query.where(FabricTable.name.in_(_spellings(chosen.fabric)))
        if chosen.since is not None:
            query = query.where(RollTable.started_at >= chosen.since)
        if chosen.until is not None:
            query = query.where(RollTable.started_at < chosen.until)
        if chosen.ended_since is not None:
            query = query.where(or_(RollTable.ended_at.is_(None), RollTable.ended_at >= chosen.ended_since))
        if chosen.text:
            name, fabric, text = RollTable.name, FabricTable.name, normalize("NFC", chosen.text)
            query = query.where(name.icontains(text, autoescape=True) | fabric.icontains(text, autoescape=True))
        return self._roll_rows(of_identity(query, chosen), told)

    def roll(self, name: str) -> RollRow:
        """Return one roll.  Raises RecordsError if there is none with that name."""
        for spelling in _spellings(name):
            found = self._roll_rows(roll_query().where(RollTable.name == spelling), None)
            if found:
                return found[0]
        raise RecordsError(f"There is no roll {name!r} on record; `station rolls` lists those that are.")

    def defects(self, chosen: DefectFilter, told: Told | None = None) -> list[DefectRow]:
        """Return the defects of a roll that match, by position."""
        query = (
            rows_query()
            .where(DefectTable.roll_id == chosen.roll_id)
            # Texts are greater than all numbers: a spoilt value must not hide a defect.
            .where(or_(DefectTable.merged_into.is_(None), DefectTable.merged_into > 2**62))
            .order_by(DefectTable.first_line, DefectTable.number)
            .limit(chosen.limit)
        )
        if chosen.rejects_only:
            query = query.where(DefectTable.is_reject.is_not(False))
        if chosen.kind is not None:
            query = query.where(DefectTable.kind == str(chosen.kind))
        if chosen.verdict is not None:
            query = query.where(DefectTable.verdict == str(chosen.verdict))
        if chosen.severity is not None:
            query = query.where(func.coalesce(DefectTable.said_severity, DefectTable.severity) == str(chosen.severity))
        if chosen.unreviewed_only:
            query = query.where(DefectTable.verdict.is_(None))
        return readable(self._rows(query), lambda row: defect_row(row, self._home), told)

    def stretches(self, roll_id: int, told: Told | None = None) -> list[StretchRow]:
        """Return a roll's stretches by position."""
        query = (
            select(*as_they_lie(StretchTable))
            .where(StretchTable.roll_id == roll_id)
            .order_by(StretchTable.first_line, StretchTable.id)
        )
        return readable(self._rows(query), stretch_row, told)

    def marks(self, roll_id: int, told: Told | None = None) -> list[MarkRow]:
        """Return what people did to a roll along its way, in the order of time."""
        query = select(*as_they_lie(RollMarkTable)).where(RollMarkTable.roll_id == roll_id)
        return readable(self._rows(query.order_by(RollMarkTable.id)), mark_row, told)

    def recording(self, roll: str) -> Path | None:
        """Return the folder that a roll was recorded in, None if it was not.  It may be gone by now."""
        query = select(EventTable.new).where(EventTable.why == place_of(self.roll(roll).id))
        query = query.where(EventTable.action == f"notice: {Severity.INFO}", EventTable.new.contains(RECORDED_IN))
        told = next((str(row.new) for row in self._rows(query.order_by(EventTable.id.desc()).limit(1))), "")
        folder = folder_told(told)
        return self._home / folder if folder else None

    def profile(self, roll_id: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return a roll's score profile, with one entry per patch in the order they were judged.

        Returns:
            first lines int64 ``[n]`` and highest raw scores float32 ``[n]``.

        Raises:
            SpoiltRowError: part of it cannot be read.
        """
        query = select(*as_they_lie(ProfileTable)).where(ProfileTable.roll_id == roll_id).order_by(ProfileTable.id)
        firsts, peaks = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for row in self._rows(query):
            part = Values(row, "profile", row.id)
            lines = np.frombuffer(part.blob("rows", 24), "<i8").reshape(-1, 3)
            scores = np.frombuffer(part.blob("peaks", 4), "<f4")
            if lines[:, 2].min(initial=0) < 0 or lines[:, 2].sum() != len(scores):
                raise part.spoilt("rows", f"does not go with its {len(scores)} peaks")
            firsts.append(np.repeat(lines[:, 0], lines[:, 2]).astype(np.int64))
            peaks.append(scores.astype(np.float32))
        return np.concatenate(firsts), np.concatenate(peaks)

    def people(self) -> list[Person]:
        """Return who may sign in, by name."""
        return register.people(self._engine)

    def people_on(self) -> bool:
        """Say whether people have to sign in."""
        return register.is_on(self._engine)

    def width(self, roll_id: int, told: Told | None = None) -> list[WidthRow]:
        """Return the width of a roll's cloth, metre by metre; empty where none is on record, as of old rolls."""
        return readable(self._rows(width_query(roll_id)), width_row, told)

    def calibrations(
        self, camera_id: str | None = None, *, roll_id: int | None = None, told: Told | None = None
    ) -> list[CalibrationRow]:
        """Return calibrations, newest first: all, those of one camera, or those a roll was inspected with.

        A spoilt row is only logged where nobody is to be told: without it sizes are unverified, which is true.
        """
        return readable(self._rows(calibration_query(camera_id, roll_id)), calibration_row, told or _log_only)

    def reviews(self, defect_id: int) -> list[ReviewRow]:
        """Return what people said of a defect, in order, with what they took back."""
        return review_rows(self._rows(review_query(defect_id)))

    def kept_recordings(self) -> list[Path]:
        """Return the folders of the recordings that are never thrown away."""
        return [self._home / row.folder for row in self._rows(select(KeptRecordingTable.folder))]

    def doubtful(self, roll_ids: Sequence[int]) -> set[int]:
        """Return those of the rolls that have rows which may be spoilt."""
        is_sqlite = self._engine.dialect.name == "sqlite"
        return doubtful_rolls(self._rows, roll_ids) if is_sqlite and roll_ids else set()

    # ------------------------------------------------------------------ inside

    def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        try:
            with Session(self._engine) as session:
                return session.execute(query).all()
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error

    def _roll_rows(self, query: Select[Any], told: Told | None) -> list[RollRow]:
        rows = self._rows(query)
        ids = [row.id for row in rows]
        counts: dict[int, Counts] = {}
        for first in range(0, len(ids), IDS_AT_ONCE):
            counts |= self._counts(ids[first : first + IDS_AT_ONCE])
        return readable(rows, lambda row: roll_row(row, counts.get(row.id, Counts())), told)

    def _counts(self, roll_ids: Sequence[int]) -> dict[int, Counts]:
        of = TallyTable
        found, count = of.missed.is_(False), of.count
        verdicts = (Verdict.CONFIRMED, Verdict.FALSE_ALARM)
        sums = [found, found & of.is_reject, *(found & (of.verdict == str(one)) for one in verdicts), of.missed]
        query = select(of.roll_id, *(func.sum(case((one, count), else_=0)) for one in sums))
        rows = self._rows(query.where(of.roll_id.in_(roll_ids)).group_by(of.roll_id))
        return {roll_id: Counts(*numbers) for roll_id, *numbers in map(tuple, rows)}


def folder_told(notice: str) -> str:
    """Return the folder in which a roll is recorded as a notice tells, '' if it tells of none."""
    return notice.partition(RECORDED_IN)[2].removesuffix(".")


def _log_only(spoilt: RecordsError) -> None:
    log.warning("%s", spoilt)


def _spellings(name: str) -> list[str]:
    """Return the name as it was asked for, and as names are kept now; older records may have the first."""
    return list(dict.fromkeys((name, tidy(name))))


def _recipes_of(fabric: str) -> Select[Any]:
    named = select(FabricTable.id).where(FabricTable.name.in_(_spellings(fabric)))
    return select(*as_they_lie(RecipeTable)).where(RecipeTable.fabric_id.in_(named))
