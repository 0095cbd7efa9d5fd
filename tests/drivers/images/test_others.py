"""BMP, Sun raster, WebP, AVIF, JPEG 2000."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image
from tests.rigs.picture_files import drawn_cloth, encoded, refusal, write


@pytest.mark.field("f21")
def test_a_cut_bmp_or_raster_is_found_at_the_header(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    colour = np.dstack([drawn_cloth(seed=seed) for seed in range(3)])
    assert cv2.imwrite(str(tmp_path / "a.ras"), drawn_cloth())
    wholes = [encoded("BMP", drawn_cloth()), encoded("BMP", colour), (tmp_path / "a.ras").read_bytes()]
    found = 0
    for whole in wholes:
        for share in (0.1, 0.5, 0.99):
            with pytest.raises(CameraError, match=r"cut\.bmp"):
                image_metadata(write(tmp_path / "cut.bmp", whole[: int(len(whole) * share)]))
            found += 1
    record_property(
        "now", f"A BMP or Sun raster cut off is refused by its header, before the roll: {found} of {found}."
    )


def test_bmps_with_palette_and_one_bit(tmp_path: Path) -> None:
    image = Image.fromarray(np.dstack([drawn_cloth(40, 50, seed) // 64 * 64 for seed in range(3)])).quantize(64)
    image.save(tmp_path / "p.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "p.bmp", 3), np.asarray(image.convert("RGB")))
    Image.fromarray(drawn_cloth() > 110).save(tmp_path / "b.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "b.bmp", 1), np.where(drawn_cloth() > 110, 255, 0))


def test_jpeg_2000_says_its_bits(tmp_path: Path) -> None:
    deep = drawn_cloth().astype(np.uint16) * 16
    data = imagecodecs.jpeg2k_encode(deep, bitspersample=12, level=0)
    path = write(tmp_path / "a.jp2", data)
    assert image_metadata(path).white == 4095
    np.testing.assert_array_equal(read_image(path, 1), np.rint(deep * (255 / 4095)))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_animations_are_refused_by_their_pages(tmp_path: Path, kind: str) -> None:
    pages = [Image.fromarray(np.dstack([drawn_cloth(seed=seed)] * 3)) for seed in range(3)]
    file = io.BytesIO()
    pages[0].save(file, kind, save_all=True, append_images=pages[1:])
    with pytest.raises(CameraError, match="3 pages"):
        image_metadata(write(tmp_path / "a.webp", file.getvalue()))


@pytest.mark.parametrize(("kind", "how"), [("WEBP", {"lossless": True}), ("JPEG2000", {})])
def test_a_lost_sector_is_found_where_packed_data_never_are_zeros(tmp_path: Path, kind: str, how: dict) -> None:
    black = np.zeros((400, 600), np.uint8)
    for pixels in (black, drawn_cloth(400, 600)):
        whole = encoded(kind, np.dstack([pixels] * 3), **how)
        assert read_image(write(tmp_path / "a.bin", whole), 1).shape == (400, 600)
    half = len(whole) // 2
    told = refusal(partial(read_image, write(tmp_path / "a.bin", whole[:half] + bytes(512) + whole[half + 512 :]), 1))
    assert "a.bin is damaged (zeros from byte" in told


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "JPEG2000"])
def test_what_is_cut_off_is_refused(tmp_path: Path, kind: str) -> None:
    whole = encoded(kind, np.dstack([drawn_cloth(seed=seed) for seed in range(3)]))
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(CameraError, match=r"a\.bin"):
            read_image(write(tmp_path / "a.bin", whole[: int(len(whole) * share)]), 3)
