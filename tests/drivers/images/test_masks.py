"""Flawed is whatever is not black, in any depth or colour; what is doubtful is said or refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tifffile import imwrite

from drivers.images import Reading, read_mask
from tests.rigs.picture_files import encoded, refusal, write

SHAPE = np.zeros((60, 80), np.uint8)
SHAPE[20:30, 10:50] = 1
SHAPE[40:44, 60:70] = 2
FLAWED = SHAPE > 0


def palette(colours: list[int], data: np.ndarray = SHAPE, kind: str = "PNG") -> bytes:
    image = Image.fromarray(data).convert("P")
    image.putpalette(colours)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def coloured(one: tuple[int, ...], two: tuple[int, ...], ground: tuple[int, ...] = (0, 0, 0)) -> np.ndarray:
    return np.array([ground, one, two], np.uint8)[SHAPE]


WAYS: dict[str, bytes] = {
    "class numbers 1 and 2": encoded("PNG", SHAPE),
    "class numbers 3 and 17": encoded("PNG", np.array([0, 3, 17], np.uint8)[SHAPE]),
    "grey 100": encoded("PNG", FLAWED.astype(np.uint8) * 100),
    "white": encoded("PNG", FLAWED.astype(np.uint8) * 255),
    "one bit": encoded("PNG", FLAWED),
    "red and blue": encoded("PNG", coloured((255, 0, 0), (0, 0, 255))),
    "dark blue": encoded("BMP", coloured((0, 0, 40), (0, 0, 40))),
    "a palette of VOC's colours": palette([0, 0, 0, 128, 0, 0, 0, 128, 0]),
    "a palette of one colour": palette([0, 0, 0]),
    "a palette of black alone in TIFF": palette([0] * 768, kind="TIFF"),
    "a palette of black alone in BMP": palette([0] * 768, kind="BMP"),
    "a palette that begins with its flaws": palette(
        [9, 9, 9, 0, 0, 0, 200, 0, 0], np.array([1, 0, 2], np.uint8)[SHAPE]
    ),
    "a palette whose first number is not used": palette([1, 1, 1, 0, 0, 0, 200, 0, 0], FLAWED.astype(np.uint8) + 1),
    "16 bits of 0 and 1": encoded("PNG", FLAWED.astype(np.uint16)),
    "16 bits of 255": encoded("TIFF", FLAWED.astype(np.uint16) * 255),
    "16 bits of 65535": encoded("PNG", FLAWED.astype(np.uint16) * 65535),
    "colours with full alpha": encoded(
        "PNG", np.dstack([coloured((9, 0, 0), (0, 9, 0)), np.full(SHAPE.shape, 255, np.uint8)])
    ),
    "flaws on a transparent ground": encoded(
        "PNG", np.dstack([coloured((255, 0, 0), (255, 9, 0), (255, 255, 255)), FLAWED.astype(np.uint8) * 255])
    ),
    "transparency alone": encoded("PNG", np.dstack([np.zeros((60, 80, 3), np.uint8), FLAWED.astype(np.uint8) * 200])),
    "grey with transparency alone": encoded(
        "PNG", np.dstack([np.zeros((60, 80), np.uint8), FLAWED.astype(np.uint8) * 9])
    ),
}


@pytest.mark.field("f04")
def test_masks_of_any_depth_or_colour_show_the_same_flaws(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for way, data in WAYS.items():
        mask = read_mask(write(tmp_path / "m.bin", data))
        np.testing.assert_array_equal(mask.flawed, FLAWED, err_msg=way)
    assert read_mask(write(tmp_path / "m.png", WAYS["class numbers 1 and 2"])).reading is Reading.CLASSES
    assert read_mask(write(tmp_path / "m.png", WAYS["grey 100"])).reading is Reading.TWO_LEVELS
    record_property(
        "now", f"{len(WAYS)} of {len(WAYS)} kinds of masks (levels, colours, palette, alpha, 1, 8, 16 bits) read."
    )


def test_masks_whose_zero_is_white_are_turned_round(tmp_path: Path) -> None:
    imwrite(tmp_path / "a.tif", (255 * ~FLAWED).astype(np.uint8), photometric="miniswhite")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif").flawed, FLAWED)
    imwrite(tmp_path / "b.tif", ~FLAWED, photometric="miniswhite")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.tif").flawed, FLAWED)
    packed = np.packbits(~FLAWED, axis=1).tobytes()
    np.testing.assert_array_equal(read_mask(write(tmp_path / "c.pbm", b"P4 80 60\n" + packed)).flawed, FLAWED)


def test_an_empty_mask_shows_nothing(tmp_path: Path) -> None:
    nothing = np.zeros((60, 80), np.uint8)
    for number, pixels in enumerate([nothing, np.dstack([nothing] * 3), np.dstack([nothing] * 3 + [nothing + 255])]):
        assert not read_mask(write(tmp_path / f"{number}.png", encoded("PNG", pixels))).flawed.any()
    assert not read_mask(write(tmp_path / "a.jpg", encoded("JPEG", nothing))).flawed.any()


def test_soft_edges_and_the_noise_of_a_jpeg_are_cut_at_half_and_said(tmp_path: Path) -> None:
    white = FLAWED.astype(np.uint8) * 255
    soft = cv2.GaussianBlur(white, (0, 0), 2)
    mask = read_mask(write(tmp_path / "soft.png", encoded("PNG", soft)))
    assert mask.reading is Reading.SHADES
    np.testing.assert_array_equal(mask.flawed, soft > 127)
    noisy = read_mask(write(tmp_path / "noisy.jpg", encoded("JPEG", white, quality=60)))
    assert noisy.reading is Reading.SHADES
    np.testing.assert_array_equal(noisy.flawed, FLAWED)
    told = refusal(partial(read_mask, write(tmp_path / "low.jpg", encoded("JPEG", SHAPE * 6, quality=40))))
    assert "low.jpg is a mask with levels up to" in told
    assert "save it as PNG" in told


def test_many_numbers_of_flaws_are_all_flawed(tmp_path: Path) -> None:
    instances = np.zeros((60, 80), np.uint16)
    instances[FLAWED] = np.arange(FLAWED.sum()) % 100 + 1
    stripes = np.zeros((60, 80), np.uint8)
    stripes[20:30, :] = np.arange(80) // 2 + 1
    one_large = FLAWED.astype(np.uint8)
    one_large[22, 12:52] = np.arange(40) + 200
    for pixels in (instances, stripes, one_large):
        mask = read_mask(write(tmp_path / "m.png", encoded("PNG", pixels)))
        assert mask.reading is Reading.CLASSES
        np.testing.assert_array_equal(mask.flawed, pixels > 0)


@pytest.mark.field("f04")
@pytest.mark.parametrize("ground", [255, 100, 1])
def test_an_inverted_mask_is_refused(
    tmp_path: Path, ground: int, record_property: Callable[[str, object], None]
) -> None:
    inverted = np.where(FLAWED, 0, ground).astype(np.uint8)
    inverted[:, 30:34] = 0  # a flaw from edge to edge
    for number, data in enumerate([encoded("PNG", inverted), encoded("PNG", np.dstack([inverted] * 3))]):
        told = refusal(partial(read_mask, write(tmp_path / f"{number}.png", data)))
        assert "inverted mask: 8" in told
        assert "black background" in told
    large = np.full((60, 80), 255, np.uint8)
    large[:, :30] = 0
    large[:20] = 0
    assert read_mask(write(tmp_path / "large.png", encoded("PNG", large))).flawed.mean() > 0.4
    record_property("now", "An inverted mask (background 255, 100 or 1, flaws black) is refused and named as such.")


def test_masks_of_other_pixels_are_refused_by_name(tmp_path: Path) -> None:
    imwrite(tmp_path / "f.tif", FLAWED.astype(np.float32))
    assert "f.tif has float32" in refusal(partial(read_mask, tmp_path / "f.tif"))
    assert "m.png" in refusal(partial(read_mask, write(tmp_path / "m.png", b"no mask")))
