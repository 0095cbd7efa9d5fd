"""This module runs the teach-in: good cloth in; a model, a threshold and a recipe version out, all or nothing.

The cloth is split into blocks; most teach, every fourth is held out.  The teaching blocks are cut into the line's
tiles, which teach the network; the line then runs once over the held-out blocks with the taught model, and its scores
say where to be less sensitive and set the threshold.  Cloth of either part that stands out from the rest is suspect
and named, with pictures: it calibrates no score and sets no threshold (the restoration itself has seen it; a few flaws
among much cloth teach it little).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drivers.camera import Camera
from model import checkpoint
from model.encoder import Encoder
from model.mfrnet import MFRNet
from model.pattern.repeat import RepeatFinder
from model.runtime import Runtime, choose_device
from model.scorer import FINE, TILE_PX, TileScorer
from model.time_budget import Progress, TimeBudget
from model.training import fit
from station.contract import StationError
from station.line.columns import web_span
from station.playback import play
from station.recipe import NO_DECISION, Recipe
from station.recipe.looks import LONG, shares_of
from station.recipe.looks_chosen import looks_kept
from station.recipe.names import file_name
from station.recipe.overruled import overruled
from station.recipe.web import AUTO, WebRule
from station.records.history import History
from station.records.store import Store
from station.teaching.disk_space import check_room, needed
from station.teaching.held_out import HeldOut
from station.teaching.least_size import least_size
from station.teaching.looks.broad import law_of, teach_beside
from station.teaching.looks.long_limits import limits_of
from station.teaching.looks.pattern import teach_pattern
from station.teaching.looks.taught import LooksTaught
from station.teaching.request import TeachRequest
from station.teaching.sampling import HOLD_OUT_EVERY, Section, TileCollector, collect
from station.teaching.spot_finder import SPOTS
from station.teaching.stored_model import store_model
from station.teaching.suspect_pictures import waiting_pictures
from station.teaching.suspects import Suspect, cut_out, suspect_at, suspect_tiles, without_suspects
from station.teaching.tail import MIN_PATCHES
from station.teaching.threshold import NO_SCALE_EXCEEDANCE, Threshold, choose_threshold
from station.teaching.web_learner import drawn_blocks, learn, no_yarns_told
from station.teaching.web_picture import NAME, ClothShown

TEACH_IN = "teach-in"
"""Recipes that a teach-in makes are on record for this reason."""
GOOD_TILES = 200
"""Less cloth teaches too, but little: a sentence says so."""
LOOKING_SHARE = 0.05
"""Looking at the whole cloth for its web ends after this share of the time, with what was seen by then."""
READING_SHARE = 0.25
"""Reading cloth ends after this share of the time, and the cloth read by then must be enough."""
FINE_SHARE = 0.8
"""So much of the time for training is the fine look's where broad looks are taught too."""
RESERVED_SHARE, LEAST_RESERVED_S = 0.2, 10.0
"""This much time is left after training: for compiling the model and scoring the held-out cloth."""
PATTERN_END, HELD_OUT_END, LOOKING_END = 0.86, 0.93, 0.97
"""At these shares of the time, learning a pattern, scoring held-out cloth and looking for suspects end in any case."""

ProgressSink = Callable[[Progress], None]


@dataclass(frozen=True)
class TeachInResult:
    """The result says what the teach-in made.

    Attributes:
        recipe: the recipe version as stored.
        tiles: tiles the model was taught on; ``looked_at`` of them were looked at for suspects.
        seconds: duration of the whole teach-in.
        threshold: how it was set.
        suspects: cloth that stands out from the rest, tiles taught on first, the highest first.
        pictures: folder with their pictures, ``001.png`` and so on in this order; None if it could not be kept.
        web_picture, spots_picture: likewise, of the columns taken for cloth, and of the frame's fixed spots, if any.
        kept: fields of the recipe that are as people had set them before.
        looks: those that were taught and left off.
    """

    recipe: Recipe
    tiles: int
    looked_at: int
    seconds: float
    threshold: Threshold
    suspects: tuple[Suspect, ...] = ()
    pictures: Path | None = None
    web_picture: Path | None = None
    spots_picture: Path | None = None
    kept: tuple[str, ...] = ()
    looks: LooksTaught = field(default_factory=LooksTaught)


