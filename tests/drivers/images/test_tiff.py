"""TIFF: packings, depths, colours and pages; white is zero alike in every depth; damage is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter, imwrite

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image
from tests.rigs.picture_files import drawn_cloth, refusal, write

MAX_SAMPLE_VALUE = 281


def saved(path: Path, pixels: np.ndarray, **how: Any) -> Path:
    how.setdefault("photometric", "rgb" if pixels.ndim == 3 else "minisblack")
    imwrite(path, pixels, **how)
    return path


@pytest.mark.field("f22")
def test_a_picture_whose_zero_is_white_is_the_same_in_every_depth(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    grey = drawn_cloth()
    negatives = {
        8: (255 - grey, {}),
        16: (65535 - grey.astype(np.uint16) * 257, {}),
        12: (4095 - grey.astype(np.uint16) * 16, {"extratags": [(MAX_SAMPLE_VALUE, "H", 1, 4095, True)]}),
    }
    for bits, (pixels, how) in negatives.items():
        path = saved(tmp_path / f"{bits}.tif", pixels, photometric="miniswhite", **how)
        assert np.abs(read_image(path, 1).astype(int) - grey).max() <= 1, bits
    bilevel = saved(tmp_path / "1.tif", grey < 110, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(bilevel, 1), np.where(grey < 110, 0, 255))
    record_property("now", "TIFFs whose 0 is white are read right in 1, 8, 12 in 16 and 16 bits, to one grey level.")


@pytest.mark.parametrize("how", [{}, {"compression": "lzw"}, {"compression": "zlib", "predictor": True}])
@pytest.mark.parametrize("shape", [{}, {"tile": (64, 64)}, {"rowsperstrip": 7}])
def test_packings_tiles_and_strips_are_read_bit_exact(tmp_path: Path, how: dict, shape: dict) -> None:
    grey, colour = drawn_cloth(), np.dstack([drawn_cloth(seed=seed) for seed in range(3)])
    np.testing.assert_array_equal(read_image(saved(tmp_path / "g.tif", grey, **how, **shape), 1), grey)
    np.testing.assert_array_equal(read_image(saved(tmp_path / "c.tif", colour, **how, **shape), 3), colour)
    planes = saved(tmp_path / "p.tif", np.moveaxis(colour, -1, 0), planarconfig="separate", **how, **shape)
    np.testing.assert_array_equal(read_image(planes, 3), colour)
    deep = saved(tmp_path / "d.tif", colour.astype(np.uint16) * 257, byteorder=">", **how, **shape)
    np.testing.assert_array_equal(read_image(deep, 3, 65535), colour)


def test_palettes_alpha_and_inks(tmp_path: Path) -> None:
    grey = drawn_cloth()
    table = np.stack([np.arange(256), np.arange(255, -1, -1), np.full(256, 7)]).astype(np.uint16) * 257
    path = saved(tmp_path / "p.tif", grey, photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_image(path, 3), (table.T // 257).astype(np.uint8)[grey])
    four = np.dstack([drawn_cloth(seed=seed) for seed in range(4)])
    alpha = saved(tmp_path / "a.tif", four, extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(alpha, 3), four[..., :3])
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[..., 0] = 255
    np.testing.assert_array_equal(
        read_image(saved(tmp_path / "i.tif", inks, photometric="separated"), 3)[0, 0], [0, 255, 255]
    )


def test_a_header_that_lies_about_its_size_or_its_samples_is_refused(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(drawn_cloth(), photometric="minisblack", rowsperstrip=16)
    for tag, value, told in (
        (257, 1_000_000, "no data for some"),
        (277, 60_000, "too large"),
        (256, 0, "is empty: 0 x 160 px"),
    ):
        data = bytearray((tmp_path / "a.tif").read_bytes())
        with TiffFile(tmp_path / "a.tif") as tiff:
            place = tiff.pages.first.tags[tag].valueoffset
        size = 2 if tag == 277 else 4
        data[place : place + size] = value.to_bytes(size, "little")
        assert told in refusal(partial(image_metadata, write(tmp_path / "lying.tif", bytes(data)))), tag


@pytest.mark.parametrize(("pixels", "told"), [(np.float32, "float32"), (np.int16, "signed 16"), (np.uint32, "32-bit")])
def test_pixels_that_are_not_read_are_refused_at_the_header(tmp_path: Path, pixels: type, told: str) -> None:
    path = saved(tmp_path / "a.tif", drawn_cloth().astype(pixels))
    with pytest.raises(CameraError, match=rf"a\.tif has {told}.*save it with 8 or 16 bits"):
        image_metadata(path)


def test_pages_are_refused_but_a_smaller_copy_is_no_page(tmp_path: Path) -> None:
    grey = drawn_cloth()
    with TiffWriter(tmp_path / "pyramid.tif") as tiff:
        tiff.write(grey, photometric="minisblack")
        tiff.write(grey[::2, ::2].copy(), photometric="minisblack", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "pyramid.tif", 1), grey)
    saved(tmp_path / "stack.tif", np.stack([grey] * 3), photometric="minisblack", metadata=None)
    with pytest.raises(CameraError, match="3 pages; save each page"):
        image_metadata(tmp_path / "stack.tif")


@pytest.mark.field("f08")
def test_damage_in_packed_tiffs_is_refused_by_name(
    tmp_path: Path, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    rng, found, tries = np.random.default_rng(5), 0, 0
    for compression in ("lzw", "zlib", "packbits", "jpeg"):
        whole = saved(tmp_path / "whole.tif", drawn_cloth(400, 600), compression=compression).read_bytes()
        for at in rng.integers(1500, len(whole) - 700, 40):
            data = bytearray(whole)
            data[at : at + 512] = bytes(512) if at % 2 else rng.bytes(512)
            path = write(tmp_path / "spoilt.tif", bytes(data))
            tries += 1
            found += "spoilt.tif" in refusal(partial(read_image, path, 1))
    assert found >= 0.98 * tries  # PackBits and LZW have no checksum: what unpacks to the right size passes
    assert capfd.readouterr().err == ""
    record_property("now", f"LZW, ZIP, PackBits and JPEG TIFFs with 512 bytes broken are refused, {found} of {tries}.")


@pytest.mark.field("f21")
def test_a_cut_tiff_is_found_at_the_header(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    found = 0
    for how in ({}, {"compression": "lzw"}, {"tile": (64, 64)}, {"compression": "zlib"}, {"rowsperstrip": 8}):
        whole = saved(tmp_path / "whole.tif", drawn_cloth(), **how).read_bytes()
        for share in (0.1, 0.5, 0.9):
            path = write(tmp_path / "cut.tif", whole[: int(len(whole) * share)])
            with pytest.raises(CameraError, match=r"cut\.tif"):
                image_metadata(path)
            found += 1
    record_property("now", f"A TIFF cut off anywhere is refused by its header, before the roll: {found} of {found}.")
