"""This module judges recorded cloth again by another recipe version and compares; it writes nothing to the records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from drivers.recording.camera import RecordedCamera
from model.checkpoint import load
from model.runtime import Runtime
from station.calibration.camera import CalibratedCamera
from station.calibration.selection import Calibrations
from station.colour import seen_as_taught
from station.commands.run import rejects_of
from station.commands.session import Records, line_figures, say, say_notice
from station.contract import StationError
from station.playback import play
from station.recipe.names import RecipeNamed
from station.records.model_files import checked_model
from station.records.rows import RecordsError
from station.shutdown import interrupt_noted
from station.state.box import Box

GROWN_MM = 2.0
GROWN_PX = 4
"""A reject is the same as another if their boxes, grown by this, meet; px where there is no scale."""


@dataclass(frozen=True)
class Judged:
    """This is what a recipe version says of recorded cloth: its rejects, and the line's figures."""

    rejects: list[Box]
    figures: dict[str, object]
    mm_per_px: float | None


def judge_again(
    records: Records, recording: Path, named: RecipeNamed, against: RecipeNamed | None, *, device: str = "auto"
) -> dict[str, object]:
    """Play a recording through the line by a recipe version, as fast as the machine allows, and compare its rejects
    with those on record of its roll, or by another version.

    Raises:
        CameraError, RecordsError: the recording, a recipe version or its model is not there or cannot be read.
        StationError: the roll that was recorded is not on record, and there is nothing else to compare with.
        KeyboardInterrupt: it was cancelled.
    """
    camera = RecordedCamera(recording, as_fast_as_possible=True)
    roll = camera.recording.metadata.roll
    for one in (named, against):
        if one is not None:
            records.history.recipe(one.fabric, one.version)  # an unknown version is told before minutes pass
    before = _on_record(records, roll, recording) if against is None else None
    if before is None:
        assert against is not None
        before = _judged(records, RecordedCamera(recording, as_fast_as_possible=True), against, device).rejects
    after = _judged(records, camera, named, device)
    grown = GROWN_PX if after.mm_per_px is None else max(1, round(GROWN_MM / after.mm_per_px))
    appear = unmatched(after.rejects, before, grown)
    vanish = unmatched(before, after.rejects, grown)
    return {
        "roll": roll,
        "recipe": str(named),
        "against": None if against is None else str(against),
        "metres": after.figures["metres_inspected"],
        "rejects_before": len(before),
        "rejects_after": len(after.rejects),
        "appear": len(appear),
        "vanish": len(vanish),
        "tiles_per_second": after.figures["tiles_per_second"],
        "lines_inspected": after.figures["lines_inspected"],
        "lines_uninspected": after.figures["lines_uninspected"],
        "appearing": [place_of(box) for box in appear],
        "vanishing": [place_of(box) for box in vanish],
    }


def _on_record(records: Records, roll: str | None, recording: Path) -> list[Box]:
    """Return the rejects on record of a recorded roll.  Raises StationError where there is none."""
    remedy = "compare two recipe versions with --against FABRIC:VERSION."
    if roll is None:
        raise StationError(f"Recording {recording} was made without a roll, so nothing on record says of it; {remedy}")
    try:
        found = rejects_of(records, roll)
    except RecordsError:
        raise StationError(f"Roll {roll} of recording {recording} is not on record in this home; {remedy}") from None
    return [Box.of(defect) for defect in found if not defect.missed]


def _judged(records: Records, camera: RecordedCamera, named: RecipeNamed, device: str) -> Judged:
    """Play recorded cloth through the line by one recipe version, with the calibrations that fit its camera."""
    recipe = records.history.recipe(named.fabric, named.version)
    fitted = Calibrations(records.history).fit(camera, recipe)
    seen, greyed = seen_as_taught(camera, recipe)
    if greyed:
        say(greyed)
    say(f"Recording {camera.recording.folder} is judged by {named}.")
    runtime = Runtime(load(checked_model(records.history, recipe.model_sha256)), device=device)
    with closing(runtime), interrupt_noted() as noted:
        playback = play(
            CalibratedCamera(seen, fitted.lens),
            runtime,
            fitted.recipe,
            shading=fitted.shading,
            cancelled=noted.is_set,
            known=records.history.looks_beside(recipe),
        )
    if noted.is_set():
        say("Cancelled; nothing was changed.")
        raise KeyboardInterrupt
    for notice in playback.notices:
        say_notice(notice)
    rejects = [Box.of(defect) for piece in playback.pieces.values() for defect in piece.defects if defect.is_reject]
    return Judged(rejects, line_figures(playback.snapshot), fitted.recipe.mm_per_px)


def unmatched(boxes: Sequence[Box], others: Sequence[Box], grown: int) -> list[Box]:
    """Return those boxes that meet none of the others, all grown by so many px and lines."""
    reach = [other.grown(2 * grown) for other in others]
    return [box for box in boxes if not any(box.meets(other) for other in reach)]


def place_of(box: Box) -> dict[str, int]:
    """Return a box for the JSON, with the keys that defects have."""
    return {
        "x_px": int(box.first_px),
        "y_px": int(box.first_line),
        "width_px": int(box.end_px - box.first_px),
        "height_px": int(box.end_line - box.first_line),
    }
