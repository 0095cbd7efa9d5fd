"""This module says which small pieces, close together, are one area: a smear, contamination, a hail of neps.

An inspector counts many spots close together as one flaw, and a few spots, or spots that lie apart, as flaws of their
own; spots around a stain belong to it.  So pieces that reach the threshold belong together where the next one is no
farther than ``REACH``, and are one area once there are ``MANY`` of them, or one that is no spot but an area by itself.
A line longer than a piece of an area stands by itself, and so does what is larger than ``BROADEST``.

Pieces are compared once they are closed, by boxes that nothing changes any more, so nothing depends on how the strip is
cut.  A piece waits until no other can come so near: that is ``REACH`` behind the newest small region still open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from station.line.judging.boxes import Box
from station.line.judging.decision import LINE_ELONGATION, SPOT_MM, SPOT_PX
from station.line.judging.regions import BLUR, Region

MANY = 5
"""Two flaws, or a few, may lie close to one another by chance: each counts.  Five in a chain of this reach do not, even
where thirty flaws lie on a square metre (see the tests)."""
REACH_MM, REACH_PX = 20.0, 40.0
"""The next piece of an area is no farther than this (px without a scale).  What lies forty millimetres apart is two
flaws, and half of that never comes near to it."""
LARGEST_MM, LARGEST_PX = 50.0, 100.0
"""A line that is a piece of an area extends no farther, but for the model's blur,"""
BROADEST_MM, BROADEST_PX = 200.0, 400.0
"""and anything else no farther than this."""


@dataclass(slots=True, eq=False)
class _Group:
    """Pieces that lie close together: their regions, of an area a single one, and boxes of those that another may
    still come near to."""

    regions: list[Region]
    boxes: list[Box]


class AreaJoiner:
    """The joiner follows the areas of one run.

    Args:
        threshold: the score that a piece reaches.
        mm_per_row, mm_per_column: size of a cell of the strip; px without a scale.
        has_scale: whether that is mm.
        joins: whether pieces are joined at all.
    """

    def __init__(
        self, *, threshold: float, mm_per_row: float, mm_per_column: float, has_scale: bool, joins: bool = True
    ) -> None:
        self._threshold = threshold
        self._cell = mm_per_row, mm_per_column
        self._reach = REACH_MM if has_scale else REACH_PX
        self._largest = LARGEST_MM if has_scale else LARGEST_PX
        self._broadest = BROADEST_MM if has_scale else BROADEST_PX
        self._spot = SPOT_MM if has_scale else SPOT_PX
        self._joins = joins
        self._groups: list[_Group] = []

    @property
    def waiting(self) -> list[Region]:
        """Give the closed regions that others may still be joined to."""
        return [region for group in self._groups for region in group.regions]

    def take(self, closed: Iterable[Region], opened: Iterable[Region], rows_decided: int) -> list[Region]:
        """Take the regions closed since the last call; returns those that nothing is joined to any more.

        A region that another was joined to counts that one's parts, and has it among its ``absorbed``.

        Args:
            closed, opened: the regions closed since, and all that may still grow.
            rows_decided: every region to come begins here or later.
        """
        final: list[Region] = []
        for region in closed:
            if self._joins and self._is_piece(region):
                self._put(region)
            else:
                final.append(region)
        if self._groups:
            high, _ = self._cell
            first = min(
                [rows_decided, *(one.extent.top for one in opened if max(self._size(one.extent)) <= self._broadest)]
            )
            final += self._let_go(first - self._reach / high)
        return final

    def flush(self, closed: Iterable[Region]) -> list[Region]:
        """End the run with the regions closed last; returns them and all that waited."""
        return [*self.take(closed, (), 0), *self._let_go(math.inf)]

    def _size(self, box: Box, blur: int = 2 * BLUR) -> tuple[float, float]:
        """Return the size along and across, at the least: so many cells are the model's blur."""
        high, wide = self._cell
        return (box.bottom - box.top - blur) * high, (box.right - box.left - blur) * wide

    def _is_piece(self, closed: Region) -> bool:
        looks, size = self._size(closed.box, 0), self._size(closed.extent)
        is_line = max(looks) >= LINE_ELONGATION * min(looks)
        return closed.peak >= self._threshold and max(size) <= (self._largest if is_line else self._broadest)

    def _is_area(self, region: Region) -> bool:
        return region.parts > 1 or min(self._size(region.box, BLUR)) > self._spot

    def _put(self, region: Region) -> None:
        box = Box(region.box.top, region.box.bottom, region.box.left, region.box.right)
        near = [group for group in self._groups if any(self._is_near(box, other) for other in group.boxes)]
        joined = _Group(
            [region, *(one for group in near for one in group.regions)],
            [box, *(one for group in near for one in group.boxes)],
        )
        self._groups = [group for group in self._groups if group not in near]
        self._groups.append(joined)
        if len(joined.regions) >= MANY or any(map(self._is_area, joined.regions)):
            area, *others = sorted(joined.regions, key=lambda one: (one.extent.top, one.extent.left))
            for other in others:
                area.merge(other)
                area.parts += other.parts
                area.absorbed += [other, *other.absorbed]
            joined.regions = [area]

    def _is_near(self, one: Box, other: Box) -> bool:
        high, wide = self._cell
        down = max(one.top - other.bottom, other.top - one.bottom, 0) * high
        aside = max(one.left - other.right, other.left - one.right, 0) * wide
        return math.hypot(down, aside) <= self._reach

    def _let_go(self, first: float) -> list[Region]:
        """Forget pieces that end before row ``first``; returns the regions of groups of which none is left."""
        gone: list[Region] = []
        kept: list[_Group] = []
        for group in self._groups:
            group.boxes = [box for box in group.boxes if box.bottom >= first]
            if group.boxes:
                kept.append(group)
            else:
                gone += group.regions
        self._groups = kept
        return gone
