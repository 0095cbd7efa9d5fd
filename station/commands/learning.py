"""The command that teaches a fabric."""

from __future__ import annotations

from pathlib import Path

from drivers.replay import ReplayCamera
from model.encoder import load_encoder
from station.commands.session import Records, TeachingLog, say
from station.control import StationError
from station.recipe import FABRIC_NAME
from station.teaching import TEACHING_BLOCK_LINES, Lesson, teach


def teach_fabric(
    records: Records,
    *,
    fabric: str,
    folder: Path,
    encoder: str,
    weights: Path | None,
    mm_per_px: float | None,
    minutes: float,
    seed: int,
) -> dict[str, object]:
    """Teach a fabric from a folder of pictures of good cloth."""
    if not FABRIC_NAME.fullmatch(fabric):
        raise StationError(
            f"Fabric name {fabric!r} is not usable: up to 64 letters, digits, '.', '_' and '-', starting with a letter "
            "or digit."
        )
    ReplayCamera(folder)  # unusable cloth is refused before anything is loaded
    lesson, _ = teach(
        fabric,
        lambda: ReplayCamera(folder, block_lines=TEACHING_BLOCK_LINES),
        load_encoder(encoder, weights),
        records.store,
        mm_per_px=mm_per_px,
        minutes=minutes,
        seed=seed,
        progress=TeachingLog(),
    )
    if lesson.extrapolation > 1:
        say(
            f"The threshold is extrapolated {lesson.extrapolation:.0f} times beyond the {lesson.held_back_patches} "
            "patches of good cloth held back for it."
        )
    return figures_of(lesson)


def figures_of(lesson: Lesson) -> dict[str, object]:
    """The JSON of a lesson."""
    recipe = lesson.recipe
    return {
        "fabric": recipe.fabric,
        "recipe_version": recipe.version,
        "tiles": lesson.tiles,
        "seconds": lesson.seconds,
        "encoder": recipe.encoder,
        "threshold": recipe.threshold,
        "predicted_false_alarms_per_100_m": recipe.predicted_false_alarms_per_100_m,
        "model_sha256": recipe.model_sha256,
        "held_back_patches": lesson.held_back_patches,
        "extrapolation": lesson.extrapolation,
    }
