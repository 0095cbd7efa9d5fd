"""This module says where cloth as a whole differs from what was taught, in one message for all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClothDiffers:
    """The event says that cloth began to differ from what was taught, or that it ceased to.

    It is told at the beginning, with ``end_line`` None, and again at the end.

    Attributes:
        first_line, end_line: roll lines, half-open.
        share: the share of the web's width that differs, 0 to 1; at the end the mean over its length.
        cause: what may be the reason, in words.
    """

    first_line: int
    end_line: int | None
    share: float
    cause: str

    def span(self, roll_lines: int) -> tuple[int, int]:
        """Return its lines, half-open; what has no end yet reaches to the roll's last line."""
        return self.first_line, roll_lines if self.end_line is None else self.end_line
