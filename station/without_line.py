"""How the line is while there is none: before a roll, while its model is loaded, or where its line never started."""

from __future__ import annotations

from station.bugs import reason
from station.contract import FeedState, Ledger, LineSnapshot, LineState
from station.recipe import Recipe


def without_line(recipe: Recipe | None, roll: str | None, *, paused: bool, error: Exception | None) -> LineSnapshot:
    """A snapshot without cloth.

    Args:
        recipe: of the last roll, None before any.
        roll: the open roll, None if none is.
        paused: people do not want to look yet.
        error: what kept the line from starting.
    """
    if error is not None:
        state = LineState.ERROR
    elif roll is None:
        state = LineState.READY
    else:
        state = LineState.HALTED if paused else LineState.INITIALIZED
    loading = "" if roll is None else "Loading the model"
    return LineSnapshot(
        state=state,
        feed=FeedState.NO_PICTURE,
        fabric=recipe.fabric if recipe else "",
        recipe_version=recipe.version if recipe else 0,
        roll=roll,
        ledger=Ledger(),
        message=loading if error is None else reason(error),
    )
