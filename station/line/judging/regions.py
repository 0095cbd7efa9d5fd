"""This module finds regions: connected places of high score in an endless strip, the same however the strip is cut.

A cell belongs to a region if its score reaches the report level; neighbours (8-neighbourhood) belong to the same
region.  *Strong* cells, those that reach the threshold, belong together even with up to ``gap`` other cells between
them, along and across alike: they are grown by the gap forwards and to the right, which needs no look-ahead, and grown
cells that touch are one.  Weak cells bridge no gap, or the cloth's own noise near the report level would gather around
every flaw.

The *box* of a region is its extent by a local drop, like the 6 dB drop that sizes flaws in ultrasonics: it ends where
scores have fallen by ``drop`` below the highest one within ``BLUR`` cells around, interpolated between cells.  Scores
are logarithms, so a drop is a fixed share of what stands out, faint or strong: a strong spot, whose scores reach far,
gets no wider box than a weak one.  A long weak line is measured against itself from place to place, so that one strong
spot on it does not shorten it.  A region wholly in the shadow of a stronger one keeps its whole extent.  Where scores
are divided by a sensitivity profile, the divided score decides whether a cell belongs to a region, while the drop is
measured on the raw score, in which half of what stands out is the same fall everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from station.line.judging.boxes import Box, box_around, sides, span
from station.line.judging.gaps import LEAST_UNIT, GapJoiner, Link, UsualScore

BLUR = 4
"""The model's blur reaches this many cells; regions are decided this many rows behind the newest."""


@dataclass(slots=True, eq=False)
class Region:
    """A region is one connected place of high score, still growing or closed.

    ``extent`` spans its whole cells, ``core`` the part above the drop (None: there is none).  ``peak`` is its highest
    score, first reached at ``peak_row``, ``peak_column``.  An area is made of several ``parts``.
    """

    extent: Box
    core: Box | None
    area: int
    peak: float
    peak_row: int
    peak_column: int
    closed: bool = False
    parts: int = 1
    absorbed: list[Region] = field(default_factory=list)

    @property
    def box(self) -> Box:
        """Give the box by the local drop, within the extent; it has no width where one cell just reaches the drop."""
        return self.extent if self.core is None else self.core.within(self.extent)

    def merge(self, other: Region) -> None:
        """Take over another region that proved to be the same one."""
        self.extent.merge(other.extent)
        if self.core is None:
            self.core = other.core
        elif other.core is not None:
            self.core.merge(other.core)
        self.area += other.area
        if (-other.peak, other.peak_row, other.peak_column) < (-self.peak, self.peak_row, self.peak_column):
            self.peak = other.peak
            self.peak_row = other.peak_row
            self.peak_column = other.peak_column


