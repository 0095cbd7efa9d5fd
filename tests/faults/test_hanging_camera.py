"""A grab thread that hangs inside the driver: seen, abandoned, and the roll goes on or ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from drivers import abandoned
from drivers.camera import GONE_S
from drivers.grabber import MOST_ABANDONED, Grabber
from station.contract import FeedState, Notice, RollEnded, Stretch, StretchClosed, UninspectedReason
from tests.rigs.hanging import EvenScorer, HangingCamera
from tests.rigs.line import Run, until

LONG = 120.0
SHORT_START = ("station.line.acquiring.acquisition.START_LIMIT_S", 0.3)
"""For a start that hangs; another may take its time on a busy machine."""


@pytest.fixture
def camera() -> Iterator[HangingCamera]:
    made = HangingCamera()
    yield made
    made.release()


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STOP_LIMIT_S", "LAST_STOP_LIMIT_S", "LAST_IMAGE_S"):
        monkeypatch.setattr(f"station.line.acquiring.acquisition.{name}", 0.3)


@pytest.fixture(autouse=True)
def _only_what_hangs_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that does not run on a busy machine is none that hangs in a driver."""
    unanswered_s = Grabber.unanswered_s.fget
    assert unanswered_s is not None

    def owed_s(grabber: Grabber) -> float:
        return unanswered_s(grabber) if grabber._worker in grabber._camera.inside else 0.0  # type: ignore[attr-defined]

    monkeypatch.setattr(Grabber, "unanswered_s", property(owed_s))
    monkeypatch.setattr("station.line.acquiring.feed_watch.GONE_S", 1e9)


def started(camera: HangingCamera) -> Run:
    run = Run(camera, EvenScorer(), threshold=2.0)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().feed is FeedState.LIVE, LONG)
    return run


def hang(run: Run, *calls: str) -> None:
    run.camera.hangs |= set(calls)
    until(lambda: run.inspection.snapshot().feed is FeedState.GONE, LONG)


def live_again(run: Run) -> None:
    until(lambda: run.inspection.snapshot().feed is FeedState.LIVE, LONG)
    inspected = run.inspection.snapshot().ledger.lines_inspected
    until(lambda: run.inspection.snapshot().ledger.lines_inspected > inspected, LONG)


def stretches(run: Run) -> list[Stretch]:
    """The roll's stretches, which the law holds for."""
    told = [event.stretch for event in run.of(StretchClosed)]
    ledger = run.of(RollEnded)[0].ledger
    assert ledger.lines_in_flight == 0
    assert told[0].first_line == 0
    assert told[-1].end_line == ledger.lines_acquired
    assert all(a.end_line == b.first_line for a, b in pairwise(told))
    assert sum(s.end_line - s.first_line for s in told if s.inspected) == ledger.lines_inspected
    return told


def gone(run: Run) -> list[Stretch]:
    return [s for s in stretches(run) if s.reason is UninspectedReason.CAMERA_GONE]


@pytest.mark.parametrize("calls", [("read",), ("read", "stop"), ("read", "stop", "start")])
def test_a_hanging_driver_is_seen_abandoned_and_taken_up_again(camera: HangingCamera, calls: tuple[str, ...]) -> None:
    run = started(camera)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*SHORT_START)
        hang(run, *calls)
        until(lambda: len(abandoned.alive()) >= len(calls), LONG)
    camera.hangs.clear()  # plugged in again: fresh calls work, those inside hang on
    live_again(run)
    assert len(abandoned.alive()) >= len(calls)
    assert run.inspection.finish(LONG)
    assert run.inspection.failure is None

    origin = run.inspection.snapshot().origin_line
    assert origin is not None
    holes = [(a[1] - origin, b[0] - origin) for a, b in pairwise(camera.sent) if a[1] < b[0]]
    [hole] = holes
    [stretch] = gone(run)
    assert stretch.first_line == hole[0]
    # What the camera showed after its return, but had been given up by the encoder's word, stays so.
    assert hole[1] <= stretch.end_line < hole[1] + camera.lines_per_s
    texts = [notice.text for notice in run.of(Notice)]
    assert sum("has not answered" in text for text in texts) == 1
    assert sum("is back after" in text for text in texts) == 1


