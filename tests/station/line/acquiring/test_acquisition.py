"""Blocks against the encoder: gaps, repeats, unplugs, pauses and overload, exact to the line."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera import CameraError, CameraGoneError, EncoderReading, LineBlock
from drivers.standstill import AwakeClock
from station.contract import (
    FeedState,
    Ledger,
    Notice,
    RollEnded,
    Severity,
    Stretch,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.line.acquiring.acquisition import Acquisition
from station.line.channel import Channel
from station.line.ledger import LineLedger
from tests.rigs.line import LONG, DeviationScorer, Run, ScriptedCamera, block, blocks, cloth, long_enough, until

W = 256
CLOTH = cloth(4096, W)
R = UninspectedReason


def at(first: int, end: int) -> LineBlock:
    """The cloth's own lines."""
    return block(CLOTH[first:end], first)


def from_line(due_line: int, *steps: object, waits: bool = True) -> ScriptedCamera:
    """A camera whose encoder stands at ``due_line`` when it is started."""
    camera = ScriptedCamera(steps, width_px=W, waits=waits)
    camera.reading = EncoderReading(due_line, 0.0)
    return camera


def fates(run: Run) -> list[Stretch]:
    return [event.stretch for event in run.of(StretchClosed)]


def test_a_gap_between_blocks_is_lost_by_the_camera() -> None:
    run = Run(from_line(1000, at(1000, 1300), at(1400, 1700))).to_end()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 400, R.LOST_BY_CAMERA), Stretch(400, 700)]
    assert run.of(RollEnded)[0].ledger == Ledger(700, 600, 100, 0)
    assert any(n.severity is Severity.WARNING and "lost 100 lines" in n.text for n in run.of(Notice))


def test_a_gap_after_this_computer_stood_still_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep_s = [0.0]
    awake = AwakeClock(whole=lambda: time.monotonic() + asleep_s[0])
    monkeypatch.setattr("station.line.acquiring.acquisition.AWAKE", awake)

    def sleep(_camera: ScriptedCamera) -> None:
        asleep_s[0] += 30.0

    steps = [at(0, 300), sleep, at(300, 600), at(700, 1000)]  # one block had come before, unread
    run = Run(ScriptedCamera(steps, width_px=W)).to_end()
    assert fates(run) == [Stretch(0, 600), Stretch(600, 700, R.STOOD_STILL), Stretch(700, 1000)]
    (notice,) = run.of(Notice)
    assert notice.severity is Severity.WARNING
    assert notice.text.startswith("This computer stood still for 30 s: ")


def test_cloth_seen_twice_is_judged_once() -> None:
    steps = [at(0, 300), at(0, 300), at(200, 400), at(100, 150), at(350, 600)]
    run = Run(ScriptedCamera(steps, width_px=W)).to_end()
    assert fates(run) == [Stretch(0, 600)]
    assert run.of(RollEnded)[0].ledger == Ledger(600, 600, 0, 300 + 100 + 50 + 50)
    views = run.of(StripView)
    assert np.array_equal(np.concatenate([v.pixels for v in views]), CLOTH[:600])


def test_a_late_block_stays_uninspected_and_was_not_seen_twice() -> None:
    run = Run(ScriptedCamera([at(0, 300), at(400, 600), at(300, 400), at(600, 700)], width_px=W)).to_end()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 400, R.LOST_BY_CAMERA), Stretch(400, 700)]
    assert run.of(RollEnded)[0].ledger == Ledger(700, 600, 100, 0)


def test_cloth_before_the_start_of_the_roll_is_not_part_of_it() -> None:
    run = Run(from_line(500, at(500, 700), at(300, 800))).to_end()
    assert fates(run) == [Stretch(0, 300)]
    assert run.of(RollEnded)[0].ledger == Ledger(300, 300, 0, 200)


@pytest.mark.parametrize("waits", [True, False])
def test_lines_due_before_the_first_block_are_lost_by_the_camera(waits: bool) -> None:
    run = Run(from_line(1256, at(1512, 2024), at(2024, 2280), waits=waits)).to_end()
    assert fates(run) == [Stretch(0, 256, R.LOST_BY_CAMERA), Stretch(256, 1024)]
    assert run.of(RollEnded)[0].ledger == Ledger(1024, 768, 256, 0)
    assert any("lost 256 lines before line 256" in n.text for n in run.of(Notice))


