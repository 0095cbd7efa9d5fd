"""PBM, PGM, PPM, PAM: the header's white level is kept, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image, read_raster
from tests.rigs.picture_files import drawn_cloth, write

GREY = drawn_cloth(30, 41)


@pytest.mark.field("f03")
@pytest.mark.parametrize("kind", ["P5", "P2"])
def test_any_white_level_of_a_pgm_is_kept(
    tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    for white in (1, 15, 100, 200, 255, 1000, 1023, 4095, 10000, 16383):
        values = np.rint(GREY.astype(float) * white / 255).astype(np.uint16)
        head = f"{kind}\n# drawn\n41 30\n{white}\n".encode()
        plain = " ".join(map(str, values.ravel().tolist())).encode()
        body = plain if kind == "P2" else values.astype(">u2" if white > 255 else np.uint8).tobytes()
        path = write(tmp_path / f"{white}.pgm", head + body)
        assert image_metadata(path).white == white
        assert np.abs(read_image(path, 1) - values * (255 / white)).max() <= 0.5001
    record_property("now", "A PGM's maxval is its white level: 10 of 10 tried, 1 to 16383, scaled with rounding.")


def test_16_bits_do_not_say_how_many_of_them_are_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pgm", b"P5 41 30 65535\n" + (GREY.astype(np.uint16) * 16).astype(">u2").tobytes())
    assert image_metadata(path).white is None
    np.testing.assert_array_equal(read_image(path, 1, 4095), np.rint(GREY.astype(int) * 16 * 255 / 4095))


def test_one_is_black_in_pbm_and_white_in_pam(tmp_path: Path) -> None:
    bits = GREY > 110
    packed = np.packbits(bits, axis=1).tobytes()
    pbm = write(tmp_path / "a.pbm", b"P4\n41 30\n" + packed)
    np.testing.assert_array_equal(read_image(pbm, 1), np.where(bits, 0, 255))
    pam = write(
        tmp_path / "a.pam",
        b"P7\nWIDTH 41\nHEIGHT 30\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n" + bits.tobytes(),
    )
    np.testing.assert_array_equal(read_image(pam, 1), np.where(bits, 255, 0))


def test_alpha_of_pam_and_colour_of_ppm(tmp_path: Path) -> None:
    four = np.dstack([drawn_cloth(30, 41, seed) for seed in range(4)])
    head = b"P7\nWIDTH 41\nHEIGHT 30\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    raster, header = read_raster(write(tmp_path / "a.pam", head + four.tobytes()))
    assert header.channels == 3
    np.testing.assert_array_equal(raster.samples, four[..., :3])
    assert raster.alpha is not None
    np.testing.assert_array_equal(raster.alpha, four[..., 3])
    ppm = write(tmp_path / "a.ppm", b"P6 41 30 255 " + four[..., :3].tobytes())
    np.testing.assert_array_equal(read_image(ppm, 3), four[..., :3])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"P5 41 30 255 " + GREY.tobytes()[:-1], "truncated"),
        (b"P5 41 30 0 " + GREY.tobytes(), "damaged"),
        (b"P5 41 30 255 " + 2 * GREY.tobytes(), "2 pages"),
        (b"Pf\n41 30\n-1.0\n" + GREY.astype("<f4").tobytes(), "float pixels"),
        (b"P5 here is text", "damaged"),
        (b"P2 9000 9000 255 1 2 3", "numbers as text"),
        (b"P2 3 2 255 1 2 3", "damaged"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, data: bytes, told: str) -> None:
    path = write(tmp_path / "a.pgm", data)
    with pytest.raises(CameraError, match=rf"a\.pgm .*{told}"):
        read_image(path, 1)
