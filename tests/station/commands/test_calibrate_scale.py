"""Scale, lens and stitching from the command line: what is put on record, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.lens import Lens
from drivers.memory import MemoryCamera
from station.commands.calibrate import calibrate_scale
from station.commands.calibrate_source import CameraName, CameraSource
from station.commands.session import open_records
from station.records.rows import NewCalibration
from tests.rigs.command_line import Station, save_image

CORNERS, SQUARE_MM, SQUARE_PX = (9, 6), 10.0, 40
CONTRACT = {"calibration", "camera", "residual", "residual_unit", "warnings"}


def chessboard(square_px: int = SQUARE_PX, shape: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """A board of 10 × 7 squares, dark 40 and light 210, a little soft, with noise."""
    squares = np.indices((CORNERS[1] + 1, CORNERS[0] + 1)).sum(axis=0) % 2
    board = np.kron(squares, np.ones((square_px, square_px))) * 170 + 40
    picture = np.full(shape, 210.0)
    top, left = (shape[0] - board.shape[0]) // 2, (shape[1] - board.shape[1]) // 2
    picture[top : top + board.shape[0], left : left + board.shape[1]] = board
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8) + np.random.default_rng(2).normal(0, 2, shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def ruler(spacing_px: float = 50.0) -> NDArray[np.uint8]:
    """Dark marks 6 px wide on light."""
    across = np.arange(640)
    marks = np.abs((across - 20 + spacing_px / 2) % spacing_px - spacing_px / 2) < 3
    line = cv2.GaussianBlur(np.where(marks, 50.0, 200.0).reshape(1, -1), (0, 0), 0.8)
    return np.repeat(line, 120, axis=0).astype(np.uint8)


def on_record(home: Path) -> list[str]:
    with open_records(home) as records:
        return [row.kind for row in records.history.calibrations()]


def test_a_chessboard_gives_both_scales(station: Station, tmp_path: Path) -> None:
    picture = save_image(tmp_path / "board.png", chessboard())
    words = ("--images", picture, "--chessboard", "9x6", "--square-mm", SQUARE_MM, "--camera", "24115", "--by", "ann")
    told = station("calibrate", "scale", *words, "--json").json
    assert told.keys() >= CONTRACT
    true = SQUARE_MM / SQUARE_PX
    assert told["across_mm_per_px"] == pytest.approx(true, rel=0.005)
    assert told["along_mm_per_px"] == pytest.approx(true, rel=0.005)
    assert (told["camera"], told["residual_unit"]) == ("24115", "mm")
    assert 0 < told["residual"] < 0.1
    (listed,) = station("calibrate", "list", "--json").json["calibrations"]
    assert (listed["kind"], listed["camera"], listed["by"], listed["width_px"]) == ("scale", "24115", "ann", 640)
    assert listed["residual"] == told["residual"]
    assert "scale" in station("calibrate", "list", "--camera", "24115").out
    assert station("calibrate", "list", "--camera", "other", "--json").json["calibrations"] == []


def test_a_ruler_across_and_the_encoder_along(station: Station, tmp_path: Path) -> None:
    picture = save_image(tmp_path / "ruler.png", ruler())
    encoder = ("--run", "5000:1000", "--run", "10010:2000", "--pulses-per-line", 2)
    told = station("calibrate", "scale", "--images", picture, "--ruler-mm", 20, *encoder, "--json").json
    assert told["across_mm_per_px"] == pytest.approx(0.4, rel=0.005)
    assert told["along_mm_per_px"] == pytest.approx(0.4, rel=0.005)
    assert told["pulses_per_line"] == 2
    assert told["warnings"] == []
    stretched = ("--run", "5000:1000", "--pulses-per-line", 3)
    told = station("calibrate", "scale", "--images", picture, "--ruler-mm", 20, *stretched, "--json").json
    assert "not square" in told["warnings"][-1]


def test_the_encoder_alone(station: Station) -> None:
    words = ("--run", "4000:1000", "--pulses-per-line", 2, "--camera", "24115")
    told = station("calibrate", "scale", *words, "--json").json
    assert told["along_mm_per_px"] == pytest.approx(0.5)
    assert told["camera"] == "24115"
    assert "measure two or more" in told["warnings"][0]


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.full((480, 640), 140, np.uint8), "chessboard"),
        (cv2.GaussianBlur(chessboard(), (0, 0), 9), "focus"),
        (np.clip(chessboard().astype(int) * 4, 0, 255).astype(np.uint8), "expose"),
        (chessboard() // 30, "expose"),
    ],
    ids=["none", "blurred", "saturated", "dark"],
)
def test_a_bad_picture_of_the_target_is_refused_and_nothing_stored(
    station: Station, tmp_path: Path, picture: NDArray[np.uint8], said: str
) -> None:
    file = save_image(tmp_path / "board.png", picture)
    outcome = station("calibrate", "scale", "--images", file, "--chessboard", "9x6", "--square-mm", SQUARE_MM)
    assert outcome.code == 1
    assert said in outcome.sentence
    assert on_record(tmp_path / "home") == []


def test_pictures_of_mixed_sizes_are_refused(station: Station, tmp_path: Path) -> None:
    for number, shape in enumerate([(480, 640), (500, 700)]):
        save_image(tmp_path / "boards" / f"{number}.png", chessboard(shape=shape))
    target = ("--images", tmp_path / "boards", "--chessboard", "9x6", "--square-mm", SQUARE_MM)
    for kind in ("scale", "lens"):
        outcome = station("calibrate", kind, *target)
        assert outcome.code == 1
        assert "differ in width" in outcome.sentence
    save_image(tmp_path / "boards" / "1.png", chessboard(shape=(520, 640)))
    outcome = station("calibrate", "scale", *target)
    assert outcome.code == 1
    assert "640 x 520" in outcome.sentence


def test_pictures_that_disagree_about_the_scale_are_refused(station: Station, tmp_path: Path) -> None:
    for square_px in (36, 40):
        save_image(tmp_path / "boards" / f"{square_px}.png", chessboard(square_px))
    words = ("--images", tmp_path / "boards", "--chessboard", "9x6", "--square-mm", SQUARE_MM)
    outcome = station("calibrate", "scale", *words)
    assert outcome.code == 1
    assert "disagree" in outcome.sentence


def test_too_few_pictures_for_a_lens_are_refused(station: Station, tmp_path: Path) -> None:
    file = save_image(tmp_path / "board.png", chessboard())
    outcome = station("calibrate", "lens", "--images", file, "--chessboard", "9x6", "--square-mm", SQUARE_MM)
    assert outcome.code == 1
    assert "too few" in outcome.sentence
    assert on_record(tmp_path / "home") == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--chessboard", "9x6"),
        ("--square-mm", 10),
        ("--chessboard", "nine", "--square-mm", 10),
        ("--chessboard", "9x6", "--square-mm", 10, "--ruler-mm", 5),
        ("--run", "5000:1000"),
        ("--run", "many", "--pulses-per-line", 2, "--camera", "c"),
        ("--run", "5000:1000", "--pulses-per-line", 2),
    ],
    ids=str,
)
def test_what_makes_no_scale_is_wrong_usage(station: Station, tmp_path: Path, words: tuple[object, ...]) -> None:
    assert station("calibrate", "scale", *words).code == 2
    assert not (tmp_path / "home").exists()


def test_nothing_to_look_at_is_said(station: Station, tmp_path: Path) -> None:
    outcome = station("calibrate", "scale", "--ruler-mm", 20)
    assert outcome.code == 1
    assert "--images" in outcome.sentence
    assert "--config" in outcome.sentence
    assert not (tmp_path / "home").exists()


def test_impossible_runs_are_refused(station: Station, tmp_path: Path) -> None:
    for runs, said in ((("--run", "0:1000"), "give no scale"), (("--run", "5000:1000", "--run", "6000:1000"), "slip")):
        outcome = station("calibrate", "scale", *runs, "--pulses-per-line", 2, "--camera", "c")
        assert outcome.code == 1
        assert said in outcome.sentence
    assert on_record(tmp_path / "home") == []


def test_neighbouring_cameras_are_stitched(station: Station, tmp_path: Path) -> None:
    scene = cv2.GaussianBlur(np.random.default_rng(5).normal(128, 60, (400, 900)), (0, 0), 1.2)
    scene = np.clip((scene - 128) * 3 + 128, 0, 255).astype(np.uint8)
    left = save_image(tmp_path / "left.png", scene[10:310, :512])
    right = save_image(tmp_path / "right.png", scene[16:316, 412:900])
    words = ("--left", left, "--right", right, "--left-camera", "a", "--right-camera", "b")
    told = station("calibrate", "stitching", *words, "--json").json
    assert told["overlap_px"] == pytest.approx(100, abs=0.5)
    assert told["offset_lines"] == pytest.approx(6, abs=0.5)
    assert (told["camera"], told["residual_unit"]) == ("a+b", "px")
    assert on_record(tmp_path / "home") == ["stitching"]


def test_a_board_repeats_and_so_cannot_be_stitched(station: Station, tmp_path: Path) -> None:
    file = save_image(tmp_path / "board.png", chessboard())
    outcome = station("calibrate", "stitching", "--left", file, "--right", file)
    assert outcome.code == 1
    assert "repeat" in outcome.sentence
    assert on_record(tmp_path / "home") == []


def test_the_scale_is_measured_as_the_line_will_see_with_the_lens_calibrated(station: Station, tmp_path: Path) -> None:
    lens = Lens(640, 480, (600.0, 600.0), (320.0, 240.0), (-0.35, 0.1, 0.0, 0.0), 0.1, 8)
    seen = np.stack(np.meshgrid(np.arange(640.0), np.arange(480.0)), axis=-1).reshape(-1, 1, 2)
    true = cv2.undistortPoints(seen, lens.matrix, np.array(lens.distortion), P=lens.matrix).astype(np.float32)
    bent = cv2.remap(chessboard(), *np.moveaxis(true.reshape(480, 640, 2), -1, 0), cv2.INTER_LINEAR)
    words = ("--images", save_image(tmp_path / "bent.png", bent), "--camera", "24115")
    words += ("--chessboard", "9x6", "--square-mm", SQUARE_MM, "--json")
    before = station("calibrate", "scale", *words).json
    with open_records(tmp_path / "home") as records:
        records.store.add_calibrations([NewCalibration("lens", "24115", lens.to_dict(), "", 640)], "ann")
    after = station("calibrate", "scale", *words).json
    assert after["residual_px"] < 0.3 < 1 < before["residual_px"]
    assert any("calibrate the lens" in warning for warning in before["warnings"])
    assert after["across_mm_per_px"] == pytest.approx(SQUARE_MM / SQUARE_PX, rel=0.005)
    save_image(tmp_path / "bent.png", bent[:400])
    outcome = station("calibrate", "scale", *words)
    assert outcome.code == 1
    assert "calibrated at 640 x 480 px" in outcome.sentence
    frames = MemoryCamera(np.concatenate([bent, bent]), block_lines=480)  # one after the other, as they come
    with open_records(tmp_path / "home") as records:
        of = CameraName("24115", "serial number that the lens does not know", 640)
        source = CameraSource(frames, of, live=True)
        live = calibrate_scale(records, of, source, by="ann", chessboard=CORNERS, square_mm=SQUARE_MM)
    assert live["across_mm_per_px"] == pytest.approx(after["across_mm_per_px"], rel=1e-6)