def test_the_roll_tells_which_encoder_line_it_began_at() -> None:
    run = Run(from_line(1256, at(1512, 2024)))
    assert run.inspection.snapshot().origin_line is None
    assert run.to_end().inspection.snapshot().origin_line == 1256
    again = Run(from_line(2024, at(2000, 2280))).to_end()
    assert again.inspection.snapshot().origin_line == 2000


def test_a_first_block_that_began_before_the_start_is_whole() -> None:
    run = Run(from_line(1100, at(1000, 1300))).to_end()
    assert fates(run) == [Stretch(0, 300)]


def test_lines_due_that_never_came_are_lost_at_the_end() -> None:
    run = Run(ScriptedCamera([at(0, 300), EncoderReading(380, 0.0)], width_px=W)).to_end()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 380, R.LOST_BY_CAMERA)]


def test_an_unplugged_camera_comes_back_and_the_cloth_between_is_told() -> None:
    def gone(camera: ScriptedCamera) -> None:
        in_use = CameraError("The camera is in use; close that program.")
        camera.refuse(CameraGoneError("Still gone."), in_use, in_use)
        camera.reading = EncoderReading(1500, 1000.0)
        raise CameraGoneError("Camera script was unplugged; plug it in.")

    camera = ScriptedCamera([at(0, 300), gone, at(1500, 1800)], width_px=W, waits=False)
    run = Run(camera).to_end()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 1500, R.CAMERA_GONE), Stretch(1500, 1800)]
    assert camera.started == 5
    texts = [n.text for n in run.of(Notice)]
    assert any("unplugged" in text for text in texts)
    assert sum("is in use; close that program" in text for text in texts) == 1, "why it cannot be had is told, once"
    assert not any("Still gone" in text for text in texts)
    assert any("is back" in text for text in texts)
    assert run.inspection.failure is None


def test_ending_the_roll_while_the_camera_is_gone() -> None:
    def gone(camera: ScriptedCamera) -> None:
        camera.refuse(*[CameraGoneError("gone")] * 1000)
        camera.reading = EncoderReading(400, 10.0)
        raise CameraGoneError("gone")

    run = Run(ScriptedCamera([at(0, 300), gone], width_px=W, waits=False))
    run.inspection.start()
    until(lambda: run.inspection.snapshot().feed is FeedState.GONE)
    until(lambda: run.inspection.snapshot().ledger == Ledger(400, 300, 100, 0))
    assert run.inspection.finish()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 400, R.CAMERA_GONE)]


def test_a_camera_gone_before_its_first_block() -> None:
    def gone(camera: ScriptedCamera) -> None:
        camera.reading = EncoderReading(700, 10.0)
        raise CameraGoneError("gone")

    camera = ScriptedCamera([gone, at(700, 1000)], width_px=W, waits=False)
    camera.reading = EncoderReading(500, 10.0)
    run = Run(camera).to_end()
    assert fates(run) == [Stretch(0, 200, R.CAMERA_GONE), Stretch(200, 500)]


def test_a_camera_that_does_not_start_is_a_declared_failure() -> None:
    camera = ScriptedCamera([], width_px=W)
    camera.refuse(CameraError("Camera script refuses; check the cable."))
    run = Run(camera).to_end()
    assert isinstance(run.inspection.failure, CameraError)
    assert any(n.severity is Severity.ERROR and "refuses" in n.text for n in run.of(Notice))
    assert isinstance(run.events[-1], RollEnded)
    assert camera.stopped >= 1


@pytest.mark.parametrize("pixels", [cloth(10, W + 4), np.zeros((10, W, 3), np.uint8), np.zeros((10, W), np.uint16)])
def test_lines_of_another_shape_end_the_roll_with_one_sentence(pixels: np.ndarray) -> None:
    run = Run(ScriptedCamera([at(0, 100), block(pixels, 100)], width_px=W)).to_end()
    assert "check the camera's settings" in str(run.inspection.failure)
    assert run.of(RollEnded)[0].ledger.lines_in_flight == 0


def test_a_block_without_lines_is_nothing() -> None:
    run = Run(ScriptedCamera([at(0, 200), block(np.zeros((0, W), np.uint8), 0), at(200, 400)], width_px=W)).to_end()
    assert run.of(RollEnded)[0].ledger == Ledger(400, 400, 0, 0)


