"""Uncompressed pixels that end in zeros were never written; masks and black pictures may end so."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from tifffile import imwrite

from drivers.images import read_image, read_mask
from tests.rigs.picture_files import drawn_cloth, encoded, refusal, write

GREY = drawn_cloth(160, 240)


def stored(folder: Path, kind: str, pixels: np.ndarray) -> bytes:
    if kind == "bmp":
        return encoded("BMP", pixels)
    path = folder / f"whole.{kind}"
    if kind == "tif":
        imwrite(path, pixels, photometric="minisblack", rowsperstrip=16)
    else:
        assert cv2.imwrite(str(path), pixels)
    return path.read_bytes()


@pytest.mark.field("f21")
@pytest.mark.parametrize("kind", ["tif", "bmp", "pgm", "ras"])
def test_zeros_to_the_end_of_uncompressed_pixels_are_damage(tmp_path: Path, kind: str) -> None:
    whole = stored(tmp_path, kind, GREY)
    for share in (0.2, 0.5, 0.8):
        at = int(len(whole) * share)
        path = write(tmp_path / f"half.{kind}", whole[:at] + bytes(len(whole) - at))
        told = refusal(partial(read_image, path, 1))
        assert f"half.{kind} is damaged: its last" in told
        assert "bytes of pixels are zeros" in told


def test_16_bits_are_looked_at_too(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 16
    for kind in ("tif", "pgm"):
        whole = stored(tmp_path, kind, deep)
        path = write(tmp_path / f"half.{kind}", whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
        assert "bytes of pixels are zeros" in refusal(partial(read_image, path, 1))


@pytest.mark.parametrize("kind", ["tif", "bmp", "pgm", "ras"])
def test_masks_black_pictures_and_a_few_black_lines_are_whole(tmp_path: Path, kind: str) -> None:
    mask = np.zeros((160, 240), np.uint8)
    mask[10:40, 50:90] = 255
    soft = cv2.GaussianBlur(mask, (0, 0), 3)
    dark_end = GREY.copy()
    dark_end[-8:] = 0
    for pixels in (mask, mask[::-1], mask * 0, dark_end, GREY):
        np.testing.assert_array_equal(read_image(write(tmp_path / "a.x", stored(tmp_path, kind, pixels)), 1), pixels)
    assert read_mask(write(tmp_path / "soft.x", stored(tmp_path, kind, soft))).flawed.any()


def test_tiles_filled_up_with_zeros_are_whole(tmp_path: Path) -> None:
    imwrite(tmp_path / "a.tif", GREY, photometric="minisblack", tile=(256, 256))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 1), GREY)
