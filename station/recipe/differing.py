"""This module says what teach-in learned of the cloth as a whole, by which another web is told from it."""

from __future__ import annotations

from station.display_score import AT_THRESHOLD, display_score
from station.recipe.cloth_look import FEWEST, WINDOW_PX
from station.recipe.recipe import Recipe
from station.recipe.score_levels import FEWEST_STRETCHES, LEAST_LINES, LEAST_WEB_PX

FOR_SCORE = f"{FEWEST_STRETCHES} pictures or stretches of {LEAST_LINES} lines and {LEAST_WEB_PX} columns or more"
FOR_LOOK = f"{FEWEST} of {WINDOW_PX} lines and columns or more"
TOO_LITTLE = (
    f"too little good cloth was held out for it, which is about a quarter of all; it takes {FOR_SCORE} for the score, "
    f"{FOR_LOOK} for grey and weave"
)


def differing_told(recipe: Recipe) -> str:
    """Say what was learned of the cloth's score and look, or why it was not and what to give, and how to overrule
    it."""
    if recipe.levels is None and recipe.look is None:
        return (
            "What the cloth is like as a whole was not learned, so a web that differs from it (another fabric, other "
            f"light) will not be told: {TOO_LITTLE}. Give more good cloth and teach again."
        )
    will, no = ("is told once, with where it begins and ends", "no-")
    if not recipe.tells_differing:
        will, no = ("is not told, as that is switched off", "")
    told = (
        f"Learned of this cloth as a whole: {_learned(recipe)}. A web that differs from that over half of its width "
        f"{will}; station recipe {recipe.fabric} --{no}tell-differing changes that."
    )
    if recipe.levels is not None and recipe.look is not None:
        return told
    lacking = "score" if recipe.levels is None else "grey and weave"
    return f"{told} Its {lacking} could not be learned: {TOO_LITTLE}."


def _learned(recipe: Recipe) -> str:
    learned = [] if recipe.look is None else [recipe.look.told()]
    if recipe.levels is not None:
        middle = display_score(recipe.levels.middle, recipe.threshold)
        learned.append(f"score {middle:.2f} ± {recipe.levels.spread:.0%} across the web, where {AT_THRESHOLD} rejects")
    return "; ".join(learned)
