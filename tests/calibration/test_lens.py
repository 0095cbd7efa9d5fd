"""Lens: a known distortion is found and taken out."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.chessboard import board_mm, find_corners
from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.lens import Lens, lens_from_chessboards
from tests.rigs.drawn_board import INNER, SQUARE_MM, photograph, pose

SIZE = (640, 480)
MATRIX = np.array([[700.0, 0, 325], [0, 700, 236], [0, 0, 1]])
BARREL = np.array([-0.25, 0.08, 0.001, -0.0005])
VIEWS = (  # tilt about all axes in degrees, place in mm: in all parts of the frame
    ((25, 0, 0), (-50, -30)),
    ((-25, 5, 0), (50, -30)),
    ((0, 25, 10), (-50, 30)),
    ((5, -25, -5), (50, 30)),
    ((-20, -20, 3), (0, -35)),
    ((20, -20, 3), (0, 35)),
)


def view(number: int, tilted: float = 1.0) -> NDArray[np.uint8]:
    tilt, place = VIEWS[number]
    turned = (tilted * tilt[0], tilted * tilt[1], tilt[2])
    return photograph(pose(turned, place, 260), MATRIX, SIZE, distortion=BARREL, seed=number)


@pytest.fixture(scope="module")
def views() -> list[NDArray[np.uint8]]:
    return [view(number) for number in range(len(VIEWS))]


@pytest.fixture(scope="module")
def lens(views: list[NDArray[np.uint8]]) -> Lens:
    return lens_from_chessboards(views, INNER, SQUARE_MM)


def bend_px(picture: NDArray[np.uint8]) -> float:
    """Root mean square distance of a board's corners from where a pinhole camera would see them."""
    corners = find_corners(picture, INNER)
    board = board_mm(INNER, SQUARE_MM)
    straight, _ = cv2.findHomography(board, corners)
    off = cv2.perspectiveTransform(board.reshape(-1, 1, 2), straight).reshape(-1, 2) - corners
    return float(np.sqrt((off**2).sum(axis=1).mean()))


def test_a_known_lens_is_found(lens: Lens) -> None:
    assert lens.residual_px < 0.3
    assert (lens.width_px, lens.height_px, lens.views) == (*SIZE, len(VIEWS))
    assert lens.focal_px == pytest.approx((700, 700), rel=0.03)
    grid = np.stack(np.meshgrid(np.linspace(40, 600, 9), np.linspace(40, 440, 7)), axis=-1).reshape(-1, 1, 2)
    true = cv2.undistortPoints(grid, MATRIX, BARREL)
    found = cv2.undistortPoints(grid, lens.matrix, np.array(lens.distortion))
    straight, _ = cv2.findHomography(found, true)  # how the camera is held does not count
    assert 700 * np.abs(cv2.perspectiveTransform(found, straight) - true).max() < 1


def test_straightening_makes_a_bent_board_straight(lens: Lens) -> None:
    bent = photograph(pose((3, -4, 2), (45, 28), 260), MATRIX, SIZE, distortion=BARREL, seed=99)
    assert bend_px(bent) > 3 * bend_px(lens.undistort(bent))
    assert bend_px(lens.undistort(bent)) < 0.3


def test_straightening_is_what_opencv_does_slowly_and_colour_will_do(lens: Lens) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), dtype=np.uint8)
    before = picture.copy()
    straight = lens.undistort(picture)
    slow = cv2.undistort(picture, lens.matrix, np.array(lens.distortion))
    inside = slice(60, -60), slice(60, -60)
    assert np.abs(straight[inside].astype(int) - slow[inside]).max() <= 2
    assert np.array_equal(lens.undistort(np.ascontiguousarray(picture[..., 1])), straight[..., 1])
    assert np.array_equal(picture, before)


def test_another_picture_is_refused(lens: Lens) -> None:
    for picture in (np.zeros((480, 641), np.uint8), np.zeros((480, 640), np.uint16)):
        with pytest.raises(PictureError, match="calibrate the lens for this camera"):
            lens.undistort(picture)


def test_too_few_views_are_refused(views: list[NDArray[np.uint8]]) -> None:
    with pytest.raises(PictureError, match="5 pictures are too few for a lens; take 6 or more"):
        lens_from_chessboards(views[:5], INNER, SQUARE_MM)
    with pytest.raises(PictureError, match="No picture"):
        lens_from_chessboards([], INNER, SQUARE_MM)


def test_views_that_leave_out_parts_of_the_frame_are_refused(views: list[NDArray[np.uint8]]) -> None:
    with pytest.raises(PictureError, match=r"at the .*bottom right of the frame; take more pictures"):
        lens_from_chessboards([views[0]] * 6, INNER, SQUARE_MM)


def test_views_of_one_tilt_are_refused() -> None:
    with pytest.raises(PictureError, match="much the same tilt"):
        lens_from_chessboards([view(number, tilted=0.1) for number in range(len(VIEWS))], INNER, SQUARE_MM)


def test_corners_that_fit_no_lens_are_refused(views: list[NDArray[np.uint8]]) -> None:
    y, x = np.indices((SIZE[1], SIZE[0]), dtype=np.float32)
    curled = [cv2.remap(view, x + 6 * np.sin(y / 40 + n), y, cv2.INTER_LINEAR) for n, view in enumerate(views)]
    with pytest.raises(CalibrationError, match="px from where any lens would put them; use a flat, stiff board"):
        lens_from_chessboards([np.asarray(view) for view in curled], INNER, SQUARE_MM)


def test_a_bad_picture_is_numbered(views: list[NDArray[np.uint8]]) -> None:
    blurred = np.asarray(cv2.GaussianBlur(views[2], (0, 0), 5))
    with pytest.raises(PictureError, match=r"^Picture 3: .*blurred"):
        lens_from_chessboards([*views[:2], blurred, *views[3:]], INNER, SQUARE_MM)
    with pytest.raises(TargetNotFoundError, match=r"^Picture 1: No chessboard"):
        lens_from_chessboards([np.full_like(views[0], 200), *views[1:]], INNER, SQUARE_MM)
    with pytest.raises(PictureError, match="Picture 6 is 600 x 480 px"):
        lens_from_chessboards([*views[:5], views[5][:, :600]], INNER, SQUARE_MM)


numbers = st.floats(-1e3, 1e3)
positive = st.floats(1e-3, 1e5)


@given(
    focal=st.tuples(positive, positive),
    centre=st.tuples(numbers, numbers),
    terms=st.tuples(*[numbers] * 4),
    rms=positive,
)
def test_the_record_gives_back_the_same_lens(
    focal: tuple[float, float], centre: tuple[float, float], terms: tuple[float, float, float, float], rms: float
) -> None:
    made = Lens(640, 480, focal, centre, terms, rms, 9)
    assert Lens.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    "change", [{"distortion": [0, 0, 0]}, {"focal_px": [0, 700]}, {"width_px": 640.5}, {"centre_px": "xy"}]
)
def test_a_damaged_record_is_refused(lens: Lens, change: dict[str, object]) -> None:
    with pytest.raises(CalibrationError, match="calibrate anew"):
        Lens.from_dict(lens.to_dict() | change)
