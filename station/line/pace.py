"""This module reckons how fast cloth may go for the tiles that a machine judges in a second."""

from __future__ import annotations

from model.scorer import CELL_PX, TILE_PX
from station.line.columns import spread_columns

MARGIN = 0.9
"""This share of what the model alone would keep up with is promised: the line and the screen need the rest."""


def fastest_m_per_min(tiles_per_second: float, web_px: int, overlap_px: int, mm_per_line: float) -> float:
    """Return the speed in m/min up to which every line of a web is judged.

    Args:
        tiles_per_second: what the machine judges while it has enough to do.
        web_px: the web's width, above 0.
        overlap_px: of neighbouring tiles, along and across.
        mm_per_line: the scale along.
    """
    across = len(spread_columns(0, web_px, TILE_PX, overlap_px, CELL_PX))
    rows_per_s = MARGIN * tiles_per_second / across
    return rows_per_s * (TILE_PX - overlap_px) * mm_per_line * 60 / 1000
