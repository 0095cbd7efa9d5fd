"""A folder of images is played as a camera: every format, every line once, and one clear sentence for bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera import CameraError, EndOfClothError, LineBlock
from drivers.replay import ReplayCamera

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (60, 80), np.uint8)
COLOUR = RNG.integers(0, 256, (60, 80, 3), np.uint8)  # RGB


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]] if pixels.ndim == 3 and pixels.shape[2] >= 3 else pixels
    done, data = cv2.imencode(path.suffix, stored)
    assert done
    path.write_bytes(data.tobytes())
    return path


def play(camera: ReplayCamera) -> list[LineBlock]:
    camera.start()
    blocks = []
    while True:
        try:
            block = camera.read(1.0)
        except EndOfClothError:
            camera.stop()
            return blocks
        assert block is not None
        blocks.append(block)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm", ".PNG"])
def test_lossless_grey_comes_out_bit_exact(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"a{suffix}", GREY)
    (block,) = play(ReplayCamera(tmp_path))
    np.testing.assert_array_equal(block.pixels, GREY)
    assert block.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_lossless_colour_comes_out_as_rgb(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / f"a{suffix}", COLOUR)
    camera = ReplayCamera(tmp_path)
    assert camera.channels == 3
    (block,) = play(camera)
    np.testing.assert_array_equal(block.pixels, COLOUR)
    assert block.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_samples_of_16_bits_are_scaled_by_the_white_of_the_whole_folder(tmp_path: Path, suffix: str, bits: int) -> None:
    white = (1 << bits) - 1
    deep = RNG.integers(0, white + 1, (60, 80), np.uint16)
    deep[0, 0] = white
    for number, pixels in enumerate([deep // 3, deep, np.dstack([deep // 2] * 3)]):
        save(tmp_path / f"{number}{suffix}", pixels)
    camera = ReplayCamera(tmp_path)
    assert camera.white == white
    assert f"{bits} bits" in camera.depth
    dark, bright, _ = play(camera)
    np.testing.assert_array_equal(bright.pixels[..., 0], np.rint(deep * (255 / white)))
    np.testing.assert_array_equal(dark.pixels[..., 1], np.rint(deep // 3 * (255 / white)))


@pytest.mark.field("f03")
def test_a_folder_is_played_with_the_white_level_of_another_and_what_is_brighter_is_told_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    dim = RNG.integers(0, 900, (60, 80)).astype(np.uint16)
    for number in range(3):
        save(tmp_path / f"{number}.png", dim)
    assert ReplayCamera(tmp_path).white == 1023
    camera = ReplayCamera(tmp_path, white=4095)
    assert (camera.white, camera.depth) == (4095, "12 bits (white at 4095)")
    np.testing.assert_array_equal(play(camera)[0].pixels, np.rint(dim * (255 / 4095)))
    assert camera.clipped_px == 0
    camera = ReplayCamera(tmp_path, white=255)
    np.testing.assert_array_equal(play(camera)[0].pixels, np.minimum(dim, 255))
    bright = int((dim > 255).sum())
    assert camera.clipped_px == 3 * bright
    (notice,) = camera.take_notices()
    assert f"0.png has {bright} pixels brighter than the white level of 8 bits" in notice.text
    assert camera.take_notices() == []
    record_property(
        "now", f"Pixels brighter than the teaching's white level are clipped, counted ({3 * bright}), told once."
    )


def test_files_that_say_their_white_level_keep_it(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 80 60 1000 " + (GREY.astype(np.uint16) * 3).astype(">u2").tobytes())
    (tmp_path / "b.pgm").write_bytes(b"P5 80 60 4095 " + (GREY.astype(np.uint16) * 3).astype(">u2").tobytes())
    for camera in (ReplayCamera(tmp_path), ReplayCamera(tmp_path, white=65535)):
        assert camera.white == 4095
        one, other = play(camera)
        assert np.abs(one.pixels - GREY * (3 * 255 / 1000)).max() <= 0.5001
        assert np.abs(other.pixels - GREY * (3 * 255 / 4095)).max() <= 0.5001


def test_8_bit_pictures_stay_as_they_are_whatever_the_white_level_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    camera = ReplayCamera(tmp_path, white=4095)
    assert camera.white == 255
    np.testing.assert_array_equal(play(camera)[0].pixels, GREY)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.dstack([COLOUR, GREY]))
    np.testing.assert_array_equal(play(ReplayCamera(tmp_path))[0].pixels, COLOUR)


@pytest.mark.parametrize(("suffix", "channels"), [(".jpg", 1), (".jp2", 1), (".webp", 3)])
def test_lossy_formats_are_close_to_what_was_saved(tmp_path: Path, suffix: str, channels: int) -> None:
    smooth = cv2.GaussianBlur(GREY, (0, 0), 6)
    save(tmp_path / f"a{suffix}", smooth)
    camera = ReplayCamera(tmp_path)
    assert camera.channels == channels  # webp knows no grey
    (block,) = play(camera)
    assert block.pixels.shape[:2] == smooth.shape
    grey = block.pixels if channels == 1 else block.pixels[..., 1]
    assert np.abs(grey.astype(int) - smooth).max() <= 12


def test_one_colour_image_makes_all_colour(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", COLOUR)
    grey, colour = play(ReplayCamera(tmp_path))
    np.testing.assert_array_equal(grey.pixels, np.dstack([GREY] * 3))
    np.testing.assert_array_equal(colour.pixels, COLOUR)


def test_natural_order_recursion_and_awkward_names(tmp_path: Path) -> None:
    folder = tmp_path / "Köper und Leinen"
    for name in ("b/10.png", "b/2.png", "a.png", "zürich straße/ä ö.png", "B.png"):
        save(folder / name, GREY)
    save(folder / ".hidden" / "x.png", GREY)
    (folder / "._a.png").write_bytes(b"not an image")
    (folder / "notes.txt").write_text("not an image either")
    camera = ReplayCamera(folder)
    assert camera.images == ["B.png", "a.png", "b/2.png", "b/10.png", "zürich straße/ä ö.png"]
    assert [block.piece for block in play(camera)] == camera.images


def test_a_list_of_files_is_named_below_their_common_folder(tmp_path: Path) -> None:
    files = [save(tmp_path / name, GREY) for name in ("x/b.png", "x/y/a.png", "z.png")]
    assert ReplayCamera(files).images == ["x/b.png", "x/y/a.png", "z.png"]
    assert ReplayCamera(files[:2]).images == ["b.png", "y/a.png"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(heights=st.lists(st.integers(1, 90), min_size=1, max_size=4), block_lines=st.integers(1, 64))
def test_every_line_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, heights: list[int], block_lines: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    images = [RNG.integers(0, 256, (height, 12), np.uint8) for height in heights]
    for number, pixels in enumerate(images):
        save(folder / f"{number}.png", pixels)
    camera = ReplayCamera(folder, block_lines=block_lines)
    due = 0
    for block in play(camera):
        assert block.first_line == due
        assert 1 <= block.lines <= block_lines
        due = block.end_line
        assert block.piece is not None
        piece = camera.pieces[int(Path(block.piece).stem)]
        assert piece.first_line <= block.first_line < block.end_line <= piece.first_line + piece.lines
        rows = block.first_line - piece.first_line
        np.testing.assert_array_equal(block.pixels, images[int(Path(block.piece).stem)][rows : rows + block.lines])
    assert due == sum(heights) == camera.total_lines == camera.encoder().due_line


def test_tall_images_come_in_blocks_of_at_most_1024_lines(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.zeros((2500, 8), np.uint8))
    assert [block.lines for block in play(ReplayCamera(tmp_path))] == [1024, 1024, 452]


def test_stop_and_start_go_on_and_rewind_begins_again(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", GREY)
    camera = ReplayCamera(tmp_path)
    assert camera.waits
    assert camera.read(0.0) is None  # not started
    camera.start()
    first = camera.read(0.0)
    assert first is not None
    assert camera.encoder().lines_per_s > 0
    camera.stop()
    camera.stop()
    assert camera.encoder().lines_per_s == 0
    assert [block.piece for block in play(camera)] == ["1.png", "2.png"]
    camera.start()
    with pytest.raises(EndOfClothError):
        camera.read(0.0)
    camera.rewind()
    assert [block.first_line for block in play(camera)] == [0, 60, 120]


def test_missing_empty_and_wrong_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="does not exist"):
        ReplayCamera(tmp_path / "nothing")
    with pytest.raises(CameraError, match="holds no images"):
        ReplayCamera(tmp_path)
    with pytest.raises(CameraError, match="is not a folder"):
        ReplayCamera(save(tmp_path / "a.png", GREY))
    with pytest.raises(CameraError, match="missing"):
        ReplayCamera([tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(CameraError, match="at least one"):
        ReplayCamera([])


def test_mixed_widths_name_both_files(tmp_path: Path) -> None:
    save(tmp_path / "first.png", GREY)
    save(tmp_path / "second.tif", GREY[:, :70])
    with pytest.raises(CameraError, match=r"first\.png has 80 px.*second\.tif has 70 px"):
        ReplayCamera(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_images_are_refused_by_name(tmp_path: Path, suffix: str, share: float) -> None:
    path = save(tmp_path / f"broken{suffix}", RNG.integers(0, 256, (300, 200), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CameraError, match=rf"broken\{suffix}"):
        play(ReplayCamera(tmp_path))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_that_lacks_only_its_end_marker_is_refused_before_anything_is_played(
    tmp_path: Path, suffix: str
) -> None:
    path = save(tmp_path / f"broken{suffix}", GREY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CameraError, match="truncated"):
        ReplayCamera(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_bytes_behind_the_end_marker_do_no_harm(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", GREY)
    pixels = play(ReplayCamera(tmp_path))[0].pixels
    path.write_bytes(path.read_bytes() + b"written by some camera")
    np.testing.assert_array_equal(play(ReplayCamera(tmp_path))[0].pixels, pixels)


def test_a_thumbnail_in_a_truncated_jpeg_does_not_pass_for_its_end(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", cv2.GaussianBlur(GREY, (0, 0), 3))
    data = path.read_bytes()
    thumbnail = b"\xff\xe1" + (2 + len(data)).to_bytes(2, "big") + data  # an application segment that holds a JPEG
    path.write_bytes(data[:2] + thumbnail + data[2:])
    assert play(ReplayCamera(tmp_path))[0].pixels.shape == GREY.shape
    path.write_bytes((data[:2] + thumbnail + data[2:])[:-200])
    with pytest.raises(CameraError, match="truncated"):
        play(ReplayCamera(tmp_path))


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x89PNG\r\n\x1a\n"])
def test_files_that_are_no_images_are_refused(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "a.png", GREY)
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(CameraError, match=r"bad\.png"):
        ReplayCamera(tmp_path)


def test_damage_inside_a_png_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", GREY)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(CameraError, match=r"a\.png"):
        play(ReplayCamera(tmp_path))


def test_float_and_many_page_images_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "float.tif", GREY.astype(np.float32))
    with pytest.raises(CameraError, match="float32"):
        play(ReplayCamera(tmp_path))
    assert cv2.imwritemulti(str(tmp_path / "float.tif"), [GREY, GREY])
    with pytest.raises(CameraError, match="2 pages"):
        ReplayCamera(tmp_path)


def test_an_image_that_vanishes_or_changes_while_playing_is_named(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}.png", GREY) for number in range(3)]
    camera = ReplayCamera(tmp_path)
    camera.start()
    assert camera.read(0.0) is not None
    save(paths[1], GREY[:30])
    with pytest.raises(CameraError, match=r"1\.png.*changed"):
        camera.read(0.0)
    paths[1].unlink()
    with pytest.raises(CameraError, match=r"1\.png is missing"):
        camera.read(0.0)


def test_real_strips_are_played_bit_exact(shared_data: Path) -> None:
    folder = shared_data / "aitex_f01" / "test"
    camera = ReplayCamera(folder)
    camera.start()
    for _ in range(3):
        block = camera.read(0.0)
        assert block is not None
        assert block.piece is not None
        expected = cv2.imread(str(folder / block.piece), cv2.IMREAD_UNCHANGED)
        assert (block.lines, camera.width_px) == (256, 4096)
        np.testing.assert_array_equal(block.pixels, expected if expected.ndim == 2 else expected[..., ::-1])
