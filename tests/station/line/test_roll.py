"""One roll from its start to its end: when it begins, how it ends, and what happens when something breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import CameraError, EncoderReading
from station.contract import (
    DefectChanged,
    Event,
    FeedState,
    Ledger,
    LineState,
    Notice,
    RollEnded,
    Severity,
    Stretch,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.line.errors import LineError
from station.line.inspection import Inspection
from tests.rigs.line import LONG, DeviationScorer, Run, ScriptedCamera, block, blocks, cloth, flawed, recipe, until


def endless(width: int = 300, pause_s: float = 0.002):
    """A camera whose cloth never ends and does not wait."""
    pixels = cloth(64, width)

    def steps():
        first = 0
        while True:
            yield block(pixels, first)
            yield pause_s
            first += 64

    return ScriptedCamera(steps(), width_px=width, waits=False)


def test_slow_cloth_is_shown_and_judged_before_a_tile_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.line.scoring.inference.EARLY_S", 0.0)
    monkeypatch.setattr("station.line.scoring.inference.EARLY_REST", 0.0)
    pixels = flawed(800, 700)
    pieces = blocks(pixels, 16)

    def scored_by_now(camera: ScriptedCamera) -> None:
        """The next lines come when those before are scored: each block is a row of 3 tiles once 256 lines are there."""
        rows = (camera.reading.due_line - 256) // 16 + 1
        until(lambda: run.scorer.tiles >= 3 * rows)

    def taken_by_now(camera: ScriptedCamera) -> None:
        until(lambda: run.inspection.snapshot().queue_fill == 0)

    steps: list[object] = []
    for number, piece in enumerate(pieces, 1):
        steps += [piece, scored_by_now] if number >= 16 else [piece, taken_by_now]
    run = Run(ScriptedCamera(steps, width_px=700, waits=False))
    run.to_end()
    views = run.of(StripView)
    assert len(views) > 30  # whole rows alone would give four
    assert np.array_equal(np.concatenate([v.pixels for v in views]), pixels)
    assert run.events[-1].ledger == Ledger(800, 800, 0, 0)
    closed = [e.defect for e in run.of(DefectChanged) if e.defect.closed]
    assert sorted((d.first_px, d.end_line) for d in closed) == [(400, 310), (600, 800)]
    # A camera that waits gives the same rows every time.
    run = Run(ScriptedCamera(pieces, width_px=700))
    run.to_end()
    assert [v.first_line for v in run.of(StripView)] == [0, 224, 448, 672]


def test_finishing_judges_what_is_in_flight() -> None:
    run = Run(endless())
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_inspected > 1000)
    assert run.inspection.snapshot().state is LineState.CONTINUOUS_EXECUTION
    assert run.inspection.finish()
    totals = run.events[-1].ledger
    assert totals.lines_in_flight == 0
    assert totals.lines_inspected == totals.lines_acquired - totals.lines_uninspected
    fates = {e.stretch.reason for e in run.of(StretchClosed)}
    assert fates <= {None, UninspectedReason.OVERLOAD, UninspectedReason.TOO_SHORT}
    assert run.inspection.snapshot().state is LineState.READY
    assert run.camera.stopped == 1
    assert run.inspection.finish(1)


def test_aborting_ends_at_once_and_says_what_was_not_judged() -> None:
    run = Run(endless(), DeviationScorer(delay_s=0.05))
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_acquired > 500)
    run.inspection.abort()
    assert run.inspection.wait(0)
    assert run.events[-1].ledger.lines_in_flight == 0
    assert UninspectedReason.ABORTED in {e.stretch.reason for e in run.of(StretchClosed)}


def test_the_law_holds_at_every_look() -> None:
    run = Run(endless(pause_s=0.0005), DeviationScorer(delay_s=0.002))
    run.inspection.start()
    looks: list[Ledger] = []
    until(lambda: looks.append(run.inspection.snapshot().ledger) or looks[-1].lines_acquired > 6000)  # type: ignore[func-returns-value]
    run.inspection.finish()
    for before, after in zip(looks, [*looks[1:], run.events[-1].ledger], strict=True):
        assert before.lines_in_flight >= 0
        assert after.lines_acquired >= before.lines_acquired
        assert after.lines_inspected >= before.lines_inspected
        assert after.lines_uninspected >= before.lines_uninspected


class Breaking(DeviationScorer):
    """Warms up, then breaks."""

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.tiles:
            raise RuntimeError("the device is on fire")
        return super().infer(tiles)


class Slow(DeviationScorer):
    """Takes its time to get ready."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__()
        self.go = go

    def prepare(self, channels: int) -> None:
        assert channels == 1
        assert self.go.wait(LONG)