def test_a_step_of_the_camera_clock_is_told_and_not_believed() -> None:
    odd = [LineBlock(CLOTH[i : i + 128], i, 1.0, time.monotonic_ns() + 10**13, "script") for i in range(0, 512, 128)]
    run = Run(ScriptedCamera(odd, width_px=W)).to_end()
    assert 0 < run.inspection.snapshot().latency_p99_ms < 1e6  # a step of 1e7
    assert len([n for n in run.of(Notice) if "clock" in n.text]) == 1


def test_what_does_not_fit_is_overload_and_the_rest_is_judged() -> None:
    """A camera that does not wait, a scorer far too slow: every line has its fate, and it is told."""
    camera = ScriptedCamera([], width_px=W, waits=False)
    ledger, blocks_ = LineLedger(), Channel(2)
    notices: list[str] = []
    acquisition = Acquisition(camera, ledger, blocks_, lambda notice: notices.append(notice.text))
    camera._steps = iter([at(i, i + 10) for i in range(0, 100, 10)])
    acquisition.run()
    assert ledger.totals() == Ledger(100, 0, 80, 0)
    ledger.close()
    assert ledger.take_stretches() == [Stretch(0, 20, R.ABORTED), Stretch(20, 100, R.OVERLOAD)]
    assert sum("slower than the cloth" in text for text in notices) == 1


def test_after_an_overload_the_queue_drains_before_blocks_are_taken_again() -> None:
    camera = ScriptedCamera([], width_px=W, waits=False)
    ledger, blocks_ = LineLedger(), Channel(4)
    acquisition = Acquisition(camera, ledger, blocks_, lambda *_: None)

    def take(_: ScriptedCamera) -> None:
        blocks_.get()

    feed = [at(i, i + 10) for i in range(0, 100, 10)]
    camera._steps = iter([*feed[:5], take, feed[5], take, feed[6], feed[7]])
    acquisition.run()
    ledger.close()
    assert ledger.take_stretches() == [
        Stretch(0, 40, R.ABORTED),
        Stretch(40, 60, R.OVERLOAD),
        Stretch(60, 80, R.ABORTED),
    ]


def test_what_comes_while_the_roll_is_broken_off_is_no_overload() -> None:
    camera = ScriptedCamera([at(0, 10), at(10, 20)], width_px=W, waits=False)
    ledger, blocks_ = LineLedger(), Channel(4)
    notices: list[str] = []
    blocks_.abort()
    Acquisition(camera, ledger, blocks_, lambda notice: notices.append(notice.text)).run()
    ledger.close()
    assert ledger.take_stretches() == [Stretch(0, 20, R.ABORTED)]
    assert notices == []


def test_a_camera_that_falls_silent_while_cloth_moves_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.line.acquiring.feed_watch.GONE_S", 0.3)

    def steps() -> Iterator[object]:
        yield at(0, 300)
        while camera.started < 2:
            yield EncoderReading(camera.reading.due_line + 5, 1e4)
            yield 0.05
        back = camera.reading.due_line + 100
        yield at(back, back + 300)

    camera = ScriptedCamera(steps(), width_px=W, waits=False)
    run = Run(camera).to_end()
    back = run.of(RollEnded)[0].ledger.lines_acquired - 300
    assert fates(run) == [Stretch(0, 300), Stretch(300, back, R.CAMERA_GONE), Stretch(back, back + 300)]
    texts = [n.text for n in run.of(Notice)]
    assert sum("sent nothing" in text for text in texts) == 1
    assert sum("is back after" in text for text in texts) == 1


