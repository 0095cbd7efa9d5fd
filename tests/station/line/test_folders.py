"""A folder of images on the line: what a damaged image leaves in the ledger."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from drivers.camera import CameraError
from drivers.replay import ReplayCamera
from station.contract import Ledger, LineState, Notice, Stretch, StretchClosed, StripView, UninspectedReason
from station.line.errors import LineError
from tests.rigs.line import DeviationScorer, Run, cloth


def folder(path: Path, images: int = 3) -> ReplayCamera:
    for number in range(images):
        assert cv2.imwrite(str(path / f"{number}.png"), cloth(256, 300, seed=number))
    return ReplayCamera(path)


def damage(path: Path) -> None:
    """Break the pixels of a PNG, which only decoding them finds out."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_the_images_behind_a_damaged_one_are_in_the_ledger(tmp_path: Path, broken: int) -> None:
    camera = folder(tmp_path)
    damage(tmp_path / f"{broken}.png")
    run = Run(camera).to_end()
    assert isinstance(run.inspection.failure, CameraError)
    played = 256 * broken
    assert run.events[-1].ledger == Ledger(768, played, 768 - played, 0)
    told = [e.stretch for e in run.of(StretchClosed)]
    assert told == [Stretch(0, played)] * bool(broken) + [Stretch(played, 768, UninspectedReason.ABORTED)]
    assert sum(len(e.pixels) for e in run.of(StripView)) == played
    assert any(f"{broken}.png" in n.text for n in run.of(Notice))
    snapshot = run.inspection.snapshot()
    assert snapshot.state is LineState.ERROR
    assert snapshot.metres_uninspected == pytest.approx((768 - played) * 0.0005)


def test_a_folder_that_goes_on_counts_what_was_left(tmp_path: Path) -> None:
    camera = folder(tmp_path)
    camera.start()
    assert camera.read(0.0) is not None
    camera.stop()
    damage(tmp_path / "2.png")
    run = Run(camera).to_end()
    assert run.events[-1].ledger == Ledger(512, 256, 256, 0)


class Unready(DeviationScorer):
    """Fails before the first image."""

    def prepare(self, channels: int) -> None:
        raise LineError(f"This device takes no {channels}-channel tiles; choose another.")


def test_a_model_that_does_not_start_leaves_the_whole_folder_uninspected(tmp_path: Path) -> None:
    run = Run(folder(tmp_path), Unready()).to_end()
    assert run.events[-1].ledger == Ledger(768, 0, 768, 0)


def test_a_folder_ended_early_on_purpose_ends_there(tmp_path: Path) -> None:
    run = Run(folder(tmp_path))
    run.inspection.start()
    run.inspection.abort()
    assert run.inspection.failure is None
    totals = run.events[-1].ledger
    assert totals.lines_acquired in (0, 256, 512, 768)
    assert totals.lines_in_flight == 0
