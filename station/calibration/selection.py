"""This module chooses which calibrations on record apply to a camera and says whether its sizes are verified.

Sizes are verified if a scale across and one along are on record for exactly this camera (its name, its serial number,
its width) and not stale.  Nothing here stops a roll: a calibration that is missing, stale or of another device brings a
warning, and the sizes are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

from pydantic import Field, TypeAdapter, ValidationError

from calibration.errors import CalibrationError
from calibration.lens import Lens
from calibration.shading import Shading
from drivers.camera import Camera
from station.contract import StationError
from station.line.columns import web_span
from station.local_time import day
from station.recipe import Recipe
from station.recipe.web import WebRule
from station.records.history import History
from station.records.rows import CalibrationRow, RollMeasures

SCALE, SHADING, LENS, STITCHING = "scale", "shading", "lens", "stitching"
ACROSS, ALONG = "across_mm_per_px", "along_mm_per_px"
"""These are the keys of a scale; a ruler gives only the first, an encoder only the second."""

MAX_AGE_DAYS = 180.0
SCALE_TOLERANCE = 0.01
"""Two scales that differ by no more than this share count as the same."""
TAUGHT_TOLERANCE = 0.05
"""The scale a fabric was taught at may differ from the camera's by this share before a warning is given."""

EVER = datetime.min.replace(tzinfo=UTC)
_LENGTH: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(gt=0, allow_inf_nan=False)])


class Named(Protocol):
    """A named camera has what identifies its calibrations."""

    @property
    def camera_id(self) -> str:
        """Give the camera's name."""

    @property
    def serial(self) -> str:
        """Give the device's serial number, '' if not known."""

    @property
    def width_px(self) -> int | None:
        """Give the number of columns, None if not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """This class holds the recipe and the calibrations that a roll is inspected with.

    Attributes:
        recipe: the recipe in force: the fabric's, at this camera's scale if that is calibrated.
        shading: flat field, None if there is none.
        lens: an area camera's distortion, None if it is not calibrated.
        measures: scale, calibrations used and why sizes are unverified, for the record.
        warnings: what users should know, one sentence each.
    """

    recipe: Recipe
    shading: Shading | None
    lens: Lens | None
    measures: RollMeasures
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A search result holds the calibration that fits the camera, or None; ``caveat`` says why there is none or why it
    cannot be trusted, '' if it can."""

    row: CalibrationRow | None
    caveat: str


@dataclass(frozen=True, slots=True)
class Calibrations:
    """This class chooses from the calibrations on record those that count.

    Attributes:
        max_age_days: older ones are stale.
        shading_id: the shading to use, whatever its age; None: the newest that fits.
        web: which columns are cloth, whatever the recipe says; None: as it says.
    """

    history: History
    max_age_days: float = MAX_AGE_DAYS
    shading_id: int | None = None
    web: WebRule | None = None

    def fit(self, camera: Camera, recipe: Recipe) -> Calibrated:
        """Choose what applies to a roll of ``recipe`` under ``camera`` now.

        Raises:
            RecordsError: the records cannot be read.
            StationError: the columns given for the web are not in the camera's picture.
        """
        oldest = datetime.now(UTC) - timedelta(days=self.max_age_days)
        fitted = calibrated(self.history.calibrations(), camera, recipe, oldest, self.shading_id)
        web = self.web or recipe.web
        web_span(web, camera.width_px)
        if web == recipe.web:
            return fitted
        in_force = fitted.recipe.model_copy(update={"web": web})
        return replace(fitted, recipe=in_force, warnings=(*fitted.warnings, web_overruled(recipe, web)))


def web_overruled(recipe: Recipe, web: WebRule) -> str:
    """Say that a roll's web is not as its recipe has it."""
    return f"For this roll the web is {web}, as asked with --web; the recipe says {recipe.web}."


def calibrated(
    rows: Sequence[CalibrationRow], camera: Camera, recipe: Recipe, oldest: datetime, shading_id: int | None = None
) -> Calibrated:
    """Choose what applies to a roll of ``recipe`` under ``camera``: the newest calibration of each kind that fits.

    Args:
        rows: all calibrations on record, newest first.
        oldest: calibrations made before this time (with zone UTC) are stale.
        shading_id: the shading to use, whatever its age; None: the newest that fits.
    """

    def find(kind: str, read: Callable[[Mapping[str, Any]], object]) -> _Found:
        return _find([row for row in rows if row.kind == kind], camera, read, oldest, kind)

    across, along = find(SCALE, _reader(ACROSS)), find(SCALE, _reader(ALONG))
    if shading_id is None:
        shading = find(SHADING, lambda result: _shading_for(camera, result))
    else:
        shading = _Found(next(row for row in rows if row.id == shading_id), "")
    lens = find(LENS, Lens.from_dict)
    in_force = _at_scale(recipe, _value(across, ACROSS), _value(along, ALONG))
    bent = lens.caveat if any(row.kind == LENS and row.camera_id == camera.camera_id for row in rows) else ""
    unverified = " and ".join(filter(None, [_unverified(across, along), bent or _bent_when_measured(across, lens)]))
    used = dict.fromkeys(found.row.id for found in (across, along, shading, lens) if found.row is not None)
    warnings = []
    if unverified:
        warnings.append(f"Sizes are unverified: {unverified}; calibrate with 'station calibrate'.")
    if shading.caveat and any(row.kind == SHADING for row in rows):
        warnings.append(f"The light may be uneven: {shading.caveat}; calibrate with 'station calibrate shading'.")
    if across.row is not None and (differs := _taught_elsewhere(recipe, in_force)):
        warnings.append(differs)
    along_mm = None if in_force.mm_per_px is None else in_force.scale_along
    return Calibrated(
        in_force,
        None if shading.row is None else Shading.from_dict(shading.row.result),
        None if lens.row is None else Lens.from_dict(lens.row.result),
        RollMeasures(in_force.mm_per_px, along_mm, unverified, tuple(used)),
        tuple(warnings),
    )


