"""This module finds what people set in a fabric's recipe, so that the next teach-in keeps it."""

from __future__ import annotations

from collections.abc import Iterable

from station.recipe.looks_chosen import off_told
from station.recipe.recipe import Recipe
from station.recipe.web import AUTO

FIELDS = ("min_length_mm", "tells_differing", "web", "grading_rule", "nominal_width_mm", "width_tolerance_mm")


def overruled(versions: Iterable[tuple[Recipe, bool]], unit: str) -> dict[str, object]:
    """Return the values that people set, by the recipe's fields; empty where all is as teach-in chose it.

    Args:
        versions: the fabric's recipes, oldest first, each with whether a teach-in made it.
        unit: of lengths from now on; a least size set in another unit is none.
    """
    found: dict[str, object] = {}
    before: Recipe | None = None
    for recipe, is_taught in versions:
        for name in FIELDS:
            value = getattr(recipe, name)
            if is_taught:
                if name == "web" and value != AUTO:
                    found[name] = value  # typed with the command, and nothing that teach-in could have chosen
                elif name in found and found[name] != value:
                    del found[name]
            elif before is not None and value != getattr(before, name):
                found[name] = value
        before = recipe
    if before is not None and before.unit != unit:
        found.pop("min_length_mm", None)
    return found


def kept_told(recipe: Recipe, kept: Iterable[str]) -> str:
    """Say which of the recipe's values were kept as people had set them, and how to change that; empty for none."""
    words = {
        "min_length_mm": f"least size {recipe.min_length_mm:.3g} {recipe.unit} (--min-length)",
        "tells_differing": f"differing cloth {'told' if recipe.tells_differing else 'not told'} (--tell-differing)",
        "web": f"columns {recipe.web} (--web)",
        "grading_rule": f"grading rule {recipe.grading_rule} (--rule)",
        "nominal_width_mm": f"nominal width {_mm(recipe.nominal_width_mm)} (--width)",
        "width_tolerance_mm": f"tolerance of the width {_mm(recipe.width_tolerance_mm)} (--width-tolerance)",
    }
    said = [words[name] for name in FIELDS if name in set(kept)]
    if off_told(recipe):
        said.append(f"{off_told(recipe)} look off (--looks)")
    if not said:
        return ""
    return f"Kept as it was set before: {', '.join(said)}; change it by station recipe {recipe.fabric}."


def _mm(length: float | None) -> str:
    return "not given" if length is None else f"{length:g} mm"
