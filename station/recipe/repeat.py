"""This module says how a fabric's pattern repeats, and whether the looks know where in it cloth lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from model.pattern.repeat import Repeat


class ClothRepeat(BaseModel):
    """The repeat of a pattern larger than the weave, as teach-in measured it; None in a direction without one.

    Attributes:
        along_px, across_px: after how many lines and columns cloth looks the same again.
        along_strength, across_strength: how much of what differs in the cloth, threads aside, repeats (0..1).
        looked_along_px, looked_across_px: no larger repeat could be seen in the cloth that was taught.
        modelled: names of the looks that judge each place of the pattern by good cloth of that place.
        why_not: why there are none, where cloth repeats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    along_px: float | None = Field(None, gt=0)
    across_px: float | None = Field(None, gt=0)
    along_strength: float = Field(0.0, ge=0, le=1)
    across_strength: float = Field(0.0, ge=0, le=1)
    looked_along_px: float = Field(0.0, ge=0)
    looked_across_px: float = Field(0.0, ge=0)
    modelled: tuple[str, ...] = Field((), max_length=8)
    why_not: str = Field("", max_length=400)

    @classmethod
    def of(cls, repeat: Repeat, modelled: Iterable[str] = (), why_not: str = "") -> ClothRepeat:
        """Keep a repeat that was measured."""
        return cls(
            along_px=None if repeat.along_px is None else round(repeat.along_px, 2),
            across_px=None if repeat.across_px is None else round(repeat.across_px, 2),
            along_strength=round(repeat.along_strength, 3),
            across_strength=round(repeat.across_strength, 3),
            looked_along_px=repeat.looked_along_px,
            looked_across_px=repeat.looked_across_px,
            modelled=tuple(modelled),
            why_not=why_not,
        )

    @property
    def is_there(self) -> bool:
        """Say whether cloth repeats in any direction."""
        return self.along_px is not None or self.across_px is not None

    def told(self, mm_across: float | None, mm_along: float | None) -> str:
        """Say it in a sentence or two.

        Args:
            mm_across, mm_along: mm per px and per line; None where not known.
        """
        looked = f"up to {self.looked_across_px:.0f} px across and {self.looked_along_px:.0f} px along"
        if not self.is_there and not (self.looked_along_px and self.looked_across_px):
            return (
                "Whether a pattern larger than the weave repeats in this cloth is not known: too little of it was seen."
            )
        if not self.is_there:
            return f"No pattern larger than the weave repeats in this cloth, as far as it shows ({looked})."
        sides = [
            f"{size:.0f} px{'' if scale is None else f' ({size * scale:.0f} mm)'} {way}, strength {strength:.2f}"
            for size, scale, way, strength in (
                (self.across_px, mm_across, "across", self.across_strength),
                (self.along_px, mm_along, "along", self.along_strength),
            )
            if size is not None
        ]
        told = f"This cloth repeats every {' and '.join(sides)}"
        if len(sides) == 1:
            other = "along" if self.along_px is None else "across"
            told += f"; no repeat {other} it was seen (looked for {looked})"
        if self.modelled:
            return f"{told}. Where in it a place lies is known to the looks {', '.join(self.modelled)}."
        return (
            f"{told}. Where in it a place lies is not modelled ({self.why_not}): all of it is judged alike, and flaws "
            "that are no stronger than what good cloth shows at its stripes or figures would not be found."
        )