def teach(
    request: TeachRequest,
    open_cloth: Callable[[], Camera],
    encoder: Encoder,
    store: Store,
    *,
    progress: ProgressSink | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[TeachInResult, MFRNet]:
    """Teach a fabric and store model and recipe.

    Args:
        open_cloth: opens the good cloth as a finite camera, from its beginning, each time it is called; its blocks (of
            ``TEACHING_BLOCK_LINES`` where their length can be set) are split into the two parts.
        encoder: the trunk the request names, loaded.
        progress: called several times a second, with the time left of the whole.
        cancelled: called several times a second; once it returns True, nothing is stored.

    Raises:
        CameraError: the cloth cannot be read.
        StationError: there is too little cloth, no room on the disk, or the web given lies outside the picture.
        ModelError: the device is not there, or as raised by :func:`model.training.fit`.
        TeachingCancelled: ``cancelled`` returned True.
    """
    kept = _kept(store, request)
    choose_device(request.device)  # a missing device is reported at once, not after minutes
    budget = TimeBudget(request.minutes, progress, cancelled)
    draft = Recipe(
        fabric=request.fabric,
        version=1,
        model_sha256="0" * 64,
        encoder=encoder.name,
        threshold=NO_DECISION,
        mm_per_px=request.mm_per_px,
        web=request.web or WebRule.of(kept.get("web", AUTO)),
    )
    camera = open_cloth()
    web_span(draft.web, camera.width_px)
    check_room(store.home, needed(encoder, request.config, camera.width_px, camera.channels, camera.total_lines))
    draft = _learn_web(open_cloth, draft, budget)
    camera = open_cloth()
    collector, shown = TileCollector(request.seed), ClothShown(camera.width_px)
    lines = _collect(Section(camera, held_out=False), draft, collector, budget, shown)
    _look_ahead(Section(open_cloth(), held_out=True), draft, budget)
    network = _fit(collector, encoder, request, budget)
    shown_so = draft.model_copy(update={"cloth": shown.taught(camera.channels, camera.white)})
    finder = RepeatFinder()
    left_off = teach_beside(open_cloth, shown_so, network, request, budget, _training_end(budget), finder)
    runtime = Runtime(network, device=request.device, precision=request.precision)
    shares = shares_of([*network.broad, *([LONG] if network.long else [])])
    try:
        repeat = teach_pattern(finder, open_cloth, shown_so, network, runtime, budget, PATTERN_END)
        section = Section(open_cloth(), held_out=True)
        held = _score(section, runtime, draft, lines, request.false_alarms_per_100_m, budget)
        sensitivity, spots = held.sensitivity(), held.spots()
        every_row = [row.peaks(sensitivity) for row in held.rows]
        peaks, standing_out = without_suspects(every_row)
        threshold = choose_threshold(
            peaks,
            request.mm_per_px,
            held.web_px,
            draft.overlap_px,
            row_lines=held.row_lines,
            budget_per_100_m=request.false_alarms_per_100_m * shares[FINE],
            exceedance=NO_SCALE_EXCEEDANCE * shares[FINE],
            every_row=every_row,
        ).for_all_looks(shares[FINE])
        broad = law_of(open_cloth, shown_so, runtime, request, shares, budget, HELD_OUT_END)
        suspects, looked_at = suspect_tiles(
            collector, runtime, sensitivity, spots, section.width_px, lambda done: _look_on(budget, done)
        )
    finally:
        runtime.close()
    patches = [suspect_at(held.rows[i], patch, sensitivity, section.first_lines) for i, patch in standing_out]
    if patches:
        late = HELD_OUT_END + 2 * (LOOKING_END - HELD_OUT_END)
        again = Section(open_cloth(), held_out=True)
        suspects += cut_out(patches, again, lambda: budget.cancelled() or budget.spent() > late)
    budget.check()
    recipe = draft.model_copy(
        update={
            "sensitivity": sensitivity,
            "spots": spots,
            "levels": held.levels(),
            "look": held.look(),
            "threshold": threshold.score,
            "broad": broad,
            "long": limits_of(network.long, held.web_px, request, shares),
            "min_length_mm": least_size(request.mm_per_px, runtime.point_spread_px),
            "predicted_false_alarms_per_100_m": threshold.predicted_per_100_m,
            "cloth": shown_so.cloth,
            "repeat": repeat,
        }
    )
    metadata: checkpoint.Metadata = {
        "fabric": recipe.fabric,
        "seed": request.seed,
        "tiles": len(collector.tiles),
        "suspects": len(suspects),
        "precision": runtime.precision,
        **threshold.metadata(),
    }
    drawn = {name: page for name, page in ((NAME, shown.picture()), (SPOTS, held.spots_picture())) if page is not None}
    with waiting_pictures(store.home, suspects, drawn) as pictures:
        sha256 = store_model(network, store, metadata)
        before = History(store).recipes(request.fabric)
        update = {"model_sha256": sha256, "camera": before[0].recipe.camera if before else recipe.camera}
        kept = _kept(store, request) | looks_kept((row.recipe for row in reversed(before)), recipe)
        recipe = store.save_recipe(recipe.model_copy(update=update | kept), request.by, TEACH_IN)
        folder = pictures.keep(f"{file_name(request.fabric)}-v{recipe.version}")
    budget.report("done", 1.0)
    result = TeachInResult(
        recipe=recipe,
        tiles=len(collector.tiles),
        looked_at=looked_at,
        seconds=budget.spent() * budget.seconds,
        threshold=threshold,
        suspects=tuple(suspect for suspect, _ in suspects),
        pictures=folder,
        web_picture=None if folder is None or NAME not in drawn else folder / NAME,
        spots_picture=None if folder is None or SPOTS not in drawn else folder / SPOTS,
        kept=tuple(kept),
        looks=LooksTaught.of(recipe, shares, left_off),
    )
    return result, network


def _kept(store: Store, request: TeachRequest) -> dict[str, object]:
    """Return what people set in the fabric's recipe before and this request leaves as it is, by the recipe's fields."""
    rows = reversed(History(store).recipes(request.fabric))
    kept = overruled(((row.recipe, row.why == TEACH_IN) for row in rows), "px" if request.mm_per_px is None else "mm")
    if request.web is not None:
        kept.pop("web", None)
    return kept


def _learn_web(open_cloth: Callable[[], Camera], draft: Recipe, budget: TimeBudget) -> Recipe:
    """Learn what cloth and what lies beside it look like, where the web is to be found; asks where no yarns show."""
    if not draft.web.finds:
        return draft

    def stopped() -> bool:
        budget.report("reading cloth", min(budget.spent(), LOOKING_SHARE))
        return budget.spent() > LOOKING_SHARE or budget.cancelled()

    learned = learn(drawn_blocks(open_cloth(), stopped))
    budget.check()
    if learned.greys is not None and not learned.has_yarns:
        raise StationError(no_yarns_told(learned))
    return draft.model_copy(update={"web_look": learned.look})


def _collect(section: Section, recipe: Recipe, collector: TileCollector, budget: TimeBudget, shown: ClothShown) -> int:
    """Fill the collector; returns the number of lines that are held out."""

    def stopped() -> bool:
        budget.report("reading cloth", min(budget.spent(), READING_SHARE))
        return budget.spent() > READING_SHARE or budget.cancelled()

    collect(section, recipe, collector, stopped, shown)
    budget.check()
    if not collector.tiles:
        raise StationError(
            f"No cloth was found in the pictures to teach on; they must show the web, {TILE_PX // 2} lines or more.  "
            "If cloth fills them, teach with --web full."
        )
    return section.lines_kept


def _look_ahead(section: Section, recipe: Recipe, budget: TimeBudget) -> None:
    """Refuse too little held-out cloth before time is spent on training."""
    least = TileCollector(0, limit=MIN_PATCHES)
    collect(section, recipe, least, lambda: len(least.tiles) == MIN_PATCHES or budget.cancelled())
    budget.check()
    _refuse_fewer(len(least.tiles))


def _refuse_fewer(patches: int) -> None:
    if patches < MIN_PATCHES:
        raise StationError(
            f"Too little cloth: {patches} patches could be held out to set the threshold, at least {MIN_PATCHES} "
            f"are needed; give about {HOLD_OUT_EVERY * MIN_PATCHES} tiles of {TILE_PX} px or more of good cloth."
        )


def _training_end(budget: TimeBudget) -> float:
    """Return the share of the time at which training ends, so that the rest has the time it needs."""
    return 1 - max(LEAST_RESERVED_S / budget.seconds, RESERVED_SHARE)


def _fit(collector: TileCollector, encoder: Encoder, request: TeachRequest, budget: TimeBudget) -> MFRNet:
    begun, end = budget.spent(), _training_end(budget)
    if request.broad:
        end = begun + FINE_SHARE * (end - begun)

    def told(progress: Progress) -> None:
        if progress.stage != "done":
            budget.report(progress.stage, begun + (end - begun) * progress.fraction, progress.loss)

    minutes = max(end - begun, READING_SHARE) * budget.seconds / 60
    tiles = np.stack(collector.tiles)
    return fit(
        tiles,
        encoder,
        minutes=minutes,
        seed=request.seed,
        device=request.device,
        config=request.config,
        progress=told,
        cancelled=budget.cancelled,
    )


def _score(
    section: Section, scorer: TileScorer, recipe: Recipe, lines: int, budget_per_100_m: float, budget: TimeBudget
) -> HeldOut:
    """Run the line over about ``lines`` lines of held-out cloth until the time is over and the least is judged."""
    held = HeldOut(budget_per_100_m)
    begun = _training_end(budget)

    def stopped() -> bool:
        budget.report("setting the threshold", begun + (HELD_OUT_END - begun) * min(1.0, held.lines / max(1, lines)))
        late = budget.spent() > HELD_OUT_END and held.patches >= MIN_PATCHES
        return late or held.is_enough or budget.cancelled()

    play(section, scorer, recipe, on_event=held.take, cancelled=stopped)
    budget.check()
    _refuse_fewer(held.patches)
    return held


def _look_on(budget: TimeBudget, done: float) -> bool:
    budget.tell("looking for suspect cloth", HELD_OUT_END + (LOOKING_END - HELD_OUT_END) * done)
    return budget.spent() < LOOKING_END