class RegionFinder:
    """The finder finds the regions of one run.  Feed it score rows as they become final; ``flush`` at the run's end.

    Args:
        level, threshold: scores from which a cell belongs to a region, and from which it is strong.
        drop: fall of the score at which a box ends, above 0; if infinite, boxes are whole extents.
        gap, width: the gap that strong cells bridge, and the strip's width, in cells.
        joins_lines: whether strong cells in one line also bridge what :mod:`station.line.judging.gaps` lets them.

    Attributes:
        rows_decided: rows that later ones can no longer change, except that open regions may grow.
        opened: regions that may still grow, in the order they began.
    """

    def __init__(
        self, *, level: float, threshold: float, drop: float, gap: int, width: int, joins_lines: bool = True
    ) -> None:
        self._level = level
        self._threshold = threshold
        self._drop = np.float32(drop)
        self._gap = gap
        self._kernel = np.ones((gap + 1, gap + 1), np.uint8)
        self._context = np.zeros((2, BLUR, width), np.float32)  # scores, raw scores
        self._strong_above = np.zeros((gap, width), np.uint8)
        # The region each place of the row above belongs to, by cells and by growth: index in ``opened``, -1 for none.
        self._above = np.full((2, width), -1, np.intp)
        self._usual = UsualScore()
        self._gaps = GapJoiner(width) if joins_lines else None
        self.rows_decided = 0
        self.opened: list[Region] = []
        self._closed: list[Region] = []

    def feed(self, scores: NDArray[np.float32], raw: NDArray[np.float32] | None = None) -> None:
        """Take score rows, float32 ``[rows, width]``; ``raw``: before they were divided, None where they were not."""
        strip = np.concatenate([self._context, np.stack([scores, scores if raw is None else raw])], axis=1)
        rows = strip.shape[1] - 2 * BLUR
        if rows > 0:
            self._process(strip, rows)
            strip = strip[:, rows:].copy()
        self._context = strip

    def flush(self) -> None:
        """End the run: decide the rows held back and close every region."""
        rows = self._context.shape[1] - BLUR
        if rows > 0:
            self._process(np.pad(self._context, ((0, 0), (0, BLUR), (0, 0))), rows)
        self._context = self._context[:, :0]
        self._close(self.opened)
        self.opened = []

    def take_closed(self) -> list[Region]:
        """Return the regions closed since the last call."""
        closed = self._closed
        self._closed = []
        return closed

    def _process(self, strip: NDArray[np.float32], rows: int) -> None:
        chunk = strip[0, BLUR : BLUR + rows]
        mask = (chunk >= self._level).astype(np.uint8)
        first = self.rows_decided
        self.rows_decided += rows
        usual = self._usual.after(chunk)
        if not self.opened and not mask.any():
            return
        strong = chunk >= self._threshold
        grown = self._grow(strong.astype(np.uint8))
        links = self._links(chunk, strong, usual)
        inside = [(cell, origin) for cell, origin in links if origin >= 0]
        groups, count = _groups(mask, grown, strong, inside)
        found = self._measure(strip, groups[0], count, first)
        names = groups[0].ravel()
        linked = {(int(names[cell]), -1 - origin) for cell, origin in links if origin < 0}
        owners, became = self._join(found, groups[:, 0], linked)
        self._carry(owners, became, groups)

    def _links(self, scores: NDArray[np.float32], strong: NDArray[np.bool_], usual: NDArray[np.float32]) -> list[Link]:
        if self._gaps is None:
            return []
        usual = np.minimum(usual, (1 - LEAST_UNIT) * self._threshold)
        standing = (scores - usual) / (self._threshold - usual)
        return self._gaps.links(standing.astype(np.float32), strong)

    def _grow(self, strong: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._gap == 0:
            return strong
        strip = np.concatenate([self._strong_above, strong])
        self._strong_above = strip[-self._gap :].copy()
        grown = cv2.dilate(strip, self._kernel, anchor=(self._gap, self._gap))
        return np.ascontiguousarray(grown[self._gap :], np.uint8)

    def _measure(
        self, strip: NDArray[np.float32], labels: NDArray[np.intp], count: int, first: int
    ) -> list[Region | None]:
        """Measure each label's region inside this chunk; None for a label that is only growth from above."""
        found: list[Region | None] = [None] * count
        rows, columns = np.nonzero(labels)
        if not len(rows):
            return found
        # Where the line is less sensitive, good cloth does not stand out, however high its raw score.
        standing_out = np.where(strip[0] >= self._level, strip[1], np.float32(0))
        around = cv2.dilate(standing_out, np.ones((2 * BLUR + 1, 2 * BLUR + 1), np.uint8))[BLUR:-BLUR]
        order = np.argsort(labels[rows, columns], kind="stable")
        rows, columns = rows[order], columns[order]
        names, (scores, raw) = labels[rows, columns], strip[:, BLUR + rows, columns]
        cuts = around[rows, columns] - self._drop
        core = raw >= cuts
        reached = sides(strip[1, BLUR - 1 : 1 - BLUR], rows, columns, cuts, first)
        starts = np.flatnonzero(np.diff(names, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
            part = slice(start, end)
            strong = core[part]
            peak = start + int(np.argmax(scores[part]))
            found[names[start]] = Region(
                extent=span(rows[part] + first, columns[part]),
                core=box_around(reached[part][strong]) if strong.any() else None,
                area=int(end - start),
                peak=float(scores[peak]),
                peak_row=int(rows[peak]) + first,
                peak_column=int(columns[peak]),
            )
        return found

    def _join(
        self, found: list[Region | None], top: NDArray[np.intp], linked: set[tuple[int, int]]
    ) -> tuple[list[Region | None], list[Region]]:
        """Join labels with the regions that reach down to the row above, or are ``linked`` over a gap (label, index).

        Returns the region that owns each label, and those that the open regions have become.
        """
        owners = list(found)
        renamed: dict[int, Region] = {}

        def root(region: Region) -> Region:
            while (other := renamed.get(id(region))) is not None:
                region = other
            return region

        for label, above in _touching(top[0], self._above[0]) | _touching(top[1], self._above[1]) | linked:
            region, old = owners[label], root(self.opened[above])
            region = None if region is None else root(region)
            if region is None:
                owners[label] = old
            elif region is not old:
                # The one that began first lives on.
                if region in self.opened and self.opened.index(region) < self.opened.index(old):
                    region, old = old, region
                old.merge(region)
                if region in self.opened:
                    old.absorbed += [region, *region.absorbed]
                renamed[id(region)] = old
                owners[label] = old
        return [None if owner is None else root(owner) for owner in owners], [root(region) for region in self.opened]

    def _carry(self, owners: list[Region | None], became: list[Region], groups: NDArray[np.intp]) -> None:
        """Keep the regions open that reach down to the last row, or whose paths over a gap do; close the rest."""
        names, bottom = groups[0].ravel(), groups[:, -1]
        reaching = {id(owner) for label in np.unique(bottom) if label and (owner := owners[label]) is not None}
        waiting: list[Region] = []

        def wait(origin: int) -> int:
            region = owners[names[origin]] if origin >= 0 else became[-1 - origin]
            assert region is not None
            waiting.append(region)
            return -len(waiting)

        if self._gaps is not None:
            self._gaps.rename(wait)
        reaching |= {id(region) for region in waiting}
        absorbed = {id(other) for region in self.opened for other in region.absorbed}
        known = {id(region): region for region in self.opened if id(region) not in absorbed}
        for owner in owners:
            if owner is not None:
                known.setdefault(id(owner), owner)
        self.opened = [region for region in known.values() if id(region) in reaching]
        self._close([region for region in known.values() if id(region) not in reaching])
        place = {id(region): i for i, region in enumerate(self.opened)}
        index = np.array([-1 if owner is None else place.get(id(owner), -1) for owner in owners], np.intp)
        self._above = index[bottom]
        if self._gaps is not None:
            self._gaps.rename(lambda origin: -1 - place[id(waiting[-1 - origin])])

    def _close(self, regions: list[Region]) -> None:
        for region in regions:
            region.closed = True
        self._closed.extend(regions)


def _groups(
    mask: NDArray[np.uint8], grown: NDArray[np.uint8], strong: NDArray[np.bool_], links: list[tuple[int, int]]
) -> tuple[NDArray[np.intp], int]:
    """Label the cells and the growth, ``[2, rows, width]``, 0 for none; returns the labels and their number.

    A strong cell and its growth have the same label, and so have all the cells and growths they touch.
    """
    cells, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    growths, grown_labels = cv2.connectedComponents(grown, connectivity=8, ltype=cv2.CV_32S)
    ends = np.array(links, np.intp).reshape(-1, 2).T
    pairs = np.unique(
        np.concatenate([np.stack([labels[strong], grown_labels[strong] + cells]), labels.ravel()[ends]], axis=1), axis=1
    )
    graph = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(cells + growths,) * 2)
    count, names = connected_components(graph, directed=False)
    names = np.asarray(names, np.intp) + 1
    # The two backgrounds get no label.
    names[[0, cells]] = 0
    return np.stack([names[labels], names[grown_labels + cells]]), count + 1


def _touching(labels: NDArray[np.intp], above: NDArray[np.intp]) -> set[tuple[int, int]]:
    """Return pairs (label, open region) that are 8-neighbours across the cut."""
    pairs: set[tuple[int, int]] = set()
    width = len(labels)
    for shift in (-1, 0, 1):
        here = labels[max(0, shift) : width + min(0, shift)]
        there = above[max(0, -shift) : width + min(0, -shift)]
        both = (here > 0) & (there >= 0)
        pairs.update(zip(here[both].tolist(), there[both].tolist(), strict=True))
    return pairs
