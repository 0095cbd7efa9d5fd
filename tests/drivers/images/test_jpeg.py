"""JPEG: damage that libjpeg only warns of refuses the picture; of several pictures in a file the first is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image
from tests.rigs.picture_files import drawn_cloth, encoded, refusal, write

TRIES = 60


def zeroed(data: bytearray, at: int, rng: np.random.Generator) -> bytearray:
    data[at : at + 512] = bytes(512)
    return data


def scrambled(data: bytearray, at: int, rng: np.random.Generator) -> bytearray:
    data[at : at + 512] = rng.bytes(512)
    return data


def cut_with_end_marker(data: bytearray, at: int, rng: np.random.Generator) -> bytearray:
    return data[:at] + b"\xff\xd9"


def cut(data: bytearray, at: int, rng: np.random.Generator) -> bytearray:
    return data[:at]


def flipped(data: bytearray, at: int, rng: np.random.Generator) -> bytearray:
    data[at] ^= int(rng.integers(1, 256))
    return data


def found_of(tmp_path: Path, whole: bytes, spoil: Callable[..., bytearray], tries: int = TRIES) -> int:
    """How often damage at a random place behind the header is refused, by the file's name."""
    rng, found = np.random.default_rng(7), 0
    for at in rng.integers(1000, len(whole) - 600, tries):
        path = write(tmp_path / "spoilt.jpg", bytes(spoil(bytearray(whole), int(at), rng)))
        found += "spoilt.jpg" in refusal(partial(read_image, path, 1))
    return found


@pytest.mark.field("f08")
def test_broken_and_cut_jpegs_are_refused_by_name(
    tmp_path: Path, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    grey = drawn_cloth(400, 600)
    colour = np.dstack([drawn_cloth(400, 600, seed) for seed in range(3)])
    files = [encoded("JPEG", grey, quality=95), encoded("JPEG", colour, quality=90)]
    for whole in files:
        for spoil in (zeroed, scrambled, cut_with_end_marker, cut):
            assert found_of(tmp_path, whole, spoil) == TRIES, spoil.__name__
    bytes_found = sum(found_of(tmp_path, whole, flipped) for whole in files)
    assert bytes_found >= 0.3 * 2 * TRIES  # what decodes to other valid codes nobody can find
    progressive = encoded("JPEG", colour, quality=90, progressive=True)
    assert found_of(tmp_path, progressive, cut_with_end_marker) == TRIES
    assert found_of(tmp_path, progressive, scrambled) == TRIES
    zeros_found = found_of(tmp_path, progressive, zeroed)
    assert capfd.readouterr().err == ""
    record_property(
        "now",
        f"JPEGs cut, cut with an end marker, or with 512 bytes zeroed or scrambled are refused by name, {8 * TRIES} of "
        f"{8 * TRIES}; progressive ones with 512 bytes zeroed {zeros_found} of {TRIES}, any with one byte flipped "
        f"{bytes_found} of {2 * TRIES}: the rest decode to other valid codes.",
    )


@pytest.mark.field("f11")
def test_of_a_phones_picture_with_a_thumbnail_behind_the_first_is_read(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    photo = Image.fromarray(np.dstack([drawn_cloth(200, 300, seed) for seed in range(3)]))
    path = tmp_path / "IMG_0001.JPG"
    photo.save(path, format="MPO", save_all=True, append_images=[photo.resize((75, 50)), photo], quality=95)
    header = image_metadata(path)
    assert (header.lines, header.width_px, header.channels) == (200, 300, 3)
    assert np.abs(read_image(path, 3).astype(int) - np.asarray(photo)).mean() < 6
    record_property("now", "A JPEG with two pictures behind the first (MPO) is read: 300 x 200 px, the first.")


def test_padding_before_the_end_marker_is_no_damage(tmp_path: Path) -> None:
    whole = encoded("JPEG", drawn_cloth(), quality=90)
    for padding in (bytes(1), bytes(20), b"\xff" * 3):
        path = write(tmp_path / "a.jpg", whole[:-2] + padding + whole[-2:])
        np.testing.assert_array_equal(
            read_image(path, 1), cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_GRAYSCALE)
        )


def test_printing_colours_and_progressive_jpegs_are_read(tmp_path: Path) -> None:
    colour = np.dstack([cv2.GaussianBlur(drawn_cloth(seed=seed), (0, 0), 3) for seed in range(3)])
    progressive = write(tmp_path / "p.jpg", encoded("JPEG", colour, quality=95, progressive=True))
    assert np.abs(read_image(progressive, 3).astype(int) - colour).max() < 20
    inks = tmp_path / "cmyk.jpg"
    Image.fromarray(colour).convert("CMYK").save(inks, quality=95)
    assert image_metadata(inks).channels == 3
    assert np.abs(read_image(inks, 3).astype(int) - colour).max() < 20


def test_a_jpeg_of_12_bits_says_what_to_save_instead(tmp_path: Path) -> None:
    import imagecodecs

    deep = imagecodecs.jpeg_encode(drawn_cloth().astype(np.uint16) << 4, bitspersample=12)
    with pytest.raises(CameraError, match="12 bits in a JPEG; save it with 8 or 16"):
        image_metadata(write(tmp_path / "a.jpg", deep))
