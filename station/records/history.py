"""This module reads the records: it returns plain rows and may be called from any thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Executable, Row, Select, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.contract import DefectKind, Ledger, StopStep, UninspectedReason
from station.recipe import Recipe
from station.records.calibrations import calibration_query, calibration_row
from station.records.errors import records_error
from station.records.rolls import BROKEN_OFF, COLUMNS, place_of
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


class History:
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

    def fabrics(self) -> list[str]:
        """Return the fabrics that have at least one recipe, by name."""
        query = select(FabricTable.name).join(RecipeTable).distinct().order_by(FabricTable.name)
        return [row.name for row in self._rows(query)]

    def recipes(self, fabric: str) -> list[RecipeRow]:
        """Return all versions of a fabric's recipe, newest first; empty if the fabric is unknown."""
        query = (
            select(RecipeTable.body, RecipeTable.created_at, RecipeTable.created_by, RecipeTable.why)
            .join(FabricTable)
            .where(FabricTable.name == fabric)
            .order_by(RecipeTable.version.desc())
        )
        return [
            RecipeRow(Recipe.model_validate_json(row.body), row.created_at, row.created_by, row.why)
            for row in self._rows(query)
        ]

    def recipe(self, fabric: str, version: int | None = None) -> Recipe:
        """Return one version of a fabric's recipe; default: the newest.

        Raises:
            RecordsError: unknown fabric (names the known ones) or version (names the known ones).
        """
        query = select(RecipeTable.body, RecipeTable.version).join(FabricTable).where(FabricTable.name == fabric)
        rows = {row.version: row.body for row in self._rows(query)}
        if not rows:
            known = ", ".join(self.fabrics()) or "none yet; teach one first"
            raise RecordsError(f"There is no recipe for the fabric {fabric!r}; known fabrics: {known}.")
        chosen = max(rows) if version is None else version
        if chosen not in rows:
            raise RecordsError(
                f"There is no version {version} of the recipe for {fabric}; known: {', '.join(map(str, sorted(rows)))}."
            )
        return Recipe.model_validate_json(rows[chosen])

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
        return last.new if last is not None and last.action == steps[0] else ""

    def rolls(self, chosen: RollFilter | None = None) -> list[RollRow]:
        """Return the rolls that match, newest first.  ``text`` is searched in roll and fabric names, ignoring case."""
        chosen = chosen or RollFilter()
        query = _roll_query().order_by(RollTable.started_at.desc(), RollTable.id.desc()).limit(chosen.limit)
        if chosen.fabric is not None:
            query = query.where(FabricTable.name == chosen.fabric)
        if chosen.since is not None:
            query = query.where(RollTable.started_at >= chosen.since)
        if chosen.until is not None:
            query = query.where(RollTable.started_at < chosen.until)
        if chosen.text:
            name, fabric = RollTable.name, FabricTable.name
            query = query.where(
                name.icontains(chosen.text, autoescape=True) | fabric.icontains(chosen.text, autoescape=True)
            )
        return self._roll_rows(query)

    def roll(self, name: str) -> RollRow:
        """Return one roll.  Raises RecordsError if there is none with that name."""
        found = self._roll_rows(_roll_query().where(RollTable.name == name))
        if not found:
            raise RecordsError(f"There is no roll {name!r} on record; `station report` needs the name of one that is.")
        return found[0]

    def defects(self, chosen: DefectFilter) -> list[DefectRow]:
        """Return the defects of a roll that match, by position."""
        query = (
            select(
                DefectTable.__table__,
                RollTable.name.label("roll"),
                FabricTable.name.label("fabric"),
                RecipeTable.threshold,
                RollTable.mm_per_px,
                RollTable.unverified,
            )
            .join(RollTable, RollTable.id == DefectTable.roll_id)
            .join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
            .join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
            .where(DefectTable.roll_id == chosen.roll_id, DefectTable.merged_into.is_(None))
            .order_by(DefectTable.first_line, DefectTable.number)
            .limit(chosen.limit)
        )
        if chosen.rejects_only:
            query = query.where(DefectTable.is_reject)
        if chosen.kind is not None:
            query = query.where(DefectTable.kind == str(chosen.kind))
        if chosen.verdict is not None:
            query = query.where(DefectTable.verdict == str(chosen.verdict))
        if chosen.unreviewed_only:
            query = query.where(DefectTable.verdict.is_(None))
        return [self._defect_row(row) for row in self._rows(query)]

    def stretches(self, roll_id: int) -> list[StretchRow]:
        """Return a roll's stretches by position."""
        query = (
            select(StretchTable.first_line, StretchTable.end_line, StretchTable.reason)
            .where(StretchTable.roll_id == roll_id)
            .order_by(StretchTable.first_line, StretchTable.id)
        )
        return [
            StretchRow(row.first_line, row.end_line, None if row.reason is None else UninspectedReason(row.reason))
            for row in self._rows(query)
        ]

    def columns(self, roll_id: int) -> str:
        """Return which columns were judged as cloth on most lines of a roll, such as ``320 to 1023 of 1024``.

        '' where that is not on record: nothing was judged, or by a version before 0.3.
        """
        query = select(EventTable.new).where(EventTable.action == COLUMNS, EventTable.why == place_of(roll_id))
        return next((row.new for row in self._rows(query.order_by(EventTable.id.desc()).limit(1))), "")

    def profile(self, roll_id: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return a roll's score profile, with one entry per patch in the order they were judged.

        Returns:
            first lines int64 ``[n]`` and highest raw scores float32 ``[n]``.
        """
        query = select(ProfileTable.rows, ProfileTable.peaks).where(ProfileTable.roll_id == roll_id)
        parts = self._rows(query.order_by(ProfileTable.id))
        rows = np.frombuffer(b"".join(part.rows for part in parts), "<i8").reshape(-1, 3)
        peaks = np.frombuffer(b"".join(part.peaks for part in parts), "<f4")
        return np.repeat(rows[:, 0], rows[:, 2]).astype(np.int64), peaks.astype(np.float32)

    def calibrations(self, camera_id: str | None = None, *, roll_id: int | None = None) -> list[CalibrationRow]:
        """Return calibrations, newest first: all, those of one camera, or those a roll was inspected with."""
        return [calibration_row(row) for row in self._rows(calibration_query(camera_id, roll_id))]

    # ------------------------------------------------------------------ inside

    def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        try:
            with Session(self._engine) as session:
                return session.execute(query).all()
        except SQLAlchemyError as error:
            raise records_error(error, str(self._engine.url.database)) from error

    def _roll_rows(self, query: Select[Any]) -> list[RollRow]:
        rows = self._rows(query)
        counts = self._counts([row.id for row in rows])
        return [_roll_row(row, counts.get(row.id, (0, 0, 0, 0))) for row in rows]

    def _counts(self, roll_ids: Sequence[int]) -> dict[int, tuple[int, int, int, int]]:
        verdict = DefectTable.verdict
        query = (
            select(
                DefectTable.roll_id,
                func.count().label("defects"),
                func.sum(case((DefectTable.is_reject, 1), else_=0)).label("rejects"),
                func.sum(case((verdict == str(Verdict.CONFIRMED), 1), else_=0)).label("confirmed"),
                func.sum(case((verdict == str(Verdict.FALSE_ALARM), 1), else_=0)).label("false_alarms"),
            )
            .where(DefectTable.roll_id.in_(roll_ids), DefectTable.merged_into.is_(None))
            .group_by(DefectTable.roll_id)
        )
        return {r.roll_id: (r.defects, r.rejects, r.confirmed, r.false_alarms) for r in self._rows(query)}

    def _defect_row(self, row: Row[Any]) -> DefectRow:
        return DefectRow(
            id=row.id,
            roll_id=row.roll_id,
            roll=row.roll,
            fabric=row.fabric,
            number=row.number,
            first_line=row.first_line,
            end_line=row.end_line,
            first_px=row.first_px,
            end_px=row.end_px,
            length_mm=row.length_mm,
            width_mm=row.width_mm,
            area_mm2=row.area_mm2,
            position_mm=row.position_mm,
            across_mm=row.across_mm,
            score=row.score,
            threshold=row.threshold,
            unit="px" if row.mm_per_px is None else "mm",
            kind=DefectKind(row.kind),
            is_reject=row.is_reject,
            piece=row.piece,
            found_at=row.found_at,
            crop_file=None if row.crop_file is None else self._home / row.crop_file,
            heat_file=None if row.heat_file is None else self._home / row.heat_file,
            verdict=None if row.verdict is None else Verdict(row.verdict),
            reviewed_by=row.reviewed_by,
            closed=row.closed,
            unverified=row.unverified,
        )


def _roll_query() -> Select[Any]:
    return (
        select(
            RollTable.__table__,
            FabricTable.name.label("fabric"),
            RecipeTable.version,
            RecipeTable.threshold,
            RecipeTable.body,
        )
        .join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
        .join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
    )


def _roll_row(row: Row[Any], counts: tuple[int, int, int, int]) -> RollRow:
    return RollRow(
        id=row.id,
        name=row.name,
        fabric=row.fabric,
        recipe_version=row.version,
        threshold=row.threshold,
        mm_per_px=row.mm_per_px,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ledger=Ledger(row.lines_acquired, row.lines_inspected, row.lines_uninspected, row.lines_repeated),
        defects=counts[0],
        rejects=counts[1],
        confirmed=counts[2],
        false_alarms=counts[3],
        camera_id=row.camera_id,
        grading_rule=Recipe.model_validate_json(row.body).grading_rule,
        web_width_px=row.judged_line_px / row.judged_lines if row.judged_lines else None,
        broken_off=row.ended_how == BROKEN_OFF,
        mm_per_line=row.mm_per_line,
        unverified=row.unverified,
    )
