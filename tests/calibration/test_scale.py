"""Scale from drawn targets whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.scale import (
    along_mm_per_line,
    pulses_per_metre,
    pulses_per_square_line,
    scale_from_chessboard,
    scale_from_ruler,
)

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
    with pytest.raises(TargetNotFoundError, match="Only 0 marks"):
        scale_from_ruler(np.full((24, 500), 180, np.uint8), 5.0)


def test_ruler_with_a_missing_mark_is_refused() -> None:
    picture = ruler(40, 20)
    picture[:, 20 + 9 * 40 - 4 : 20 + 9 * 40 + 5] = 190
    with pytest.raises(TargetNotFoundError, match="not evenly spaced"):
        scale_from_ruler(picture, 5.0)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan")])
def test_impossible_spacing_is_refused(spacing: float) -> None:
    with pytest.raises(CalibrationError, match="cannot be used"):
        scale_from_ruler(ruler(40, 20), spacing)


@given(per_metre=st.floats(100, 1e6), mm_per_px=st.floats(0.02, 2))
def test_square_pixels_come_of_the_divider_that_is_told(per_metre: float, mm_per_px: float) -> None:
    divider = pulses_per_square_line(per_metre, mm_per_px)
    assert along_mm_per_line(per_metre, divider) == pytest.approx(mm_per_px)


def test_encoder_scale() -> None:
    assert pulses_per_metre(-25_000, 12_500) == 2000
    assert along_mm_per_line(2000, 1) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: pulses_per_metre(0, 1000),
        lambda: pulses_per_metre(10, 0),
        lambda: along_mm_per_line(0, 1),
        lambda: along_mm_per_line(2000, -1),
        lambda: pulses_per_square_line(2000, 0),
    ],
)
def test_no_scale_comes_of_nothing(wrong: object) -> None:
    with pytest.raises(CalibrationError, match="give no "):
        wrong()  # type: ignore[operator]
