"""This module works out columns across the web: where it ends, what was seen of it, and where tiles stand."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from station.contract import StationError
from station.recipe.web import WebHow, WebRule

Spans = tuple[tuple[int, int], ...]
"""Spans are half-open ranges of columns, in order."""


def web_span(rule: WebRule, width: int) -> tuple[int, int]:
    """Return the columns that may be cloth by a recipe's rule, half-open.

    Raises:
        StationError: the rule names columns that a picture of this width does not have.
    """
    if rule.how is not WebHow.GIVEN:
        return 0, width
    if rule.right_px > width:
        raise StationError(
            f"The web was given as columns {rule}, but the picture has {width} columns, 0 to {width - 1}: give --web "
            f"auto, full, or columns up to {width}."
        )
    return rule.left_px, rule.right_px


def snap_edges(left: int, right: int, width: int, cell: int) -> tuple[int, int]:
    """Move web edges inwards to whole cells; at the picture's own edge they stay.  Empty (0, 0) if nothing is left."""
    left, right = max(0, left), min(width, right)
    left = math.ceil(left / cell) * cell
    right = width if right >= width else right // cell * cell
    return (left, right) if right - left >= cell else (0, 0)


def spread_columns(left: int, right: int, tile: int, overlap: int, cell: int) -> NDArray[np.intp]:
    """Return the left sides of the fewest tiles that cover ``[left, right)`` with at least ``overlap``, evenly spread.

    All are multiples of ``cell`` if ``left`` is; the last may reach over ``right`` by less than a cell (at the
    picture's edge, where it is mirrored).  One tile at ``left`` if the web is narrower than a tile.
    """
    if right <= left:
        return np.zeros(0, np.intp)
    last = math.ceil((right - left - tile) / cell) * cell
    if last <= 0:
        return np.array([left], np.intp)
    count = 1 + math.ceil(last / (tile - overlap))
    # Floors of an even spread: no step exceeds the mean rounded up to a cell, and tile - overlap is a whole cell.
    return np.asarray(left + np.arange(count) * last // (count - 1) // cell * cell, np.intp)


def seen_spans(left: int, right: int, blind_px: Spans, cell: int, narrowest: int) -> Spans:
    """Return what was seen of the web ``[left, right)``; beside unseen columns, whole cells, ``narrowest`` or wider."""
    if right <= left:
        return ()
    if not is_partly_blind(blind_px, left, right):
        return ((left, right),)
    firsts = [left, *(-(-end // cell) * cell for _, end in blind_px)]
    ends = [*(first // cell * cell for first, _ in blind_px), right]
    spans = [(max(first, left), min(end, right)) for first, end in zip(firsts, ends, strict=True)]
    return tuple((first, end) for first, end in spans if end - first >= narrowest)


def is_partly_blind(blind_px: Spans, left: int, right: int) -> bool:
    """Say whether some of the web was not seen.  Where no cloth is in sight, it may be in the unseen columns."""
    return any(first < right and end > left for first, end in blind_px) or bool(blind_px and right <= left)


def rest_of(left: int, right: int, seen: Spans) -> Spans:
    """Return what remains of the web ``[left, right)`` without the columns that were seen."""
    firsts, ends = [left, *(end for _, end in seen)], [*(first for first, _ in seen), right]
    return tuple((first, end) for first, end in zip(firsts, ends, strict=True) if first < end)


def widest_view(blind_px: Spans, width: int) -> tuple[int, int]:
    """Return the widest stretch of columns that was seen."""
    firsts, ends = [0, *(end for _, end in blind_px)], [*(first for first, _ in blind_px), width]
    return max(zip(firsts, ends, strict=True), key=lambda span: span[1] - span[0])
