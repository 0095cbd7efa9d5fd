"""This module teaches the broad looks: the same cloth made smaller, its own network, its own law of good cloth.

A broad look has few tiles, so all good cloth teaches it and all of it sets its threshold.  Its masks are
drawn anew at every step, so cloth taught on should score like cloth never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from drivers.camera import Camera
from model.errors import ModelError
from model.long import LongLearner
from model.mfrnet import MFRNet, broad_config
from model.pattern.repeat import RepeatFinder
from model.runtime import Runtime
from model.scorer import CELL_PX, TILE_PX, TileScorer
from model.time_budget import Progress, TimeBudget
from model.training import FEWEST_TILES, fit
from station.contract import RowJudged, StripView
from station.line.flow import EndOfRun, StripPart, TileRow
from station.line.scoring.broad import BroadRows
from station.line.scoring.new_lines import NewLines
from station.line.scoring.tiling import cut_tiles
from station.recipe import Recipe
from station.recipe.looks import BROAD_OVERLAP_PX, LONG_LOOK, BroadLook, broad_name
from station.teaching.held_out import HeldOut
from station.teaching.looks.strips import LookStrips
from station.teaching.request import TeachRequest
from station.teaching.sampling import TileCollector, tile_rows
from station.teaching.suspects import without_suspects
from station.teaching.tail import MIN_PATCHES
from station.teaching.threshold import NO_SCALE_EXCEEDANCE, choose_threshold

MOST_TILES = 400

Stopped = Callable[[], bool]


def steps_of(
    camera: Camera,
    recipe: Recipe,
    sizes: tuple[int, ...],
    stopped: Stopped,
    beside: Sequence[LongLearner | RepeatFinder] = (),
) -> Iterator[TileRow | EndOfRun]:
    """Yield the rows of tiles of the broad looks of a camera's cloth, to its end or until ``stopped``.

    Those ``beside`` see each line of the cloth once.  Raises CameraError.
    """
    looks = [
        BroadRows(
            size,
            recipe.seen_by(BroadLook(size=size, threshold=recipe.threshold)),
            width_px=camera.width_px,
            tile_px=TILE_PX,
            cell_px=CELL_PX,
            taught=recipe.cloth,
        )
        for size in sizes
        if camera.width_px >= size * 4 * CELL_PX
    ]

    new = NewLines()

    def learn(row: TileRow | EndOfRun) -> None:
        if isinstance(row, EndOfRun) or not new.goes_on(row):
            for one in beside:
                one.end_run()
            new.end_run()
        if isinstance(row, TileRow):
            lines = new.take(row)[0]
            for one in beside:
                one.see(lines, row.left_px, row.right_px)

    for row in tile_rows(camera, recipe, stopped):
        learn(row)
        for look in looks:
            yield from look.push(row) if isinstance(row, TileRow) else look.end_run()


def teach_beside(
    open_cloth: Callable[[], Camera],
    recipe: Recipe,
    network: MFRNet,
    request: TeachRequest,
    budget: TimeBudget,
    end: float,
    repeat: RepeatFinder | None = None,
) -> dict[str, str]:
    """Teach a network for each broad look asked for, and the long look; add them to the fine one's network.

    Where there is too little cloth for a look, it is left off; returns those by name, each with why.

    Args:
        recipe: the draft by which cloth is found, with what its cloth looks like.
        end: share of the time at which this ends.
        repeat: sees the cloth too.
    """
    sizes = request.broad
    collectors = {size: TileCollector(request.seed, limit=MOST_TILES) for size in sizes}
    begun = budget.spent()
    reading = begun + 0.2 * (end - begun)

    def late() -> bool:
        budget.report("reading cloth", min(budget.spent(), reading))
        late = budget.spent() > reading and (repeat is None or repeat.has_enough)
        return late or budget.cancelled()

    camera = open_cloth()
    long = LongLearner(camera.width_px, request.mm_per_px)
    beside: list[LongLearner | RepeatFinder] = [
        *([long] if request.long else []),
        *([] if repeat is None else [repeat]),
    ]
    for row in steps_of(camera, recipe, sizes, late, beside):
        if isinstance(row, TileRow) and len(row.columns):
            collectors[row.size].infer(cut_tiles(row, TILE_PX, CELL_PX))
    budget.check()
    hurry = "no time was left to see more (--minutes): " if budget.spent() > reading else ""
    look = long.learned() if request.long else None
    network.long = {} if look is None else look.to_arrays()
    left_off = {LONG_LOOK: hurry + long.why_not.rstrip(".")} if request.long and look is None else {}
    least = max(FEWEST_TILES, MIN_PATCHES)
    tiles = {size: len(collectors[size].tiles) for size in sizes}
    wanted = [size for size in sizes if tiles[size] >= least]
    left_off |= {
        broad_name(size): f"{hurry}{tiles[size]} tiles of good cloth {size} times smaller are too few of {least}"
        for size in sizes
        if size not in wanted
    }
    for number, size in enumerate(wanted):
        first = budget.spent()
        last = first + (end - first) / (len(wanted) - number)

        def told(progress: Progress, first: float = first, last: float = last) -> None:
            if progress.stage != "done":
                budget.report(progress.stage, first + (last - first) * progress.fraction, progress.loss)

        try:
            network.broad[size] = fit(
                np.stack(collectors[size].tiles),
                network.encoder,
                minutes=max(last - first, 0.01) * budget.seconds / 60,
                seed=request.seed,
                device=request.device,
                config=broad_config(network.config),
                progress=told,
                cancelled=budget.cancelled,
            )
        except ModelError:
            left_off[broad_name(size)] = "made smaller, this cloth shows nothing"
    return left_off


def law_of(
    open_cloth: Callable[[], Camera],
    recipe: Recipe,
    runtime: Runtime,
    request: TeachRequest,
    shares: dict[int, float],
    budget: TimeBudget,
    end: float,
) -> tuple[BroadLook, ...]:
    """Find how high good cloth scores in each broad look of a network; return what the recipe keeps of them.

    Args:
        shares: each look's share of the false alarms, by size.
        end: share of the time at which looking ends, once enough was seen.
    """
    held = {size: HeldOut(request.false_alarms_per_100_m, looks_at_cloth=False) for size in runtime.broad}

    def stopped() -> bool:
        budget.report("setting the threshold", min(budget.spent(), end))
        enough = all(one.patches >= MIN_PATCHES for one in held.values())
        return (budget.spent() > end and enough) or budget.cancelled() or all(one.is_enough for one in held.values())

    judges = {size: _Gathering(scorer, held[size]) for size, scorer in runtime.broad.items()}
    for step in steps_of(open_cloth(), recipe, tuple(held), stopped):
        judges[step.size].take(step)
    budget.check()
    found = []
    for size, one in held.items():
        if one.patches < MIN_PATCHES:
            continue
        sensitivity, spots = one.sensitivity(), one.spots()
        every_row = [row.peaks(sensitivity) for row in one.rows]
        peaks, _ = without_suspects(every_row)
        if sum(map(len, peaks)) < MIN_PATCHES:
            peaks = every_row
        own = recipe.seen_by(BroadLook(size=size, threshold=recipe.threshold))
        threshold = choose_threshold(
            peaks,
            None if request.mm_per_px is None else own.mm_per_px,
            one.web_px,
            own.overlap_px,
            row_lines=one.row_lines,
            budget_per_100_m=request.false_alarms_per_100_m * shares[size],
            exceedance=NO_SCALE_EXCEEDANCE * shares[size] * size**2,  # per area, as its tiles are larger
        )
        found.append(
            BroadLook(size=size, threshold=threshold.score, sensitivity=sensitivity, spots=spots, levels=one.levels())
        )
    return tuple(found)


class _Gathering:
    """This has a broad look score its rows and gathers how high good cloth scores."""

    def __init__(self, scorer: TileScorer, held: HeldOut) -> None:
        self._strips = LookStrips(scorer, BROAD_OVERLAP_PX)
        self._held = held

    def take(self, step: TileRow | EndOfRun) -> None:
        part = self._strips.take(step)
        if part is not None:
            self._keep(part)

    def _keep(self, part: StripPart) -> None:
        first, end = part.run_line + part.first, part.run_line + part.end
        self._held.take(
            StripView(
                first_line=first,
                pixels=part.pixels,
                scores=part.scores,
                threshold=float("inf"),
                cell_px=CELL_PX,
                left_px=part.left_px,
                right_px=part.right_px,
                piece=part.piece,
                frames=part.frames,
            )
        )
        self._held.take(RowJudged(first, end, np.zeros(sum(part.patches), np.float32), part.piece))
