"""Numbers and units are written here as people read them."""

from __future__ import annotations

import math
from datetime import datetime

from station.local_time import clock

THIN_SPACE = "\u2009"


def length(millimetres: float, unit: str = "mm") -> str:
    """Write a length of a defect: ``3.5 mm``, ``120 mm``, ``1.25 m``; in px where there is no scale."""
    if unit == "mm" and millimetres >= 1000:
        return f"{millimetres / 1000:.2f}{THIN_SPACE}m"
    return f"{millimetres:.1f}{THIN_SPACE}{unit}" if millimetres < 10 else f"{millimetres:.0f}{THIN_SPACE}{unit}"


def size(length_mm: float, width_mm: float, unit: str = "mm") -> str:
    """Write along × across, the unit once: ``3.5 × 12 mm``."""
    along, across = length(length_mm, unit), length(width_mm, unit)
    ending = f"{THIN_SPACE}{unit}"
    return f"{along.removesuffix(ending) if across.endswith(ending) else along} × {across}"


def position(millimetres: float, unit: str = "mm") -> str:
    """Write a place along the roll: ``12.43 m``, or px where there is no scale."""
    return metres(millimetres / 1000) if unit == "mm" else f"{grouped(millimetres)}{THIN_SPACE}px"


def metres(value: float, digits: int = 2) -> str:
    """Write metres: ``1 234.50 m``."""
    return f"{value:,.{digits}f}".replace(",", THIN_SPACE) + f"{THIN_SPACE}m"


def grouped(value: float) -> str:
    """Write a number in groups: ``12 345``."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def span(value_m: float | None, lines: int, digits: int = 1) -> str:
    """Write metres where there is a scale, lines where not."""
    return metres(value_m, digits) if value_m is not None else f"{grouped(lines)} lines"


def speed_limit(m_per_min: float) -> str:
    """Write a speed that may not be exceeded, cut off and not rounded: ``34 m/min``, ``0.8 m/min``."""
    shown = f"{math.floor(m_per_min):.0f}" if m_per_min >= 10 else f"{math.floor(m_per_min * 10) / 10:.1f}"
    return f"{shown}{THIN_SPACE}m/min"


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things: ``1 reject``, ``2 rejects``."""
    return f"{grouped(number)} {one if number == 1 else (many or one + 's')}"


def when(moment: datetime) -> str:
    """Write local date and time to the minute."""
    return clock(moment, seconds=False)
