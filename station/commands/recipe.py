"""This module shows and changes what people may set in a fabric's recipe; each change is a new recipe version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from station.commands.session import Records
from station.contract import StationError
from station.grading.shelf import Shelf
from station.recipe import Recipe
from station.recipe.camera_overrides import CameraOverrides
from station.recipe.looks_chosen import looks_of, looks_told, with_looks
from station.records.reading.home import open_history
from station.settings import first_fault


def change_recipe(
    records: Records,
    fabric: str,
    overrides: Mapping[str, float],
    changes: Mapping[str, object],
    *,
    looks: str | None = None,
    forget: bool,
    by: str,
    why: str,
) -> dict[str, object]:
    """Save a version of the fabric's recipe whose camera settings are the present ones (none if ``forget``) updated by
    ``overrides``, and with other ``changes`` of its fields; if that changes nothing, save nothing.

    Among the changes, ``min_length_mm`` is the least size of a reject: mm, px without a scale; 0 lets nothing pass for
    it; ``nominal_width_mm`` of 0 ends that the width is judged.  ``looks`` names those that are on from now on, as
    ``fine,broad,long``; None leaves them as they are.

    Raises:
        StationError: a setting is impossible, the fabric was not taught a look, or there is no such grading rule.
        RecordsError: the fabric is unknown, or a newer version was saved meanwhile.
    """
    least = changes.get("min_length_mm")
    if isinstance(least, float) and not 0 <= least < math.inf:
        raise StationError(f"A least size of {least:g} is impossible: give 0 or more; nothing was saved.")
    if (rule := changes.get("grading_rule")) is not None:
        Shelf(records.home).find(str(rule))
    recipe = records.history.recipe(fabric)
    changes = _with_width(recipe, changes)
    try:
        camera = CameraOverrides.model_validate({**({} if forget else recipe.camera.told()), **overrides})
    except ValidationError as error:
        raise StationError(f"Camera setting {first_fault(error)}; nothing was saved.") from None
    changed = recipe.model_copy(update={**changes, "camera": camera})
    if looks is not None:
        try:
            changed = with_looks(changed, looks)
        except ValueError as error:
            raise StationError(f"Looks {looks!r} are impossible: {error}; nothing was saved.") from None
    if changed != recipe:
        recipe = records.store.save_recipe(changed, by, why, based_on=recipe.version)
    return _figures(recipe)


def _with_width(recipe: Recipe, changes: Mapping[str, object]) -> Mapping[str, object]:
    """Return the changes with a nominal width of 0 as none.  Raises StationError if a width is no length."""
    for name, words in (("nominal_width_mm", "nominal width"), ("width_tolerance_mm", "tolerance of the width")):
        given = changes.get(name)
        if isinstance(given, float) and not 0 <= given < math.inf:
            raise StationError(f"A {words} of {given:g} mm is impossible: give 0 or more; nothing was saved.")
    if changes.get("nominal_width_mm") == 0:
        return {**changes, "nominal_width_mm": None, "width_tolerance_mm": None}
    nominal = changes.get("nominal_width_mm", recipe.nominal_width_mm)
    if changes.get("width_tolerance_mm") is not None and nominal is None:
        raise StationError("A tolerance of the width needs a nominal width: give --width as well; nothing was saved.")
    return changes


def newest_recipe(home: Path, fabric: str) -> dict[str, object]:
    """Return the figures of a fabric's newest recipe, from records that are only read.

    Raises:
        RecordsError: the fabric is unknown, or the records cannot be read.
    """
    with open_history(home) as history:
        return _figures(history.recipe(fabric))


def _figures(recipe: Recipe) -> dict[str, object]:
    return {
        "fabric": recipe.fabric,
        "recipe_version": recipe.version,
        "threshold": recipe.threshold,
        "least_size": recipe.min_length_mm,
        "tells_differing": recipe.tells_differing,
        "web": str(recipe.web),
        "grading_rule": recipe.grading_rule,
        "nominal_width_mm": recipe.nominal_width_mm,
        "width_tolerance_mm": recipe.width_tolerance_mm,
        "looks": [name for name, is_on in looks_of(recipe).items() if is_on],
        "looks_told": looks_told(recipe),
        **recipe.camera.model_dump(),
    }