def test_the_camera_starts_when_the_model_is_ready() -> None:
    go = threading.Event()
    run = Run(ScriptedCamera(blocks(cloth(600, 300)), width_px=300, waits=False), Slow(go))
    run.inspection.start()
    time.sleep(0.1)
    assert run.camera.started == 0
    assert run.inspection.snapshot().state is LineState.INITIALIZED
    go.set()
    assert run.inspection.wait(LONG)
    assert run.events[-1].ledger == Ledger(600, 600, 0, 0)


def test_cloth_that_passes_while_the_model_gets_ready_is_told() -> None:
    go = threading.Event()
    pixels = cloth(600, 300)
    run = Run(ScriptedCamera(blocks(pixels, first=1700), width_px=300, waits=False), Slow(go), due_line=900)
    run.camera.reading = EncoderReading(1000, 640.0)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger == Ledger(100, 0, 100, 0))
    run.camera.reading = EncoderReading(1500, 640.0)
    until(lambda: run.inspection.snapshot().ledger == Ledger(600, 0, 600, 0))
    assert run.inspection.snapshot().feed is FeedState.NO_PICTURE
    assert run.camera.started == 0
    go.set()
    assert run.inspection.wait(LONG)
    assert [e.stretch for e in run.of(StretchClosed)] == [
        Stretch(0, 600, UninspectedReason.MODEL_NOT_READY),
        Stretch(600, 800, UninspectedReason.LOST_BY_CAMERA),
        Stretch(800, 1400),
    ]
    assert run.events[-1].ledger == Ledger(1400, 600, 800, 0)


def test_a_roll_that_is_ended_before_the_model_is_ready_ends_at_the_line_due_then() -> None:
    go = threading.Event()
    run = Run(ScriptedCamera([], width_px=300, waits=False), Slow(go))
    run.camera.reading = EncoderReading(1000, 640.0)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().speed_m_per_min == 19.2)
    run.camera.reading = EncoderReading(1300, 640.0)
    ending = threading.Thread(target=run.inspection.finish)
    ending.start()
    until(lambda: run.inspection._acquisition._span._end == 1300)
    run.camera.reading = EncoderReading(5000, 640.0)
    go.set()
    ending.join(LONG)
    assert [e.stretch for e in run.of(StretchClosed)] == [Stretch(0, 300, UninspectedReason.MODEL_NOT_READY)]
    assert run.events[-1] == RollEnded("r1", Ledger(300, 0, 300, 0))
    assert run.camera.started == 0


def test_a_camera_that_waits_loses_nothing_to_the_model() -> None:
    go = threading.Event()
    run = Run(ScriptedCamera(blocks(cloth(600, 300)), width_px=300), Slow(go))
    run.inspection.start()
    time.sleep(0.15)
    go.set()
    assert run.inspection.wait(LONG)
    assert run.events[-1].ledger == Ledger(600, 600, 0, 0)


def test_a_roll_can_be_aborted_before_the_model_is_ready() -> None:
    go = threading.Event()
    run = Run(ScriptedCamera([], width_px=300), Slow(go))
    run.inspection.start()
    threading.Timer(0.1, go.set).start()
    run.inspection.abort()
    assert run.camera.started == 0
    assert isinstance(run.events[-1], RollEnded)


class Nonsense(DeviationScorer):
    """Gives values that are not numbers."""

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return super().infer(tiles) * np.float32(np.nan)


