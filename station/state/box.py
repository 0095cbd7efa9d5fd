"""This module holds a box on the roll, to say which of two findings are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Placed(Protocol):
    """A placed thing lies on half-open lines and columns: a defect, one on record, a painted flaw."""

    @property
    def first_line(self) -> float:
        """Give its first line."""

    @property
    def end_line(self) -> float:
        """Give the line after its last."""

    @property
    def first_px(self) -> float:
        """Give its first column."""

    @property
    def end_px(self) -> float:
        """Give the column after its last."""


@dataclass(frozen=True)
class Box:
    """A box is half-open, in lines and columns."""

    first_line: float
    end_line: float
    first_px: float
    end_px: float

    @classmethod
    def of(cls, thing: Placed) -> Box:
        """Make the box of a placed thing."""
        return cls(thing.first_line, thing.end_line, thing.first_px, thing.end_px)

    @property
    def area(self) -> float:
        """Give lines × columns."""
        return (self.end_line - self.first_line) * (self.end_px - self.first_px)

    def grown(self, px: float) -> Box:
        """Return the box grown on all sides."""
        return Box(self.first_line - px, self.end_line + px, self.first_px - px, self.end_px + px)

    def meets(self, other: Box) -> bool:
        """Say whether the two share any area."""
        return (
            self.first_line < other.end_line
            and other.first_line < self.end_line
            and self.first_px < other.end_px
            and other.first_px < self.end_px
        )
