"""Every format gives the pixels that viewers show, and what is no picture is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import CameraError
from drivers.images import IMAGE_SUFFIXES, image_metadata, read_image, read_mask
from tests.rigs.picture_files import drawn_cloth, encoded, refusal, write

KINDS = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "webp": "WEBP"}
LOSSLESS = {"webp": {"lossless": True, "exact": True}}


def saved(folder: Path, suffix: str, pixels: np.ndarray, orientation: int = 1) -> Path:
    data = encoded(KINDS[suffix], pixels, orientation, **LOSSLESS.get(suffix, {}))
    return write(folder / f"turned.{suffix}", data)


@pytest.mark.field("f06")
@pytest.mark.parametrize("suffix", KINDS)
def test_pictures_and_masks_of_all_formats_are_turned_as_viewers_turn_them(
    tmp_path: Path, suffix: str, record_property: Callable[[str, object], None]
) -> None:
    """What lies upper left when shown, and where the flaw lies, is the same whatever the orientation stored."""
    shown, flaw = drawn_cloth(60, 90), np.zeros((60, 90), np.uint8)
    shown[:16, :32] = 250
    flaw[40:56, 8:24] = 255
    stored: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    for orientation, turn in stored.items():
        picture = saved(tmp_path, suffix, np.ascontiguousarray(turn(shown)), orientation)
        header = image_metadata(picture)
        assert (header.lines, header.width_px) == (60, 90), orientation
        seen = read_image(picture, 1).astype(int)
        assert np.abs(seen - shown).max() <= (0 if suffix in ("png", "tif") else 40), orientation
        assert seen[:14, :30].mean() > 245, orientation
        mask = read_mask(saved(tmp_path, suffix, np.ascontiguousarray(turn(flaw)), orientation)).flawed
        assert np.argwhere(mask).min(0).tolist() == [40, 8], orientation
        assert mask.sum() == 256, orientation
    record_property("now", "Pictures and masks of PNG, JPEG, TIFF and WebP are turned by all 8 orientations, one rule.")


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES - {".mpo", ".sr", ".j2k", ".jfif", ".dib"}))
def test_what_opencv_writes_comes_out_alike(tmp_path: Path, suffix: str) -> None:
    grey = drawn_cloth(48, 64)
    path = tmp_path / f"a{suffix}"
    drawn = (grey > 110).astype(np.uint8) * 255 if suffix == ".pbm" else grey
    drawn = cv2.merge([drawn] * 3) if suffix in (".ppm", ".webp", ".avif") else drawn
    assert cv2.imwrite(str(path), drawn)
    assert np.abs(read_image(path, 1).astype(int) - (drawn if drawn.ndim == 2 else drawn[..., 0])).max() <= 25


def test_colour_is_rgb_and_grey_asked_in_colour_repeats(tmp_path: Path) -> None:
    colour = np.dstack([drawn_cloth(40, 50, seed) for seed in range(3)])
    for kind, suffix in (("PNG", "png"), ("TIFF", "tif"), ("BMP", "bmp"), ("PPM", "ppm")):
        path = write(tmp_path / f"c.{suffix}", encoded(kind, colour))
        np.testing.assert_array_equal(read_image(path, 3), colour)
    grey = write(tmp_path / "g.png", encoded("PNG", drawn_cloth(40, 50)))
    np.testing.assert_array_equal(read_image(grey, 3), np.dstack([drawn_cloth(40, 50)] * 3))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"II*\0", b"BM", b"P5", b"RIFF....WEBP", b"GIF89a", bytes(5000)]
)
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path / "bad.png", data)
    for look in (image_metadata, lambda file: read_image(file, 1)):
        with pytest.raises(CameraError, match=r"bad\.png") as told:
            look(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "PPM", "WEBP", "AVIF", "JPEG2000", "SUN"])
def test_mutated_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(11)
    if kind == "SUN":
        assert cv2.imwrite(str(tmp_path / "a.ras"), drawn_cloth(40, 60))
        whole = (tmp_path / "a.ras").read_bytes()
    else:
        whole = encoded(kind, drawn_cloth(40, 60))
    for number in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, min(len(data), 400), rng.integers(1, 4)):
            data[at] = rng.integers(256)
        path = write(tmp_path / f"{number}.bin", bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
        told = refusal(partial(read_image, path, 1))
        assert not told or (f"{number}.bin" in told and "\n" not in told)
    assert capfd.readouterr() == ("", ""), "no decoder speaks beside us"


def test_a_picture_without_the_right_to_read_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(CameraError, match=r"folder\.png"):
        read_image(tmp_path / "folder.png", 1)
    with pytest.raises(CameraError, match="missing"):
        image_metadata(tmp_path / "none.png")
