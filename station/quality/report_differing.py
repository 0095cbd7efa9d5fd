"""This module reports where a roll's cloth differed as a whole from what was taught."""

from __future__ import annotations

from dataclasses import dataclass

from station.contract import ClothDiffers


@dataclass(frozen=True, slots=True)
class ReportDiffering:
    """A stretch of such cloth has metres from the roll's start, None without a scale, the share of the width that
    differed, and what may be the cause."""

    first_line: int
    end_line: int
    from_m: float | None
    to_m: float | None
    share_of_width: float
    cause: str

    @classmethod
    def of(cls, told: ClothDiffers, roll_lines: int, mm_per_line: float | None) -> ReportDiffering:
        """Make it of what the line told; what never ended reaches to the roll's last line."""
        first, end = told.span(roll_lines)
        from_m, to_m = (None if mm_per_line is None else line * mm_per_line / 1000 for line in (first, end))
        return cls(first, end, from_m, to_m, told.share, told.cause)
