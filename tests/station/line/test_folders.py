"""A folder of images on the line: what a damaged image leaves in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from drivers.camera import CameraError
from drivers.replay import ReplayCamera
from station.contract import Ledger, LineState, Notice, Stretch, StretchClosed, StripView, UninspectedReason
from station.line.errors import LineError
from tests.rigs.line import DeviationScorer, Run, cloth


def folder(path: Path, images: int = 3, *, skips_unreadable: bool = False) -> ReplayCamera:
    for number in range(images):
        assert cv2.imwrite(str(path / f"{number}.png"), cloth(256, 300, seed=number))
    return ReplayCamera(path, skips_unreadable=skips_unreadable)


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


@pytest.mark.field("f21")
@pytest.mark.parametrize("broken", [(0,), (1,), (3,), (0, 1), (1, 3), (2, 3), (0, 1, 2, 3)])
def test_the_roll_goes_on_behind_a_picture_that_cannot_be_read(
    tmp_path: Path, broken: tuple[int, ...], record_property: Callable[[str, object], None]
) -> None:
    camera = folder(tmp_path, 4, skips_unreadable=True)
    for number in broken:
        damage(tmp_path / f"{number}.png")
    run = Run(camera).to_end()
    assert run.inspection.failure is None
    lost = 256 * len(broken)
    assert run.events[-1].ledger == Ledger(1024, 1024 - lost, lost, 0)
    fates = [e.stretch for e in run.of(StretchClosed)]
    reasons = {line // 256: s.reason for s in fates for line in range(s.first_line, s.end_line)}
    assert reasons == {n: UninspectedReason.UNREADABLE if n in broken else None for n in range(4)}
    told = [n.text for n in run.of(Notice)]
    for number in broken:
        (text,) = [text for text in told if f"{number}.png" in text]
        assert "Its 256 lines are not inspected" in text
    assert not any("lost" in text for text in told), "the camera lost nothing"
    assert set(camera.unread) == {f"{number}.png" for number in broken}
    assert camera.encoder().due_line == 1024
    camera.rewind()
    assert (camera.unread, camera.unreadable) == ({}, ())
    if broken == (1, 3):
        record_property(
            "now", "Of 4 pictures 2 damaged: 512 of 1024 lines are 'picture unreadable', the rest is judged."
        )


def test_a_picture_that_vanishes_or_changes_while_the_roll_runs_is_passed_over_too(tmp_path: Path) -> None:
    camera = folder(tmp_path, 4, skips_unreadable=True)
    (tmp_path / "1.png").unlink()
    assert cv2.imwrite(str(tmp_path / "2.png"), cloth(128, 300))
    run = Run(camera).to_end()
    assert run.events[-1].ledger == Ledger(1024, 512, 512, 0)
    assert "is missing" in camera.unread["1.png"]
    assert "300 x 128 px, but 300 x 256 px were expected" in camera.unread["2.png"]


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
