"""Stitching finds a planted shift, and refuses cloth that repeats."""

from __future__ import annotations

import json
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.stitching import Stitch, stitch
from drivers.simulated.cloth import Cloth

WIDTH, LINES, MARGIN = 500, 256, 64
Floats = NDArray[np.float32]


@cache
def woven(style: str, seed: int = 0) -> Floats:
    return Cloth(style, width_px=2 * WIDTH, mm_per_px=0.5, seed=seed).render(0, LINES + 2 * MARGIN).astype(np.float32)


def seen(cloth: Floats, column: float, line: float, seed: int, turn_deg: float = 0.0) -> NDArray[np.uint8]:
    """What a camera sees whose first pixel looks at that place of the cloth; noise and shading are its own."""
    turn = np.radians(turn_deg)
    place = np.array([[np.cos(turn), -np.sin(turn), column], [np.sin(turn), np.cos(turn), MARGIN + line]])
    picture = cv2.warpAffine(cloth, place, (WIDTH, LINES), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    shaded = picture * np.linspace(0.8, 1.1, WIDTH) if seed % 2 else picture
    return np.clip(np.rint(shaded + np.random.default_rng(seed).normal(0, 2, picture.shape)), 0, 255).astype(np.uint8)


@settings(max_examples=8, deadline=None)
@given(
    style=st.sampled_from(["demo", "plain", "twill", "stripe"]),
    overlap=st.floats(45, 240),
    offset=st.floats(-60, 60),
    seed=st.integers(0, 9),
)
def test_a_planted_shift_is_found_on_cloth(style: str, overlap: float, offset: float, seed: int) -> None:
    left, right = seen(woven(style), 0, 0, seed), seen(woven(style), WIDTH - overlap, offset, seed + 11)
    found = stitch(left, right)
    assert found.overlap_px == pytest.approx(overlap, abs=0.1)
    assert found.offset_lines == pytest.approx(offset, abs=0.1)
    assert found.residual_px < 0.2
    assert 0.4 <= found.confidence <= 1


def test_swapping_top_and_bottom_turns_the_offset_round() -> None:
    left, right = seen(woven("demo"), 0, 0, 1), seen(woven("demo"), WIDTH - 150, 17, 2)
    upright, upside_down = stitch(left, right), stitch(left[::-1], right[::-1])
    assert upside_down.offset_lines == pytest.approx(-upright.offset_lines, abs=0.05)
    assert upside_down.overlap_px == pytest.approx(upright.overlap_px, abs=0.05)


def test_a_printed_page_will_do_and_so_will_colour() -> None:
    page = np.full((LINES + 2 * MARGIN, 2 * WIDTH), 230, np.uint8)
    for row in range(14):
        cv2.putText(
            page, f"roll {row * 977}", (390 + row % 3 * 30, 40 + 25 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 30, 2
        )
    left, right = seen(page.astype(np.float32), 0, 0, 1), seen(page.astype(np.float32), 380, 5, 2)
    found = stitch(np.repeat(left[:, :, None], 3, axis=2), np.repeat(right[:, :, None], 3, axis=2))
    assert (found.overlap_px, found.offset_lines) == pytest.approx((120, 5), abs=0.1)


def test_a_turned_camera_shows_in_the_residual() -> None:
    left = seen(woven("demo"), 0, 0, 1)
    straight = stitch(left, seen(woven("demo"), 350, 0, 2))
    turned = stitch(left, seen(woven("demo"), 350, 0, 2, turn_deg=0.4))
    assert straight.residual_px < 0.05
    assert turned.residual_px == pytest.approx(0.5, rel=0.15)  # four bands, 32 and 96 lines off the middle


def repeating(kind: str) -> Floats:
    y, x = np.indices((LINES + 2 * MARGIN, 2 * WIDTH))
    if kind == "chessboard":
        return cv2.GaussianBlur(40 + 180 * ((x // 40 + y // 40) % 2).astype(np.float32), (0, 0), 1)
    return (120 + 25 * np.sin(x * 2 * np.pi / 4.3) * np.sin(y * 2 * np.pi / 4.1)).astype(np.float32)


@pytest.mark.parametrize("kind", ["chessboard", "perfect weave"])
def test_what_repeats_is_refused(kind: str) -> None:
    cloth = repeating(kind)
    with pytest.raises(TargetNotFoundError, match="repeats, as weaves and chessboards do"):
        stitch(seen(cloth, 0, 0, 1), seen(cloth, 380, 0, 2))


def test_cloth_that_is_not_shared_is_refused() -> None:
    with pytest.raises(TargetNotFoundError, match="not show the same cloth"):
        stitch(seen(woven("demo"), 0, 0, 1), seen(woven("demo", seed=5), 350, 0, 2))
    with pytest.raises(TargetNotFoundError, match="not show the same cloth"):  # neighbours named the wrong way round
        stitch(seen(woven("demo"), 350, 0, 1), seen(woven("demo"), 0, 0, 2))


@pytest.mark.parametrize("style", ["demo", "stripe", "denim", "satin"])
@pytest.mark.parametrize("most", [64, 128, None])
def test_another_piece_of_the_same_style_is_never_taken_for_the_same(style: str, most: int | None) -> None:
    with pytest.raises(TargetNotFoundError):
        stitch(seen(woven(style), 0, 0, 1), seen(woven(style, seed=7), 350, 0, 2), most_overlap_px=most)


@pytest.mark.parametrize("level", [0, 120, 255])
def test_blank_pictures_are_refused(level: int) -> None:
    blank = np.full((LINES, WIDTH), level, np.uint8)
    with pytest.raises(TargetNotFoundError):
        stitch(blank, blank)


def test_unusable_pictures_and_limits_are_refused() -> None:
    left, right = seen(woven("demo"), 0, 0, 1), seen(woven("demo"), 350, 0, 2)
    with pytest.raises(PictureError, match="equal lines"):
        stitch(left, right[:-1])
    with pytest.raises(PictureError, match="64 or more"):
        stitch(left[:40], right[:40])
    with pytest.raises(PictureError, match="uint8"):
        stitch(left.astype(np.uint16), right)
    for limits in ({"most_overlap_px": 10}, {"most_overlap_px": WIDTH + 1}, {"most_offset_lines": -1}):
        with pytest.raises(CalibrationError, match="cannot be searched"):
            stitch(left, right, **limits)


@given(
    overlap=st.floats(1e-3, 1e4), offset=st.floats(-1e4, 1e4), residual=st.floats(0, 100), confidence=st.floats(0, 1)
)
def test_the_record_gives_back_the_same_stitch(
    overlap: float, offset: float, residual: float, confidence: float
) -> None:
    made = Stitch(overlap, offset, residual, confidence)
    result = json.loads(json.dumps(made.to_dict()))
    assert Stitch.from_dict(result | {"camera": "left"}) == made


@pytest.mark.parametrize(
    "change", [{"overlap_px": -1}, {"offset_lines": float("nan")}, {"residual_px": "1"}, {"confidence": None}]
)
def test_a_damaged_record_is_refused(change: dict[str, object]) -> None:
    result: dict[str, object] = dict(Stitch(10, 0, 0.1, 0.9).to_dict())
    with pytest.raises(CalibrationError, match=f"{next(iter(change))}.*calibrate anew"):
        Stitch.from_dict(result | change)
    with pytest.raises(CalibrationError, match="calibrate anew"):
        Stitch.from_dict({})
    with pytest.raises(CalibrationError, match="calibrate anew"):
        Stitch.from_dict(None)
