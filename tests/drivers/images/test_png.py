"""PNG: depth, palettes, alpha; each wrong checksum refuses the picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image, read_raster
from tests.rigs.picture_files import drawn_cloth, encoded, png_chunk, refusal, with_chunk, write


def test_significant_bits_say_that_white_is_theirs_or_that_all_bits_are_filled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", with_chunk(encoded("PNG", drawn_cloth().astype(np.uint16)), b"sBIT", b"\x0c"))
    assert image_metadata(path).whites == (4095, 65535)
    plain = write(tmp_path / "b.png", encoded("PNG", drawn_cloth().astype(np.uint16)))
    assert image_metadata(plain).whites == (255, 1023, 4095, 16383, 65535)
    assert image_metadata(write(tmp_path / "c.png", encoded("PNG", drawn_cloth()))).white == 255


def test_palettes_give_their_colours_and_alpha_is_dropped(tmp_path: Path) -> None:
    colour = np.dstack([drawn_cloth(30, 40, seed) // 64 * 64 for seed in range(3)])
    file = io.BytesIO()
    image = Image.fromarray(colour).quantize(64)
    image.save(file, "PNG")
    path = write(tmp_path / "p.png", file.getvalue())
    np.testing.assert_array_equal(read_image(path, 3), np.asarray(image.convert("RGB")))
    assert image_metadata(path).channels == 3
    grey = np.dstack([drawn_cloth(30, 40), drawn_cloth(30, 40, 1)])
    path = write(tmp_path / "la.png", encoded("PNG", grey))
    np.testing.assert_array_equal(read_image(path, 1), grey[..., 0])
    assert image_metadata(path).channels == 1


def test_an_animated_png_is_refused_by_its_pages(tmp_path: Path) -> None:
    pages = [Image.fromarray(drawn_cloth(20, 20, seed)) for seed in range(3)]
    file = io.BytesIO()
    pages[0].save(file, "PNG", save_all=True, append_images=pages[1:])
    with pytest.raises(CameraError, match="3 pages"):
        image_metadata(write(tmp_path / "a.png", file.getvalue()))


@pytest.mark.field("f21")
def test_damage_anywhere_in_a_png_is_found(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    whole = encoded("PNG", drawn_cloth(200, 300))
    rng, found = np.random.default_rng(3), 0
    for at in rng.integers(8, len(whole), 200):
        data = bytearray(whole)
        data[at] ^= int(rng.integers(1, 256))
        found += "a.png" in refusal(partial(read_image, write(tmp_path / "a.png", bytes(data)), 1))
    assert found == 200
    record_property("now", f"A PNG with one byte broken at a random place is refused by name in {found} of 200 tries.")


def test_a_wrong_checksum_of_the_header_is_found_without_decoding(tmp_path: Path) -> None:
    data = bytearray(encoded("PNG", drawn_cloth()))
    data[19] ^= 1
    with pytest.raises(CameraError, match="checksum of its IHDR"):
        image_metadata(write(tmp_path / "a.png", bytes(data)))


@pytest.mark.parametrize("trailer", [b"", b"written by some camera"])
def test_exif_behind_the_pixels_turns_the_picture_too(tmp_path: Path, trailer: bytes) -> None:
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 256, (700, 900), np.uint8)  # too much for the last bytes of the file alone
    turned, plain = encoded("PNG", noise, 6), encoded("PNG", noise)
    at = turned.index(b"eXIf") - 4
    chunk = turned[at : at + 12 + int.from_bytes(turned[at : at + 4], "big")]
    path = write(tmp_path / "a.png", plain[:-12] + chunk + plain[-12:] + trailer)
    header = image_metadata(path)
    assert (header.lines, header.width_px, header.orientation) == (900, 700, 6)
    np.testing.assert_array_equal(read_image(path, 1), np.rot90(noise, -1))
    false = png_chunk(b"teXt", b"1234eXIf" + bytes(8))
    assert image_metadata(write(tmp_path / "b.png", plain[:-12] + false + plain[-12:] + trailer)).orientation == 1


def test_16_bit_colour_with_alpha_is_read_whole(tmp_path: Path) -> None:
    import cv2

    pixels = np.random.default_rng(1).integers(0, 65536, (20, 30, 4), np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), pixels)
    raster, _ = read_raster(tmp_path / "a.png")
    np.testing.assert_array_equal(raster.samples, pixels[..., 2::-1])
    assert raster.alpha is not None
    np.testing.assert_array_equal(raster.alpha, pixels[..., 3])
