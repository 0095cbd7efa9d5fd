"""One white level for a folder, found from what headers say and from its brightest picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from tifffile import imwrite

from drivers.images import depth_in_words, image_metadata, white_of
from tests.rigs.picture_files import drawn_cloth, encoded, with_chunk, write


def level(paths: Sequence[Path]) -> int:
    return white_of([(path, image_metadata(path)) for path in paths])


def deep_png(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels.astype(np.uint16))
    return path


@pytest.mark.field("f03")
def test_the_white_level_is_one_for_the_folder_and_no_pictures_own(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    cloth = drawn_cloth().astype(np.uint16)
    for bits in (8, 10, 12, 14, 16):
        paths = [deep_png(tmp_path / f"{bits}_{n}.png", (cloth << (bits - 8)) // (n + 1)) for n in range(5)]
        assert level(paths) == (1 << bits) - 1
    assert depth_in_words(4095) == "12 bits (white at 4095)"
    record_property("now", "8, 10, 12, 14 and 16 bits in 16-bit files are told apart, one white level for each folder.")


def test_8_bit_folders_are_8_bit(tmp_path: Path) -> None:
    assert level([write(tmp_path / "a.png", encoded("PNG", drawn_cloth()))]) == 255


def test_headers_that_say_the_bits_are_believed_as_far_as_pixels_agree(tmp_path: Path) -> None:
    dim, bright = drawn_cloth().astype(np.uint16) * 4, drawn_cloth().astype(np.uint16) * 250
    said = [
        write(tmp_path / f"{n}.png", with_chunk(encoded("PNG", px), b"sBIT", b"\x0c"))
        for n, px in enumerate((dim, bright))
    ]
    assert level(said[:1]) == 4095
    assert level(said) == 65535, "12 significant bits that fill all 16"
    imwrite(tmp_path / "a.tif", dim // 8, photometric="minisblack", extratags=[(281, "H", 1, 4095, True)])
    assert level([tmp_path / "a.tif"]) == 4095
    pgm = write(tmp_path / "a.pgm", b"P5 240 160 1000 " + dim.astype(">u2").tobytes())
    assert level([pgm]) == 1000


def test_a_large_folder_is_looked_at_in_part_and_a_damaged_picture_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [deep_png(tmp_path / f"{n}.png", np.full((4, 4), 900 + n)) for n in range(60)]
    seen: list[Path] = []
    from drivers.images import depth

    def read(path: Path) -> object:
        seen.append(path)
        return real(path)

    real = depth.read_raster
    monkeypatch.setattr(depth, "read_raster", read)
    monkeypatch.setattr(depth, "MOST_PICTURES", 10)
    assert level(paths) == 1023
    assert len(seen) == 10
    assert {paths[0], paths[-1]} <= set(seen)
    monkeypatch.setattr(depth, "MOST_SAMPLES", 16 * 3)
    seen.clear()
    level(paths)
    assert len(seen) == 4
    files = [(path, image_metadata(path)) for path in paths[:3]]
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    assert white_of(files) == 1023
