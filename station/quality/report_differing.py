"""This module reports where a roll's cloth differed as a whole from what was taught."""

from __future__ import annotations

from dataclasses import dataclass

from station.contract import ClothDiffers

HEADING = "Cloth that differs from what was taught"


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
        first, end = told.first_line, roll_lines if told.end_line is None else told.end_line
        from_m, to_m = (None if mm_per_line is None else line * mm_per_line / 1000 for line in (first, end))
        return cls(first, end, from_m, to_m, told.share, told.cause)

    def words(self) -> str:
        """Say where it lies, over how much of the width, and why that may be."""
        if self.from_m is None or self.to_m is None:
            place = f"lines {self.first_line} to {self.end_line}"
        else:
            place = f"{self.from_m:.3f} to {self.to_m:.3f} m"
        return f"{place}  over {self.share_of_width:.0%} of the width: {self.cause}"
