"""This module keeps what teach-in learned of the cloth and of what lies beside it: the line finds the web by it.

Nothing in it is a grey level: texture and yarns are shares of the cloth's own light.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Bin = Annotated[int, Field(ge=-64, le=64)]


class Beside(StrEnum):
    """The value says what lies between the picture's border and the cloth on one side."""

    NOTHING = "nothing"
    """The cloth reaches the picture's border; only columns that saw the bare lamp or nothing are left out."""
    SMOOTH = "smooth"
    """Something smoother than the cloth, by which the line tells it."""
    YARNLESS = "yarnless"
    """Something that only the lack of the cloth's yarns tells: fine cloth on a table, or a dark stripe next to one."""


class WebLook(BaseModel):
    """The look says what lies beside the cloth on each side, and how the cloth is told from it.

    Attributes:
        left, right: what lies beside the cloth.
        yarns: where the power spectrum of the cloth peaks, as (cycles along, cycles across) in 64 px.
        strength: mean power in these peaks above what lies around them, in units of the mean grey squared.
        texture, structure: of the cloth, as :mod:`station.line.scoring.web_profile` measures them, the texture as a
            share of the mean grey.
        shown: how many times the yarns stand above what lies around them in a block, at the least; 0 where not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    left: Beside = Beside.NOTHING
    right: Beside = Beside.NOTHING
    yarns: tuple[tuple[Bin, Bin], ...] = Field((), max_length=16)
    strength: float = Field(ge=0)
    texture: float = Field(ge=0)
    structure: float = Field(ge=0)
    shown: float = Field(0.0, ge=0)

    @property
    def fills(self) -> bool:
        """Say whether the cloth fills the picture."""
        return self.left is Beside.NOTHING and self.right is Beside.NOTHING

    def told(self) -> str:
        """Say in a sentence what was learned."""
        if self.fills:
            return "The cloth's yarns show across the whole picture, so all of it counts as cloth from now on."
        sides = [
            f"{_IN_WORDS[beside]} on the {side}"
            for side, beside in (("left", self.left), ("right", self.right))
            if beside is not Beside.NOTHING
        ]
        return f"Beside the cloth lies {' and '.join(sides)}; the line tells the cloth from it."


_IN_WORDS = {
    Beside.SMOOTH: "something smoother than the cloth",
    Beside.YARNLESS: "something without the cloth's yarns",
}
