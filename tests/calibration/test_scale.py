"""Scale from drawn targets whose truth is known."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.scale import (
    BoardScale,
    EncoderScale,
    RulerScale,
    along_mm_per_line,
    encoder_scale,
    pulses_per_metre,
    scale_from_chessboard,
    scale_from_chessboards,
    scale_from_ruler,
    squareness_warning,
)
from tests.rigs.drawn_board import INNER, photograph, pose

SQUARE_MM = 10.0


def chessboard(
    across_px_per_mm: float, along_px_per_mm: float, turn_deg: float = 0, shear: float = 0
) -> NDArray[np.uint8]:
    """A board of 9 x 6 inner corners as a camera of these scales sees it."""
    square = 40  # px, in the drawing
    cells = np.indices((7, 10)).sum(axis=0) % 2
    drawing = np.kron(255 - 215 * cells, np.ones((square, square))).astype(np.uint8)
    drawing = np.pad(drawing, square, constant_values=255)
    px_per_mm = square / SQUARE_MM
    turn = np.radians(turn_deg)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    machine = np.array([[across_px_per_mm, 0], [shear * along_px_per_mm, along_px_per_mm]])
    linear = machine @ rotate / px_per_mm
    height, width = drawing.shape
    middle = np.array([450, 400]) - linear @ np.array([width / 2, height / 2])
    matrix = np.column_stack([linear, middle])
    seen = cv2.warpAffine(drawing, matrix, (900, 800), flags=cv2.INTER_AREA, borderValue=255)
    noise = np.random.default_rng(0).normal(0, 2, seen.shape)
    return np.clip(cv2.GaussianBlur(seen, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("across", "along"), [(4.0, 4.0), (5.0, 3.5), (3.0, 5.0)])
@pytest.mark.parametrize("turn", [0, 7, -20])
def test_chessboard_gives_both_scales_at_any_angle(across: float, along: float, turn: float) -> None:
    scale = scale_from_chessboard(chessboard(across, along, turn), (9, 6), SQUARE_MM)
    assert scale.across_mm_per_px == pytest.approx(1 / across, rel=0.003)
    assert scale.along_mm_per_px == pytest.approx(1 / along, rel=0.003)
    assert abs(scale.skew_deg) < 0.3
    assert scale.residual_px < 0.2
    assert scale.residual_mm == pytest.approx(scale.residual_px / across, rel=0.6)
    assert scale.corners == 54


def test_a_camera_out_of_square_shows_as_skew() -> None:
    scale = scale_from_chessboard(chessboard(4, 4, shear=np.tan(np.radians(3))), (9, 6), SQUARE_MM)
    assert abs(scale.skew_deg) == pytest.approx(3, abs=0.3)


def test_lens_distortion_shows_as_residual() -> None:
    flat = chessboard(4, 4)
    y, x = np.indices(flat.shape, dtype=np.float32)
    r2 = ((x - 450) / 450) ** 2 + ((y - 400) / 450) ** 2
    bent = cv2.remap(flat, 450 + (x - 450) * (1 + 0.08 * r2), 400 + (y - 400) * (1 + 0.08 * r2), cv2.INTER_LINEAR)
    straight = scale_from_chessboard(flat, (9, 6), SQUARE_MM)
    assert scale_from_chessboard(np.asarray(bent), (9, 6), SQUARE_MM).residual_px > 5 * straight.residual_px


def test_colour_pictures_will_do() -> None:
    grey = chessboard(4, 4)
    assert scale_from_chessboard(np.repeat(grey[:, :, None], 3, axis=2), (9, 6), SQUARE_MM).corners == 54


def test_no_board_is_said_plainly() -> None:
    with pytest.raises(TargetNotFoundError, match="No chessboard of 9 x 6"):
        scale_from_chessboard(np.full((400, 400), 200, np.uint8), (9, 6), SQUARE_MM)


@pytest.mark.parametrize(("corners", "square"), [((2, 6), 10.0), ((9, 6), 0.0), ((9, 6), float("nan"))])
def test_impossible_boards_are_refused(corners: tuple[int, int], square: float) -> None:
    with pytest.raises(CalibrationError, match="cannot be used"):
        scale_from_chessboard(chessboard(4, 4), corners, square)


def test_deep_pictures_are_refused() -> None:
    with pytest.raises(PictureError, match="uint8"):
        scale_from_ruler(np.zeros((10, 100), np.uint16), 1.0)


MATRIX = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])
FAR_MM = 360.0
TRUE_MM_PER_PX = FAR_MM / 900


def photo(
    tilt_deg: tuple[float, float, float] = (0, 0, 0), place_mm: tuple[float, float] = (0, 0), **how: float
) -> NDArray[np.uint8]:
    return photograph(pose(tilt_deg, place_mm, FAR_MM), MATRIX, (640, 480), **how)  # type: ignore[arg-type]


@settings(max_examples=8, deadline=None)
@example(tilt=(2, 2, 2), place=(40, 40), noise=6, blur=1.5)
@example(tilt=(-2, 2, -2), place=(40, -40), noise=6, blur=0.5)
@given(
    tilt=st.tuples(*[st.floats(-2, 2)] * 3),
    place=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
    noise=st.floats(0, 6),
    blur=st.floats(0.5, 1.5),
)
def test_sizes_are_right_within_one_per_cent_on_a_noisy_board_tilted_by_two_degrees(
    tilt: tuple[float, float, float], place: tuple[float, float], noise: float, blur: float
) -> None:
    scale = scale_from_chessboard(photo(tilt, place, noise=noise, blur_px=blur), INNER, SQUARE_MM)
    assert scale.across_mm_per_px == pytest.approx(TRUE_MM_PER_PX, rel=0.01)
    assert scale.along_mm_per_px == pytest.approx(TRUE_MM_PER_PX, rel=0.01)
    assert scale.residual_px < 1
    assert squareness_warning(scale) is None


def test_large_pictures_are_measured_as_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = photo((1, -1, 2))
    whole = scale_from_chessboard(picture, INNER, SQUARE_MM)
    monkeypatch.setattr("calibration.chessboard.SEARCHED_PX", 300)
    small = scale_from_chessboard(picture, INNER, SQUARE_MM)
    assert small.across_mm_per_px == pytest.approx(whole.across_mm_per_px, rel=3e-4)
    assert small.along_mm_per_px == pytest.approx(whole.along_mm_per_px, rel=3e-4)
    assert small.residual_px < whole.residual_px + 0.1
    monkeypatch.setattr("calibration.chessboard.SEARCHED_PX", 40)  # too small to be seen so: searched as it is
    assert scale_from_chessboard(picture, INNER, SQUARE_MM) == whole


def test_a_tilted_board_has_the_larger_residual() -> None:
    flat, tilted = (scale_from_chessboard(photo((0, t, 0)), INNER, SQUARE_MM).residual_px for t in (0.0, 2.0))
    assert tilted > 3 * flat


@given(factor=st.floats(0.1, 10))
@settings(max_examples=5, deadline=None)
def test_the_scale_goes_with_the_board(factor: float) -> None:
    picture = photo((1, -1, 2))
    one, other = (scale_from_chessboard(picture, INNER, side) for side in (SQUARE_MM, factor * SQUARE_MM))
    assert other.across_mm_per_px == pytest.approx(factor * one.across_mm_per_px)
    assert other.residual_px == pytest.approx(one.residual_px)
    assert other.residual_mm == pytest.approx(factor * one.residual_mm)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"light": 0.1}, "too dark .*; switch the lamp on or expose longer"),
        ({"light": 0.02}, "too dark"),
        ({"light": 2.5}, "over-exposed .*; expose shorter or close the aperture"),
        ({"light": 9.0}, "over-exposed"),
        ({"blur_px": 4.0}, "blurred .*; focus the lens"),
        ({"blur_px": 15.0}, "blurred"),
    ],
)
def test_what_is_wrong_with_the_picture_of_the_board_is_said(how: dict[str, float], says: str) -> None:
    with pytest.raises(PictureError, match=says):
        scale_from_chessboard(photo(**how), INNER, SQUARE_MM)


def test_several_pictures_are_averaged() -> None:
    pictures = [photo((0, 0, turn), (turn, 0), seed=int(turn)) for turn in (0.0, 20.0)]
    scale = scale_from_chessboards(pictures, INNER, SQUARE_MM)
    each = [scale_from_chessboard(picture, INNER, SQUARE_MM) for picture in pictures]
    assert scale.across_mm_per_px == pytest.approx(np.mean([s.across_mm_per_px for s in each]))
    assert scale.corners == 108
    assert min(s.residual_px for s in each) <= scale.residual_px <= max(s.residual_px for s in each)


def test_pictures_of_mixed_sizes_or_scales_are_refused() -> None:
    picture = photo()
    with pytest.raises(PictureError, match="Picture 2 is 640 x 440 px, the first one 640 x 480 px"):
        scale_from_chessboards([picture, picture[:440]], INNER, SQUARE_MM)
    nearer = photograph(pose((0, 0, 0), (0, 0), 0.95 * FAR_MM), MATRIX, (640, 480))
    with pytest.raises(PictureError, match="disagree about the scale"):
        scale_from_chessboards([picture, nearer], INNER, SQUARE_MM)
    with pytest.raises(PictureError, match="No picture"):
        scale_from_chessboards([], INNER, SQUARE_MM)


def board_scale(across: float = 0.5, along: float = 0.5, skew: float = 0.0) -> BoardScale:
    return BoardScale(across, along, skew, 0.1, 0.05, 54)


def test_square_pixels_are_left_alone_and_others_told_of() -> None:
    assert squareness_warning(board_scale()) is None
    warning = squareness_warning(board_scale(along=0.52))
    assert warning is not None
    assert "0.5 mm across and 0.52 mm along; multiply a line-scan camera's trigger divider by 0.9615" in warning
    assert "2.0 degrees off square" in (squareness_warning(board_scale(skew=-2)) or "")


@given(across=st.floats(1e-3, 10), along=st.floats(1e-3, 10), skew=st.floats(-90, 90), residual=st.floats(0, 10))
def test_the_record_gives_back_the_same_scale(across: float, along: float, skew: float, residual: float) -> None:
    for made in (
        BoardScale(across, along, skew, residual, residual, 54),
        RulerScale(across, residual, residual, 20),
        EncoderScale(along, residual, 3),
        EncoderScale(along, None, 1),
    ):
        assert type(made).from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize("change", [{"across_mm_per_px": 0}, {"skew_deg": "1"}, {"corners": 0}, {"residual_px": None}])
def test_a_damaged_record_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CalibrationError, match="calibrate anew"):
        BoardScale.from_dict(board_scale().to_dict() | change)


def ruler(px_per_mark: float, marks: int, first: float = 20.0, width: int = 1600) -> NDArray[np.uint8]:
    """Dark marks 3 px wide on a shaded ground, drawn at sixteenth pixels."""
    fine = np.full(width * 16, 210.0)
    for number in range(marks):
        middle = round((first + number * px_per_mark) * 16)
        fine[middle - 24 : middle + 24] = 50
    row = fine.reshape(width, 16).mean(axis=1) * np.linspace(0.8, 1.0, width)
    noise = np.random.default_rng(1).normal(0, 3, (24, width))
    return np.clip(row + noise, 0, 255).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(px_per_mark=st.floats(8, 70), first=st.floats(5, 40))
def test_ruler_gives_the_scale_across(px_per_mark: float, first: float) -> None:
    marks = min(40, int((1600 - first - 8) / px_per_mark) + 1)
    scale = scale_from_ruler(ruler(px_per_mark, marks, first), 5.0)
    assert scale.marks == marks
    assert scale.across_mm_per_px == pytest.approx(5.0 / px_per_mark, rel=0.002)
    assert scale.residual_px < 0.3
    assert scale.residual_mm == pytest.approx(scale.residual_px * scale.across_mm_per_px)


def test_ruler_without_enough_marks_is_refused() -> None:
    with pytest.raises(TargetNotFoundError, match="Only 4 marks"):
        scale_from_ruler(ruler(100, 4), 5.0)
    for shape in ((24, 500), (24, 3)):
        with pytest.raises(TargetNotFoundError, match="Only 0 marks"):
            scale_from_ruler(np.full(shape, 180, np.uint8), 5.0)


def test_ruler_with_a_missing_mark_is_refused() -> None:
    picture = ruler(40, 20)
    picture[:, 20 + 9 * 40 - 4 : 20 + 9 * 40 + 5] = 190
    with pytest.raises(TargetNotFoundError, match="not evenly spaced"):
        scale_from_ruler(picture, 5.0)


@settings(max_examples=15, deadline=None)
@given(turn_deg=st.floats(-2.5, 2.5))
def test_a_ruler_may_lie_a_little_aslant(turn_deg: float) -> None:
    level = np.repeat(ruler(40, 38)[:1], 200, axis=0)
    turn = cv2.getRotationMatrix2D((800, 100), turn_deg, 1.0)
    aslant = np.asarray(cv2.warpAffine(level, turn, (1600, 200), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    assert scale_from_ruler(aslant[60:140, 60:-60], 5.0).across_mm_per_px == pytest.approx(5.0 / 40, rel=0.002)


@pytest.mark.parametrize(("light", "says"), [(0.1, "too dark"), (6.0, "over-exposed")])
def test_a_badly_lit_ruler_is_refused(light: float, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        scale_from_ruler(np.clip(ruler(40, 30) * light, 0, 255).astype(np.uint8), 5.0)


def test_a_blurred_ruler_is_refused() -> None:
    with pytest.raises(PictureError, match="blurred"):
        scale_from_ruler(np.asarray(cv2.GaussianBlur(ruler(70, 20), (0, 0), 5)), 5.0)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan")])
def test_impossible_spacing_is_refused(spacing: float) -> None:
    with pytest.raises(CalibrationError, match="cannot be used"):
        scale_from_ruler(ruler(40, 20), spacing)


@settings(deadline=None)
@given(
    per_metre=st.floats(100, 1e5),
    lengths=st.lists(st.floats(2000, 20_000), min_size=2, max_size=5),
    forward=st.booleans(),
)
def test_runs_of_the_encoder_give_its_scale(per_metre: float, lengths: list[float], forward: bool) -> None:
    runs = [((1 if forward else -1) * round(per_metre * length / 1000), length) for length in lengths]
    scale = encoder_scale(runs)
    assert scale.pulses_per_metre == pytest.approx(per_metre, rel=0.003)
    assert scale.residual_mm is not None
    assert scale.residual_mm <= 1000 / per_metre
    assert scale.runs == len(lengths)


def test_a_single_run_has_no_residual() -> None:
    assert encoder_scale([(4000, 2000.0)]) == EncoderScale(2000, None, 1)


def test_runs_that_disagree_are_refused() -> None:
    with pytest.raises(CalibrationError, match="does not slip"):
        encoder_scale([(4000, 2000.0), (4100, 2000.0)])
    with pytest.raises(CalibrationError, match="No run"):
        encoder_scale([])


def test_encoder_scale() -> None:
    assert pulses_per_metre(-25_000, 12_500) == 2000
    assert along_mm_per_line(2000, 1) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: pulses_per_metre(0, 1000),
        lambda: pulses_per_metre(10, 0),
        lambda: pulses_per_metre(10, float("inf")),
        lambda: along_mm_per_line(0, 1),
        lambda: along_mm_per_line(2000, -1),
    ],
)
def test_no_scale_comes_of_nothing(wrong: object) -> None:
    with pytest.raises(CalibrationError, match="give no "):
        wrong()  # type: ignore[operator]
