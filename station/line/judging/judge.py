"""This module is the last step of the line: one thread turns scored tile rows into events and settled lines."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from model.scorer import FINE, TileScorer
from station.bugs import reason
from station.contract import (
    ColumnsInspected,
    Defect,
    DefectChanged,
    Event,
    LookView,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.line.channel import Channel, Closed
from station.line.columns import rest_of
from station.line.flow import EndOfRun, Judged, LongSteps, ScoredRow, StripPart, TileRow
from station.line.gauges import Gauges
from station.line.judging.blending import Blender
from station.line.judging.defects import DefectTracker
from station.line.judging.holes import HoleFinder
from station.line.judging.looks.broad import BroadJudge
from station.line.judging.looks.joining import LookJoiner
from station.line.judging.looks.long import RANK, long_judge
from station.line.judging.pattern_place import PatternWatch
from station.line.judging.spot_watch import SpotWatch
from station.line.judging.web_cause import Known
from station.line.judging.web_state import WebState
from station.line.ledger import LineLedger
from station.line.notices import Notices
from station.recipe import Recipe

IDLE_S = 0.1

FLOOD_DEFECTS, FLOOD_LINES, FLOOD_SILENCE_LINES = 200, 2000, 20000
"""More defects than the first on the last lines (second) are told as a likely mistake, then not again for the third."""


class Judge:
    """The judge blends scores, finds defects, decides, tells, and settles lines in the ledger.

    Lines seen over only some of the web's width are judged that far and count as uninspected.  For every part of the
    strip the judge tells, in this order: the StripView (if wanted), the RowJudged (where it was judged; peaks without
    the recipe's edge margin), the defects that changed, the stretches completed.  Every line of a run is in exactly one
    StripView, in order.
    """

    def __init__(
        self,
        recipe: Recipe,
        ledger: LineLedger,
        emit: Callable[[Event], None],
        *,
        width_px: int,
        scorer: TileScorer,
        broad: Sequence[BroadJudge] = (),
        view: bool = True,
        known: Known | None = None,
    ) -> None:
        """Take ``broad``, judges of the broad looks, and ``known``, how other fabrics look, so that one that fits
        better is named."""
        self._ledger = ledger
        self._emit = emit
        self._view = view
        self._cell = scorer.cell_px
        self._tile = scorer.tile_px
        self._notices = Notices(emit)
        self._threshold = recipe.threshold
        self._blender = Blender.of(recipe, scorer, width_px)
        self._tracker = DefectTracker.of(recipe, scorer, width_px, HoleFinder())
        self._scale = recipe.scale
        self._web_mm: float | None = None
        self._webs: dict[int, float | None] = {}
        self._broad = {one.size: one for one in broad}
        self._long = long_judge(recipe, scorer, self._tracker.picture, width_px, view=view)
        self._joiner = LookJoiner(recipe) if broad or self._long is not None else None
        self._spots = SpotWatch(recipe.spots, emit)
        self._web = WebState(recipe, emit, known)
        self._pattern = PatternWatch(emit)
        self._undecided: deque[tuple[int, int, UninspectedReason | None]] = deque()
        self._numbers: set[int] = set()
        self._rejects: set[int] = set()
        self._recent: deque[tuple[int, int]] = deque()
        self._flood_told: int | None = None
        self.judged_s: float | None = None
        """This is when the newest judged line was captured (monotonic, in s), None before the first."""

    @property
    def defects(self) -> int:
        """Give the number of defects told so far, rejects included."""
        return len(self._numbers)

    @property
    def rejects(self) -> int:
        """Give the number of rejects told so far."""
        return len(self._rejects)

    def run(self, rows: Channel[Judged], notices: SimpleQueue[Notice | ColumnsInspected], gauges: Gauges) -> None:
        """Judge ``rows`` until they are closed, and tell the other threads' ``notices``; this is the thread's body."""
        while True:
            self._tell(notices)
            try:
                item = rows.get(IDLE_S)
            except Closed:
                return
            if isinstance(item, ScoredRow) and item.row.size != FINE:
                self.broad_row(item.row, item.maps)
            elif isinstance(item, ScoredRow):
                self.row(item.row, item.maps)
                latency_ms = (time.monotonic_ns() - item.row.captured_ns) / 1e6
                self.judged_s = item.row.captured_ns / 1e9
                gauges.judged(len(item.row.columns), latency_ms)
            elif isinstance(item, LongSteps) and self._long is not None:
                self._see(self._long.take(item), RANK)
            elif isinstance(item, EndOfRun) and item.size != FINE:
                self._see(self._broad[item.size].end_run(), item.size)
            elif item is not None:
                self.end_run()
            else:
                self.tell_stretches()

    def close_roll(
        self,
        roll: str,
        notices: SimpleQueue[Notice | ColumnsInspected],
        failure: Exception | None,
        broken_off: str = "",
    ) -> None:
        """Settle what is in flight as uninspected (aborted), then tell the ``failure``, if any, and the roll's end,
        with why it was broken off before the end of its cloth."""
        self._web.end()
        totals = self._ledger.close(UninspectedReason.ABORTED)
        self._tell(notices)
        self.tell_stretches()
        if failure is not None:
            self._emit(Notice(Severity.ERROR, f"The line has stopped: {reason(failure)}"))
        self._emit(RollEnded(roll, totals, broken_off))

    def row(self, row: TileRow, maps: NDArray[np.float32]) -> None:
        """Judge a tile row by its raw anomaly maps, float32 ``[tiles, cells, cells]``."""
        self._part(self._blender.add(row, maps))

    def broad_row(self, row: TileRow, maps: NDArray[np.float32]) -> None:
        """Judge a tile row of a broad look, likewise."""
        self._see(self._broad[row.size].row(row, maps), row.size)

    def end_run(self) -> None:
        """Decide all that waits, as the run has ended."""
        tail = self._blender.tail()
        if tail is not None:
            self._part(tail)
        self._defects(self._tracker.end_run())
        if self._joiner is not None:
            self._tell_all(self._joiner.end_run())
        self._settle(None)

    def tell_stretches(self) -> None:
        """Tell the stretches completed since the last time."""
        for stretch in self._ledger.take_stretches():
            self._emit(StretchClosed(stretch))

    def _tell(self, notices: SimpleQueue[Notice | ColumnsInspected]) -> None:
        """Tell the notices that wait."""
        while True:
            try:
                notice = notices.get_nowait()
            except Empty:
                return
            self._emit(notice)

    def _part(self, part: StripPart) -> None:
        self._spots.see(part)
        if part.seen:
            self._pattern.see(part.end - part.first, self._blender.knows_place)
        part = self._web.see(part)
        scores = self._tracker.judged_scores(part)
        first, end = part.run_line + part.first, part.run_line + part.end
        cloth = part.right_px > part.left_px
        self._web_mm = (part.right_px - part.left_px) * self._scale if cloth else None
        if self._view:
            self._emit(
                StripView(
                    first_line=first,
                    pixels=part.pixels,
                    scores=part.scores,
                    threshold=self._threshold,
                    cell_px=self._cell,
                    left_px=part.left_px,
                    right_px=part.right_px,
                    piece=part.piece,
                    blind_px=rest_of(part.left_px, part.right_px, part.seen),
                    frames=part.frames,
                )
            )
        if part.seen:
            width_px = part.right_px - part.left_px
            self._emit(RowJudged(first, end, self._peaks(part, scores), part.piece, width_px, part.cloth_px))
        known = len(self._numbers)
        self._defects(self._tracker.feed(part, scores))
        self._watch_flood(end, len(self._numbers) - known)
        if part.blind is UninspectedReason.TOO_SHORT:
            self._notices.too_short(first, end, self._tile)
        self._undecided.append((first, end, part.blind or (None if cloth else UninspectedReason.NO_CLOTH)))
        self._settle(self._tracker.decided_line)

    def _peaks(self, part: StripPart, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the highest score of each patch, float32 ``[patches]``; columns that nobody saw have none."""
        peaks = []
        for (first, end), patches in zip(part.seen, part.patches, strict=True):
            left, right = first // self._cell, -(-end // self._cell)
            bounds = left + np.arange(patches) * (right - left) // patches
            peaks.append(np.maximum.reduceat(scores[:, :right].max(axis=0), bounds))
        return np.asarray(np.concatenate(peaks), np.float32)

    def _watch_flood(self, line: int, new: int) -> None:
        """Warn if nearly everything looks wrong: then the recipe is more likely wrong than the cloth."""
        self._recent.append((line, new))
        while self._recent[0][0] <= line - FLOOD_LINES:
            self._recent.popleft()
        if self._flood_told is not None and line < self._flood_told + FLOOD_SILENCE_LINES:
            return
        count = sum(n for _, n in self._recent)
        if count > FLOOD_DEFECTS:
            self._flood_told = line
            text = (
                f"{count} defects on the last {FLOOD_LINES} lines: check that the fabric, the light and the recipe fit."
            )
            self._emit(Notice(Severity.WARNING, text))

    def _see(self, seen: Iterable[LookView | Defect], rank: int) -> None:
        """Tell what another look sees, and what all have judged by now."""
        for one in seen:
            if isinstance(one, Defect):
                self._defects([one], rank)
            elif self._view:
                self._emit(one)
        if self._joiner is not None:
            decided = [self._tracker.decided_line, *(judge.decided_line for judge in self._broad.values())]
            if self._long is not None:
                decided.append(self._long.decided_line)
            self._tell_all(self._joiner.settle(min(decided)))

    def _defects(self, defects: Iterable[Defect], rank: int = FINE) -> None:
        """Tell the defects of a look, with what other looks see of them."""
        for defect in defects:
            self._tell_all([defect] if self._joiner is None else self._joiner.take(defect, rank))

    def _tell_all(self, defects: Iterable[Defect]) -> None:
        for defect in defects:
            self._defect(defect)

    def _defect(self, defect: Defect) -> None:
        if defect.merged_into is None:
            self._numbers.add(defect.number)
        else:
            self._numbers.discard(defect.number)
            self._rejects.discard(defect.number)
        if defect.is_reject:
            self._rejects.add(defect.number)
        web_mm = self._webs.setdefault(defect.number, self._web_mm)
        self._emit(DefectChanged(replace(defect, web_mm=web_mm)))

    def _settle(self, line: int | None) -> None:
        """Settle the lines before ``line``, all of the run if None."""
        while self._undecided and (line is None or self._undecided[0][0] < line):
            first, end, why = self._undecided.popleft()
            stop = end if line is None else min(end, line)
            if why is None:
                self._ledger.judged(first, stop)
            else:
                self._ledger.given_up(first, stop, why)
            if stop < end:
                self._undecided.appendleft((stop, end, why))
        self.tell_stretches()
