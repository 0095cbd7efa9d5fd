"""What is too large is refused by its header alone; nothing is unpacked."""

from __future__ import annotations

import resource
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from drivers.camera import CameraError
from drivers.images import image_metadata, read_image, read_mask
from drivers.images.limits import SETTING
from tests.rigs.picture_files import blank_png, drawn_cloth, encoded, lying_png, refusal, write


@pytest.mark.field("r03")
def test_a_small_file_that_unpacks_to_too_much_is_refused_by_its_header(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = write(tmp_path / "bomb.png", blank_png(18_000, 18_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for look in (image_metadata, partial(read_image, channels=1), read_mask):
        told = refusal(partial(look, path))
        assert "bomb.png is too large: 18000 x 18000 px, at most 268 million pixels" in told
        assert f"cut it into pieces, or set {SETTING} higher" in told
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 50
    record_property(
        "now",
        f"A PNG of {path.stat().st_size / 1e6:.1f} MB that unpacks to 324 million pixels is refused by its header; "
        f"memory grows by {grown_mb:.0f} MB.",
    )


@pytest.mark.field("f17")
def test_a_strip_too_tall_says_how_tall_it_may_be(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    tall = write(tmp_path / "roll.png", blank_png(1_000_001, 16))
    told = refusal(partial(image_metadata, tall))
    assert "is too large: 16 x 1000001 px, at most 1,000,000 lines" in told
    assert told.endswith("cut it into pieces.")
    whole = write(tmp_path / "whole.png", blank_png(999_999, 16))
    assert read_image(whole, 1).shape == (999_999, 16)
    record_property(
        "now", "A strip of 999,999 lines is read; one of 1,000,001 is 'too large', with the limit, to be cut."
    )


def test_the_setting_raises_and_lowers_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.png", encoded("PNG", drawn_cloth(100, 100)))
    monkeypatch.setenv(SETTING, "0.005")
    assert "at most 0.005 million" in refusal(partial(image_metadata, path))
    monkeypatch.setenv(SETTING, "0.02")
    assert read_image(path, 1).shape == (100, 100)
    bomb = write(tmp_path / "bomb.png", blank_png(18_000, 18_000))
    monkeypatch.setenv(SETTING, "400")
    assert image_metadata(bomb).lines == 18_000
    for wrong in ("many", "-1", "nan"):
        monkeypatch.setenv(SETTING, wrong)
        with pytest.raises(CameraError, match=f"{SETTING} is '{wrong}'; set it to a number"):
            image_metadata(path)


def test_a_header_that_lies_takes_no_memory_beyond_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", lying_png(900_000, 900_000))
    tracemalloc.start()
    try:
        assert "too large" in refusal(partial(read_image, path, 1))
        assert tracemalloc.get_traced_memory()[1] < 1e7
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pgm", b"P5 30000 30000 255 "),
        ("a.bmp", b"BM" + bytes(8) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")),
    ],
)
def test_headers_without_pixels_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    assert name in refusal(partial(image_metadata, write(tmp_path / name, data)))