def lens_for(rows: Sequence[CalibrationRow], camera: Named) -> Lens | None:
    """Return the lens the line will use to straighten this camera's frames, however old; ``rows``: newest first."""
    row = _find([row for row in rows if row.kind == LENS], camera, Lens.from_dict, EVER, LENS).row
    return None if row is None else Lens.from_dict(row.result)


def check_scale(recipe: Recipe, camera: Camera) -> None:
    """Raise StationError if the camera knows its scale and the recipe was made for another: sizes would be wrong."""
    scale = camera.mm_per_px
    if scale is None or recipe.mm_per_px is None:
        return
    if abs(scale / recipe.mm_per_px - 1) > SCALE_TOLERANCE:
        raise StationError(
            f"Fabric {recipe.fabric} was taught at {recipe.mm_per_px:g} mm/px, but camera {camera.camera_id} sees "
            f"{scale:g} mm/px; set the camera's scale right or teach the fabric with this camera."
        )


def _find(
    rows: Sequence[CalibrationRow],
    camera: Named,
    read: Callable[[Mapping[str, Any]], object],
    oldest: datetime,
    what: str,
) -> _Found:
    """Find the newest calibration of one kind that fits the camera and can be read, and say why not to trust it."""
    name = camera.camera_id
    mine = [row for row in rows if row.camera_id == name]
    foreign, damaged = "", ""
    for row in mine:
        if why := why_foreign(row, camera):
            foreign = foreign or why
            continue
        try:
            if read(row.result) is None:
                continue
        except CalibrationError:
            damaged = damaged or f"the {what} on record as number {row.id} is damaged"
            continue
        if row.made_at < oldest:
            return _Found(row, f"the {what} of camera {name} is of {day(row.made_at)} and so is stale")
        return _Found(row, damaged)
    if foreign or damaged:
        return _Found(None, f"there is no {what} of camera {name} that fits: {foreign or damaged}")
    others = sorted({row.camera_id for row in rows} - {name})
    return _Found(
        None, f"there is no {what} of camera {name}" + (f", only of camera {', '.join(others[:3])}" if others else "")
    )


def why_foreign(row: CalibrationRow, camera: Named) -> str:
    """Say why a calibration under this camera's name is of another device, '' if it is of this camera."""
    if row.serial and camera.serial and row.serial != camera.serial:
        return f"calibration {row.id} is of serial number {row.serial}, this camera's is {camera.serial}"
    if None not in (row.width_px, camera.width_px) and row.width_px != camera.width_px:
        return f"calibration {row.id} is for {row.width_px} columns, the camera has {camera.width_px}"
    return ""


def _reader(key: str) -> Callable[[Mapping[str, Any]], object]:
    """Return a function that reads one length of a scale; it gives None if the scale lacks that length."""

    def read(result: Mapping[str, Any]) -> float | None:
        if result and result.get(key) is None and {ACROSS, ALONG} & result.keys():
            return None
        try:
            return _LENGTH.validate_python(result.get(key), strict=True)
        except ValidationError:
            raise CalibrationError("A scale on record cannot be read; calibrate anew.") from None

    return read


def _value(found: _Found, key: str) -> float | None:
    return None if found.row is None else float(found.row.result[key])


def _shading_for(camera: Camera, result: Mapping[str, Any]) -> Shading:
    try:
        shading = Shading.from_dict(result)
    except OverflowError:
        raise CalibrationError("A shading holds numbers that are too large; calibrate anew.") from None
    if shading.width_px != camera.width_px:
        raise CalibrationError(f"A shading for {shading.width_px} columns; calibrate anew.")
    return shading


def _at_scale(recipe: Recipe, across: float | None, along: float | None) -> Recipe:
    """Return the recipe at the camera's scale.  An axis that is not calibrated keeps the recipe's scale; if the recipe
    has none, pixels count as square."""
    if across is None and along is None:
        return recipe
    known = recipe.mm_per_px
    wide = across or known or along
    return recipe.model_copy(update={"mm_per_px": wide, "mm_per_line": along or known or wide})


def _unverified(across: _Found, along: _Found) -> str:
    if across.caveat == along.caveat:
        return across.caveat
    axes = (("across", across.caveat), ("along", along.caveat))
    return " and ".join(f"{axis} the cloth {caveat}" for axis, caveat in axes if caveat)


def _bent_when_measured(across: _Found, lens: _Found) -> str:
    """Say so if the scale was measured in pictures that no lens, or another lens, had straightened; else ''."""
    if across.row is None or lens.row is None or across.row.id > lens.row.id:
        return ""
    return f"the scale of camera {lens.row.camera_id} was measured before its lens was calibrated"


def _taught_elsewhere(taught: Recipe, in_force: Recipe) -> str:
    """Return a sentence if the fabric was taught at a scale far from the camera's, else ''."""
    if taught.mm_per_px is None or in_force.mm_per_px is None:
        return ""
    if abs(in_force.mm_per_px / taught.mm_per_px - 1) <= TAUGHT_TOLERANCE:
        return ""
    return (
        f"Fabric {taught.fabric} was taught at {taught.mm_per_px:g} mm/px, but this camera is calibrated to "
        f"{in_force.mm_per_px:g}: flaws may be missed; teach the fabric with this camera."
    )
