"""This module says by name which looks a recipe has, and switches them on and off as people ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from station.recipe.looks import FINE_LOOK, LONG_LOOK, LongLookLimits, broad_name

if TYPE_CHECKING:
    from station.recipe.recipe import Recipe

BROAD = "broad"
"""This name stands for the broad looks of all sizes."""


def looks_of(recipe: Recipe) -> dict[str, bool]:
    """Return the looks of a recipe by name (``fine``, ``broad 2``, ``long``), each with whether it is on."""
    looks = {FINE_LOOK: True} | {broad_name(look.size): look.is_on for look in recipe.broad}
    return looks if recipe.long is None else looks | {LONG_LOOK: recipe.long.is_on}


def without(recipe: Recipe, off: Collection[str]) -> dict[str, object]:
    """Return the fields of the recipe that change where the looks of these names are off and all others on."""
    changes: dict[str, object] = {}
    broad = tuple(look.model_copy(update={"is_on": broad_name(look.size) not in off}) for look in recipe.broad)
    if broad != recipe.broad:
        changes["broad"] = broad
    if recipe.long is not None and recipe.long.is_on == (LONG_LOOK in off):
        changes["long"] = recipe.long.model_copy(update={"is_on": LONG_LOOK not in off})
    return changes


def with_looks(recipe: Recipe, typed: str) -> Recipe:
    """Return the recipe with the looks that were typed, as ``fine,broad,long``, and all others off.

    Raises:
        ValueError: a look is none that the fabric was taught, or fine is left out; the sentence says so.
    """
    looks = looks_of(recipe)
    wanted = [" ".join(name.lower().split()) for name in typed.split(",")]
    on = {look for look in looks if look in wanted or (BROAD in wanted and look.startswith(BROAD))}
    unknown = [name for name in wanted if name not in on and not (name == BROAD and any(map(_is_broad, on)))]
    if unknown:
        raise ValueError(f"{recipe.fabric} was taught no look {unknown[0]!r}; it has {', '.join(looks)}")
    if FINE_LOOK not in on:
        raise ValueError("the fine look cannot be switched off; name it too")
    return recipe.model_copy(update=without(recipe, looks.keys() - on))


def looks_kept(versions: Iterable[Recipe], recipe: Recipe) -> dict[str, object]:
    """Return the fields of a recipe taught anew that change as people have switched looks off before.

    Args:
        versions: the fabric's recipes, oldest first.  The last that has a look says whether it is on.
    """
    last: dict[str, bool] = {}
    for version in versions:
        last |= looks_of(version)
    return without(recipe, {name for name, is_on in last.items() if not is_on})


def off_told(recipe: Recipe) -> str:
    """Name the looks that are off; '' if all are on."""
    return " and ".join(name for name, is_on in looks_of(recipe).items() if not is_on)


def looks_told(recipe: Recipe) -> str:
    """Say in a line which looks are on, each with its threshold, and which are off."""
    thresholds = {FINE_LOOK: f"threshold {recipe.threshold:.4g}"}
    thresholds |= {broad_name(look.size): f"threshold {look.threshold:.4g}" for look in recipe.broad}
    if recipe.long is not None:
        thresholds[LONG_LOOK] = _limits_told(recipe.long)
    return ", ".join(
        f"{name} ({thresholds[name]})" if is_on else f"{name} off" for name, is_on in looks_of(recipe).items()
    )


def _is_broad(name: str) -> bool:
    return name.startswith(BROAD)


def _limits_told(look: LongLookLimits) -> str:
    told = []
    for direction, limits in (("warp", look.warp), ("weft", look.weft)):
        known = [limit for limit in limits if limit is not None]
        if not known:
            told.append(f"{direction} never")
        elif min(known) == max(known):
            told.append(f"{direction} {known[0]:.3g}")
        else:
            told.append(f"{direction} {min(known):.3g} to {max(known):.3g}")
    return f"limits {', '.join(told)} spreads of good cloth"