@pytest.mark.parametrize("calls", [("read",), ("read", "stop", "start")])
def test_a_roll_can_be_ended_while_the_driver_hangs(
    camera: HangingCamera, calls: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(camera)
    monkeypatch.setattr(*SHORT_START)
    hang(run, *calls)
    assert run.inspection.finish(LONG)
    [stretch] = gone(run)
    assert stretch == stretches(run)[-1]
    assert abandoned.alive()


def test_a_driver_that_hangs_is_given_up_also_if_the_encoder_seems_to_stand(camera: HangingCamera) -> None:
    """The encoder may hang behind the same driver; and a machine that does stand must not start blind."""
    run = started(camera)
    camera.lines_per_s = 0.0
    until(lambda: run.inspection.snapshot().feed is FeedState.STOPPED, LONG)
    hang(run, "read")
    camera.hangs.clear()
    until(lambda: camera.calls.count("start") >= 2, LONG)
    camera.lines_per_s = 2000.0
    live_again(run)
    assert run.inspection.finish(LONG)
    texts = [notice.text for notice in run.of(Notice)]
    assert sum("has not answered" in text and "although cloth moves" not in text for text in texts) == 1


@pytest.mark.slow
def test_a_silent_camera_beside_a_standing_machine_is_no_fault(
    camera: HangingCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(camera)
    camera.lines_per_s = 0.0
    until(lambda: run.inspection.snapshot().feed is FeedState.STOPPED, LONG)
    monkeypatch.setattr("station.line.acquiring.feed_watch.GONE_S", GONE_S)
    reads = camera.calls.count("read")
    until(lambda: camera.calls.count("read") > reads + 2 * GONE_S / 0.1, LONG)
    assert run.inspection.snapshot().feed is FeedState.STOPPED
    assert run.inspection.finish(LONG)
    assert gone(run) == []
    assert camera.calls.count("start") == 1
    assert not any("trying again" in notice.text for notice in run.of(Notice))


@pytest.mark.parametrize("end", ["finish", "abort"])
def test_a_driver_that_hangs_at_its_first_start(
    camera: HangingCamera, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*SHORT_START)
    camera.hangs.add("start")
    run = Run(camera, EvenScorer(), threshold=2.0)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().feed is FeedState.GONE, LONG)
    until(lambda: run.inspection.snapshot().ledger.lines_uninspected > 0, LONG)
    getattr(run.inspection, end)()
    assert all(not s.inspected for s in stretches(run))
    assert camera.sent == []


@pytest.mark.slow
def test_a_driver_that_never_answers_again_costs_a_bounded_number_of_threads(
    camera: HangingCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(camera)
    monkeypatch.setattr(*SHORT_START)
    monkeypatch.setattr("drivers.supervision.LONGEST_RETRY_S", 0.2)
    hang(run, "read", "stop", "start")
    until(lambda: any("does not answer at all" in notice.text for notice in run.of(Notice)), LONG)
    assert len(abandoned.alive()) == MOST_ABANDONED
    until(lambda: len(camera.inside) == MOST_ABANDONED + 1, LONG)  # and the last one, which is still awaited
    tried = len(camera.calls)
    lines = run.inspection.snapshot().ledger.lines_uninspected
    until(lambda: run.inspection.snapshot().ledger.lines_uninspected > lines + camera.lines_per_s, LONG)
    assert len(camera.calls) == tried
    camera.release()
    live_again(run)
    assert run.inspection.finish(LONG)
    assert len(gone(run)) == 1


def test_a_folder_whose_disk_hangs_can_be_left(camera: HangingCamera) -> None:
    camera.waits = True  # type: ignore[misc]
    run = started(camera)
    camera.hangs.add("read")
    reads = len(camera.calls)
    until(lambda: len(camera.calls) > reads, LONG)
    assert run.inspection.finish(LONG)
    assert stretches(run)
    assert abandoned.alive()


def test_a_scorer_that_hangs_is_abandoned_and_the_roll_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.line.inspection.STOP_S", 0.3)
    camera, scorer = HangingCamera(), EvenScorer()
    run = Run(camera, scorer, threshold=2.0)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_inspected > 0, LONG)
    scorer.hangs = True
    until(lambda: run.inspection.snapshot().queue_fill > 0, LONG)
    try:
        assert not run.inspection.finish(0.5)
        assert run.inspection.has_hung
        assert run.inspection.wait(LONG)
        until(lambda: [thread.name for thread in abandoned.alive()] == ["line-inference"], LONG)
        assert UninspectedReason.ABORTED in {s.reason for s in stretches(run)}
    finally:
        scorer.release.set()