@pytest.mark.parametrize(("scorer", "text"), [(Breaking(), "on fire"), (Nonsense(), "teach this fabric again")])
def test_a_fault_of_the_scorer_ends_the_roll_declared(scorer: DeviationScorer, text: str) -> None:
    run = Run(endless(), scorer)
    run.inspection.start()
    assert run.inspection.wait(LONG)
    run.inspection.finish()
    assert text in str(run.inspection.failure)
    assert run.inspection.snapshot().state is LineState.ERROR
    assert text in run.inspection.snapshot().message
    assert any(n.severity is Severity.ERROR and text in n.text for n in run.of(Notice))
    assert run.events[-1].ledger.lines_in_flight == 0
    assert UninspectedReason.ABORTED in {e.stretch.reason for e in run.of(StretchClosed)}


def test_a_fault_of_the_listener_ends_the_roll_too() -> None:
    seen: list[Event] = []

    def listen(event: Event) -> None:
        seen.append(event)
        if isinstance(event, StripView):
            raise OSError("disk full")

    inspection = Inspection(endless(), DeviationScorer(), recipe(), on_event=listen)
    inspection.start()
    assert inspection.wait(LONG)
    inspection.finish()
    assert "disk full" in str(inspection.failure)
    assert isinstance(seen[-1], RollEnded)


def test_a_listener_that_never_works_does_not_hang_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    uncaught: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)

    def listen(event: Event) -> None:
        raise OSError("nobody there")

    inspection = Inspection(endless(), DeviationScorer(), recipe(), on_event=listen)
    inspection.start()
    assert inspection.wait(LONG)
    inspection.abort()
    assert "nobody there" in str(inspection.failure)
    assert inspection.snapshot().ledger.lines_in_flight == 0
    assert [str(met.exc_value) for met in uncaught] == ["nobody there"], (
        "nobody else can tell that the end was not told"
    )


def test_a_camera_fault_ends_the_roll_and_names_it() -> None:
    steps = [*blocks(cloth(600, 300)), CameraError("Image broken.png is truncated; replace it.")]
    run = Run(ScriptedCamera(steps, width_px=300)).to_end()
    assert isinstance(run.inspection.failure, CameraError)
    assert any("broken.png" in n.text for n in run.of(Notice))
    assert run.events[-1].ledger == Ledger(600, 600, 0, 0)
    assert run.inspection.snapshot().state is LineState.ERROR


def test_all_events_come_from_one_thread_in_order() -> None:
    names: set[str] = set()
    camera = ScriptedCamera(blocks(flawed()), width_px=700)
    inspection = Inspection(
        camera, DeviationScorer(), recipe(), on_event=lambda _: names.add(threading.current_thread().name)
    )
    inspection.start()
    assert inspection.wait(LONG)
    assert names == {"line-judging"}


def test_an_inspection_is_started_once() -> None:
    run = Run(ScriptedCamera(blocks(cloth(100, 300)), width_px=300)).to_end()
    with pytest.raises(LineError, match="started already"):
        run.inspection.start()


def test_before_the_start_all_is_quiet_and_can_be_ended() -> None:
    run = Run(ScriptedCamera([], width_px=300))
    snapshot = run.inspection.snapshot()
    assert (snapshot.state, snapshot.feed) == (LineState.READY, FeedState.NO_PICTURE)
    assert run.inspection.finish(1)
    run.inspection.abort()
    assert run.events == []


@pytest.mark.parametrize(
    ("speed", "lines", "state"),
    [(0.0, 0, FeedState.STOPPED), (-640.0, 0, FeedState.STOPPED), (1e4, 5, FeedState.STALLED)],
)
def test_the_feed_tells_a_stalled_camera_from_a_standing_machine(
    speed: float, lines: int, state: FeedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.line.acquiring.feed_watch.GONE_S", 1e9)
    live, seen = threading.Event(), threading.Event()

    def steps() -> Iterator[object]:
        first = 0
        while not live.is_set():
            yield block(cloth(64, 300), first)
            yield 0.02
            first += 64
        while not seen.is_set():
            yield EncoderReading(camera.reading.due_line + lines, speed)
            yield 0.05

    camera = ScriptedCamera(steps(), width_px=300, waits=False)
    camera.reading = EncoderReading(0, 640.0)
    run = Run(camera)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().feed is FeedState.LIVE)
    live.set()
    until(lambda: run.inspection.snapshot().feed is state)
    seen.set()
    assert run.inspection.finish()
    gone = [e for e in run.of(StretchClosed) if e.stretch.reason is UninspectedReason.CAMERA_GONE]
    assert gone == []
