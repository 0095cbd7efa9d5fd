"""A Basler camera (pylon's emulation) on the real line: unplugged and back, every line accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from drivers.pylon.camera import PylonCamera
from drivers.pylon.settings import PylonSettings
from drivers.simulated.cloth import Cloth
from station.contract import FeedState, Ledger, Notice, RollEnded, StretchClosed, UninspectedReason
from tests.rigs.line import Run, until

pytest.importorskip("pypylon")

LINES, RATE_HZ = 64, 1280.0


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[PylonCamera]:
    """Plays woven cloth at 20 blocks a second."""
    woven = Cloth("demo", width_px=256, mm_per_px=0.5, seed=3)
    for number in range(4):
        assert cv2.imwrite(str(tmp_path / f"{number}.bmp"), woven.render(LINES * number, LINES))
    camera = PylonCamera(
        PylonSettings(serial="0815-0000", exposure_us=100.0, line_rate_hz=RATE_HZ, image_folder=tmp_path)
    )
    yield camera
    camera.stop()


@pytest.fixture(autouse=True)
def _silence_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is unplugged is gone: here pylon's own threads may be held up for long."""
    monkeypatch.setattr("station.line.acquiring.feed_watch.GONE_S", 120.0)


def lines_of(run: Run, reason: UninspectedReason | None) -> int:
    stretches = [event.stretch for event in run.of(StretchClosed)]
    return sum(s.end_line - s.first_line for s in stretches if s.reason is reason)


def ledger_of(run: Run) -> Ledger:
    ledger: Ledger = run.of(RollEnded)[0].ledger
    assert ledger.lines_acquired == ledger.lines_inspected + ledger.lines_uninspected
    assert lines_of(run, None) == ledger.lines_inspected
    return ledger


def test_a_camera_that_is_unplugged_comes_back_and_the_cloth_between_is_told(camera: PylonCamera) -> None:
    run = Run(camera, threshold=1e6)
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_inspected > 5 * LINES)
    grab = camera.grab
    assert grab is not None
    inspected = run.inspection.snapshot().ledger.lines_inspected
    grab.device.GetNodeMap().GetNode("FirePnPCallback").Execute()
    until(lambda: any("is back" in notice.text for notice in run.of(Notice)))
    back = camera.counts.blocks
    until(lambda: camera.counts.blocks > back)  # once another block is read, the first one back has been counted
    acquired = run.inspection.snapshot().ledger.lines_acquired
    until(lambda: run.inspection.snapshot().ledger.lines_inspected > 10 * LINES)
    until(lambda: run.inspection.snapshot().feed is FeedState.LIVE)
    assert run.inspection.finish(60)
    assert run.inspection.failure is None
    assert any("was unplugged" in notice.text for notice in run.of(Notice))
    assert 0 < lines_of(run, UninspectedReason.CAMERA_GONE) <= acquired - inspected
    assert ledger_of(run).lines_inspected >= 10 * LINES


def test_damaged_blocks_are_lost_by_the_camera_to_the_line(camera: PylonCamera) -> None:
    run = Run(camera, threshold=1e6)
    run.inspection.start()
    until(lambda: camera.counts.blocks > 3)
    grab = camera.grab
    assert grab is not None
    nodes = grab.device.GetNodeMap()
    nodes.GetNode("ForceFailedBufferCount").Value = 3
    nodes.GetNode("ForceFailedBuffer").Execute()
    until(lambda: camera.counts.failed == 3)
    seen = camera.counts.blocks
    until(lambda: camera.counts.blocks > seen + 5)
    assert run.inspection.finish(60)
    ledger_of(run)
    assert lines_of(run, UninspectedReason.LOST_BY_CAMERA) >= 3 * LINES
    assert any("lost" in notice.text for notice in run.of(Notice))