class Held(DeviationScorer):
    """Scores nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may = threading.Event(), threading.Event()

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.is_asked.set()
        assert self.may.wait(LONG)
        return super().infer(tiles)


def test_overload_breaks_the_run_but_not_the_ledger() -> None:
    scorer = Held()

    def fill(_: ScriptedCamera) -> None:
        assert scorer.is_asked.wait(LONG)

    def drain(_: ScriptedCamera) -> None:
        scorer.may.set()
        until(lambda: run.inspection.snapshot().queue_fill == 0)

    feed = [at(i, i + 64) for i in range(0, 4096, 64)]
    steps = [*feed[:8], fill, *feed[8:40], drain, *feed[40:]]
    run = Run(ScriptedCamera(steps, width_px=W, waits=False), scorer)
    run.to_end()
    totals = run.of(RollEnded)[0].ledger
    assert totals.lines_acquired == 4096
    assert totals.lines_in_flight == 0
    lines = Counter[UninspectedReason | None]()
    for stretch in fates(run):
        lines[stretch.reason] += stretch.end_line - stretch.first_line
    assert set(lines) - {R.TOO_SHORT} == {None, R.OVERLOAD}
    assert lines[None] == totals.lines_inspected
    seen = sum(v.pixels.shape[0] for v in run.of(StripView))
    assert seen == lines[None] + lines[R.TOO_SHORT]


def test_a_waiting_camera_waits_and_nothing_is_lost() -> None:
    run = Run(ScriptedCamera(blocks(CLOTH, 64), width_px=W), DeviationScorer(delay_s=0.005)).to_end()
    assert run.of(RollEnded)[0].ledger == Ledger(4096, 4096, 0, 0)


def test_cloth_that_passes_during_a_pause_is_told() -> None:
    def pause(camera: ScriptedCamera) -> None:
        run.inspection.pause()

    def resume(camera: ScriptedCamera) -> None:
        run.inspection.resume()

    steps = [at(0, 300), pause, at(300, 400), at(450, 500), resume, at(550, 900)]
    run = Run(ScriptedCamera(steps, width_px=W, waits=False))
    run.to_end()
    assert fates(run) == [Stretch(0, 300), Stretch(300, 550, R.PAUSED), Stretch(550, 900)]


def test_a_block_read_while_a_waiting_camera_is_paused_is_not_lost() -> None:
    def steps() -> Iterator[object]:
        yield at(0, 300)
        run.inspection.pause()
        yield at(300, 600)
        yield at(600, 900)

    run = Run(ScriptedCamera(steps(), width_px=W))
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_inspected == 600)
    run.inspection.resume()
    assert run.inspection.wait(LONG)
    assert fates(run) == [Stretch(0, 900)]


def test_a_waiting_camera_stands_during_a_pause() -> None:
    def pause(camera: ScriptedCamera) -> None:
        run.inspection.pause()

    camera = ScriptedCamera([at(0, 300), pause, at(300, 600)], width_px=W)
    run = Run(camera)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger == Ledger(300, 300, 0, 0))
    assert not run.inspection.wait(0.1)
    assert run.inspection.snapshot().feed is FeedState.NO_PICTURE
    run.inspection.resume()
    assert run.inspection.wait(LONG)
    assert fates(run) == [Stretch(0, 600)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-120, 150), st.integers(1, 300)), min_size=1, max_size=12),
    st.booleans(),
)
def test_any_sequence_of_blocks_keeps_the_law(plan: list[tuple[int, int]], waits: bool) -> None:
    """Jumps forward and back, repeats and overlaps, against one entry per line; what is too short is not judged."""
    steps: list[LineBlock] = []
    fate: dict[int, bool] = {}
    seen: set[int] = set()
    repeated, position, taken, origin = 0, 2000, None, 0
    for jump, lines in plan:
        first = max(0, min(position + jump, len(CLOTH) - lines))
        steps.append(at(first, first + lines))
        position = first + lines
        taken, origin = (first, first) if taken is None else (taken, origin)
        fate.update(dict.fromkeys(range(taken, first), False))
        lines_now = set(range(max(first, origin), first + lines))
        repeated += len(lines_now & seen)
        seen |= lines_now
        fate.update(dict.fromkeys(range(max(first, taken), first + lines), True))
        taken = max(taken, first + lines)
    came = np.array([fate[line] for line in sorted(fate)])
    judged = long_enough(came)
    run = Run(from_line(steps[0].first_line, *steps, waits=waits)).to_end()
    inspected = judged.sum()
    assert run.of(RollEnded)[0].ledger == Ledger(len(fate), inspected, len(fate) - inspected, repeated)
    for stretch in fates(run):
        told = slice(stretch.first_line, stretch.end_line)
        assert (judged[told] == stretch.inspected).all()
        assert (came[told] == (stretch.reason in (None, R.TOO_SHORT))).all()
    assert sum(s.end_line - s.first_line for s in fates(run)) == len(fate)
