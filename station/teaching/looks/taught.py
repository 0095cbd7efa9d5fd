"""This module says which looks a teach-in taught, and which it left off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from station.recipe import Recipe
from station.recipe.looks import FINE_LOOK, LONG_LOOK, look_name
from station.recipe.looks_chosen import looks_of


@dataclass(frozen=True)
class LooksTaught:
    """The looks that were taught.

    Attributes:
        shares: each one's share of the false alarms that are accepted, by name; the fine look first.
        left_off: those asked for that were not taught, each with why.
    """

    shares: Mapping[str, float] = field(default_factory=lambda: {FINE_LOOK: 1.0})
    left_off: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Recipe, shares: Mapping[int, float], left_off: Mapping[str, str]) -> LooksTaught:
        """Return the looks of a recipe just made.

        Args:
            shares: as :func:`station.recipe.looks.shares_of`; a look that the recipe has not was left off after all.
            left_off: those left off before, with why.
        """
        given = {look_name(size): share for size, share in shares.items()}
        decides = [name for name in looks_of(recipe) if name != LONG_LOOK or _has_limits(recipe)]
        late = {name: "too little good cloth to set its threshold" for name in given if name not in decides}
        return cls({name: given[name] for name in decides}, {**left_off, **late})

    def told(self) -> str:
        """Say it in a sentence."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        told = f"Looks taught, each with its share of the false alarms: {shares}" if len(self.shares) > 1 else ""
        left_off = "; ".join(f"{name} ({why})" for name, why in self.left_off.items())
        if not left_off:
            return f"{told}." if told else "The fine look alone was taught."
        return f"{told or 'The fine look alone was taught'}; left off: {left_off}."


def _has_limits(recipe: Recipe) -> bool:
    return recipe.long is not None and any(limit is not None for limit in (*recipe.long.warp, *recipe.long.weft))
