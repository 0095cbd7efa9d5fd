"""Basler cameras on pylon's own emulation, which plays pictures of cloth."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import abandoned
from drivers.camera import CameraError, CameraGoneError, LineBlock
from drivers.notice import Notice, Severity
from drivers.pylon.camera import PylonCamera
from drivers.pylon.devices import list_pylon_cameras
from drivers.pylon.grab import GrabCounts
from drivers.pylon.settings import EncoderSettings, PylonSettings
from drivers.simulated.cloth import Cloth

pytest.importorskip("pypylon")

LINES, WIDTH, PICTURES = 64, 512, 7
PATIENCE_S = 60.0
FAST = {"exposure_us": 100.0, "frame_rate_hz": 5000.0}


@pytest.fixture(scope="module")
def cloth() -> list[NDArray[np.uint8]]:
    """Pictures of woven cloth."""
    woven = Cloth("demo", width_px=WIDTH, mm_per_px=0.5, seed=3)
    return [woven.render(LINES * n, LINES) for n in range(PICTURES)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, cloth: list[NDArray[np.uint8]]) -> Path:
    """A folder that holds them, in order."""
    folder = tmp_path_factory.mktemp("cloth")
    for number, picture in enumerate(cloth):
        assert cv2.imwrite(str(folder / f"{number}.bmp"), picture)
    return folder


@pytest.fixture
def cameras(pictures: Path) -> Iterator[Any]:
    """Makes cameras that play the pictures; stopped afterwards."""
    made: list[PylonCamera] = []
    before = set(abandoned.alive())

    def make(serial: str = "0815-0000", **values: Any) -> PylonCamera:
        made.append(PylonCamera(PylonSettings(serial=serial, **{**FAST, "image_folder": pictures, **values})))
        return made[-1]

    yield make
    for camera in made:
        camera.stop()
    assert before.issuperset(abandoned.alive(PATIENCE_S))


def blocks(camera: PylonCamera, count: int) -> Iterator[LineBlock]:
    """The next blocks, damaged ones left out."""
    deadline = time.monotonic() + PATIENCE_S
    while count:
        assert time.monotonic() < deadline, "waited in vain for a block"
        block = camera.read(1.0)
        if block is not None:
            deadline = time.monotonic() + PATIENCE_S
            count -= 1
            yield block


def test_cameras_are_enumerated_by_serial_number() -> None:
    assert [(c["kind"], c["serial"], c["emulated"]) for c in list_pylon_cameras()] == [
        ("pylon", "0815-0000", True),
        ("pylon", "0815-0001", True),
    ]


def test_settings_reach_the_camera_and_what_it_refuses_is_listed(cameras: Any) -> None:
    camera = cameras(exposure_us=250.0, gain_db=60.0, frame_rate_hz=None, line_rate_hz=6400.0, camera_id="left")
    assert (camera.camera_id, camera.serial, camera.width_px, camera.channels) == ("left", "0815-0000", WIDTH, 1)
    assert (camera.delivery.lines, camera.delivery.lines_per_s, camera.waits) == (LINES, 6400.0, False)
    assert camera.refused == (
        "Camera left did not take a gain of 60 dB: Gain goes from 0 to 48; 48 is used.",
        "Camera left did not take 6400 lines/s: it has no line rate; it takes 100 frames/s of 64 lines.",
    )
    camera.start()
    assert camera.take_notices() == [Notice(Severity.WARNING, sentence) for sentence in camera.refused]
    assert camera.take_notices() == []
    nodes = camera.grab.device.GetNodeMap()
    assert nodes.GetNode("ExposureTimeAbs").Value == 250.0
    assert nodes.GetNode("AcquisitionFrameRateAbs").Value == 100.0
    assert nodes.GetNode("Gain").Value == pytest.approx(48.0)


def test_the_region_of_a_camera_without_pictures(cameras: Any) -> None:
    camera = cameras(image_folder=None, width_px=300, height_px=40, offset_x_px=16, offset_y_px=8)
    assert (camera.width_px, camera.delivery.lines, camera.refused) == (300, 40, ())
    camera.start()
    block = next(blocks(camera, 1))
    assert block.pixels.shape == (40, 300)
    assert (block.frame_line, block.frame_lines) == (0, 40)
    assert camera.grab.device.GetNodeMap().GetNode("OffsetX").Value == 16


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_all_blocks_come_in_order_and_bit_for_bit(cameras: Any, cloth: list[NDArray[np.uint8]], count: int) -> None:
    camera = cameras()
    camera.start()
    kept: list[LineBlock] = []
    for number, block in enumerate(blocks(camera, count)):
        kept = [*kept, block][:100]
        assert block.first_line == number * LINES
        assert np.array_equal(block.pixels, cloth[number % PICTURES])
    for number, block in enumerate(kept):  # pylon's buffers were filled again since
        assert np.array_equal(block.pixels, cloth[number % PICTURES])
    assert camera.counts == GrabCounts(count)
    assert block.pixels.dtype == np.uint8
    assert block.pixels.flags.c_contiguous
    assert block.captured_ns <= time.monotonic_ns()


def test_failed_buffers_leave_a_gap_and_are_counted(cameras: Any) -> None:
    camera = cameras(frame_rate_hz=200.0)
    camera.start()
    firsts = [block.first_line for block in blocks(camera, 3)]
    nodes = camera.grab.device.GetNodeMap()
    nodes.GetNode("ForceFailedBufferCount").Value = 4
    nodes.GetNode("ForceFailedBuffer").Execute()
    while camera.counts.failed < 4:
        firsts += [block.first_line for block in blocks(camera, 1)]
    firsts += [block.first_line for block in blocks(camera, 3)]
    places = [first // LINES for first in firsts]
    assert [first % LINES for first in firsts] == [0] * len(firsts)
    assert sum(after - before - 1 for before, after in pairwise(places)) == 4
    assert camera.counts == GrabCounts(len(firsts), 4, 0)


def test_a_camera_that_is_unplugged_is_gone_and_found_again(cameras: Any) -> None:
    camera = cameras(frame_rate_hz=100.0)
    camera.start()
    (*_, last) = blocks(camera, 5)
    camera.grab.device.GetNodeMap().GetNode("FirePnPCallback").Execute()
    with pytest.raises(CameraGoneError, match="Camera 0815-0000 was unplugged"):
        for last in blocks(camera, 10**6):  # noqa: B007  (the last is asked for)
            pass
    camera.stop()
    time.sleep(0.2)
    due = camera.encoder().due_line
    assert due >= last.end_line + 0.2 * 100 * LINES, "cloth went on meanwhile"
    camera.start()
    first = next(blocks(camera, 1)).first_line
    assert first >= due
    assert camera.estimated_lines >= first - last.end_line - 5 * LINES


def test_a_start_after_a_stop_goes_on_with_the_line_numbers(cameras: Any) -> None:
    camera = cameras()
    camera.start()
    end = list(blocks(camera, 3))[-1].end_line
    camera.start()  # without a stop before
    assert next(blocks(camera, 1)).first_line >= end
    camera.stop()
    camera.stop()
    assert camera.read(0.01) is None


def test_two_cameras_at_once(cameras: Any, cloth: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    for number, picture in enumerate(cloth):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), 255 - picture)
    left, right = cameras(frame_rate_hz=200.0), cameras("0815-0001", frame_rate_hz=200.0, image_folder=tmp_path)
    left.start()
    right.start()
    for number, (one, other) in enumerate(zip(blocks(left, 50), blocks(right, 50), strict=True)):
        assert (one.camera_id, other.camera_id) == ("0815-0000", "0815-0001")
        assert np.array_equal(one.pixels, cloth[number % PICTURES])
        assert np.array_equal(other.pixels, 255 - cloth[number % PICTURES])
    right.stop()
    assert list(blocks(left, 5))[-1].first_line == 54 * LINES, "the other goes on"


@pytest.mark.parametrize("pixel_format", ["Mono10", "Mono12"])
def test_deep_formats_give_their_high_bits(
    cameras: Any, cloth: list[NDArray[np.uint8]], tmp_path: Path, pixel_format: str
) -> None:
    for number, picture in enumerate(cloth):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), picture.astype(np.uint16) * 256 + 77)
    camera = cameras(pixel_format=pixel_format, image_folder=tmp_path)
    assert camera.channels == 1
    camera.start()
    for number, block in enumerate(blocks(camera, PICTURES)):
        assert np.array_equal(block.pixels, cloth[number])


@pytest.mark.parametrize("pixel_format", ["RGB8", "BayerRG8", "BayerGB12", "BayerBG10", "BayerGR8"])
def test_colour_comes_as_rgb(cameras: Any, tmp_path: Path, pixel_format: str) -> None:
    bgr = np.zeros((LINES, WIDTH, 3), np.uint8)
    bgr[:] = (40, 90, 200)
    assert cv2.imwrite(str(tmp_path / "0.png"), bgr)
    camera = cameras(pixel_format=pixel_format, image_folder=tmp_path)
    assert camera.channels == 3
    camera.start()
    pixels = next(blocks(camera, 1)).pixels
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == ((LINES, WIDTH, 3), np.uint8, True)
    assert np.abs(pixels[4:-4, 4:-4].astype(int) - (200, 90, 40)).max() <= 1


def test_frames_that_overlap_step_by_their_new_lines(cameras: Any) -> None:
    camera = cameras(overlap_px=16)
    camera.start()
    assert [block.first_line for block in blocks(camera, 4)] == [0, 48, 96, 144]


def test_silence_is_no_block(cameras: Any) -> None:
    camera = cameras(height_px=LINES, encoder=EncoderSettings())  # no encoder turns here
    assert any("it has no encoder inputs" in sentence for sentence in camera.refused)
    camera.start()
    assert camera.read(0.05) is None
    assert camera.encoder().lines_per_s == 0.0


def test_an_output_line_is_switched(cameras: Any) -> None:
    camera = cameras()
    with pytest.raises(CameraError, match="not running"):
        camera.set_output("Line2", True)
    camera.start()
    camera.set_output("Line2", True)
    nodes = camera.grab.device.GetNodeMap()
    assert (nodes.GetNode("LineMode").Value, nodes.GetNode("LineSource").Value) == ("Output", "UserOutput2")
    assert nodes.GetNode("UserOutputValue").Value is True
    camera.set_output("Line2", False)
    assert nodes.GetNode("UserOutputValue").Value is False
    with pytest.raises(CameraError, match="no output Line9"):
        camera.set_output("Line9", True)


def test_a_recipe_asks_for_exposure_and_gain_from_the_next_start_on(cameras: Any) -> None:
    camera = cameras(exposure_us=250.0, frame_rate_hz=100.0)  # says nothing of the gain

    def light() -> tuple[float, float]:
        camera.start()
        nodes = camera.grab.device.GetNodeMap()
        return nodes.GetNode("ExposureTimeAbs").Value, round(nodes.GetNode("Gain").Value, 3)

    as_set = light()
    assert as_set[0] == 250.0
    camera.apply_overrides({"exposure_us": 120.0, "gain_db": 60.0})
    assert light() == (120.0, 48.0)
    assert camera.take_notices() == [Notice(Severity.WARNING, sentence) for sentence in camera.refused]
    assert "a gain of 60 dB" in camera.refused[0]
    camera.apply_overrides({"exposure_us": 120.0, "gain_db": 60.0})
    camera.start()
    camera.start()
    assert camera.take_notices() == [Notice(Severity.WARNING, sentence) for sentence in camera.refused], (
        "once on each roll"
    )
    camera.apply_overrides({"gain_db": 6.0})
    assert light() == (250.0, pytest.approx(6.0, abs=0.01))
    camera.apply_overrides({})
    assert light() == as_set, "the next fabric asks for nothing: neither does it inherit"
    assert camera.refused == ()


def test_a_wrong_serial_number_is_told_with_those_that_are_there(cameras: Any) -> None:
    with pytest.raises(CameraError, match="number 4711; there are: 0815-0000, 0815-0001"):
        cameras("4711")


def test_no_camera_at_all(cameras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYLON_CAMEMU", "0")
    with pytest.raises(CameraError, match="No Basler camera is there"):
        cameras()


def test_without_pypylon_the_remedy_is_told(cameras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypylon", None)
    with pytest.raises(CameraError, match="pip install pypylon"):
        cameras()
    assert list_pylon_cameras() == []


def test_a_camera_in_use_is_told(cameras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulation opens twice without a word; a real device answers like this."""
    from pypylon import genicam, pylon

    def busy(self: object) -> None:
        raise genicam.RuntimeException("The device is controlled by another application. Err: 0xE1018006")

    monkeypatch.setattr(pylon.InstantCamera, "Open", busy)
    with pytest.raises(CameraError, match=r"cannot be opened .*another application.*close other programs"):
        cameras()


def test_pictures_of_different_sizes_are_refused(cameras: Any, tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="holds no pictures"):
        cameras(image_folder=tmp_path)
    for number, lines in enumerate((64, 65)):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((lines, 512), np.uint8))
    with pytest.raises(CameraError, match="Pictures differ in size"):
        cameras(image_folder=tmp_path)
    with pytest.raises(CameraError, match="does not exist"):
        cameras(image_folder=tmp_path / "none")
    (tmp_path / "notes.txt").write_text("of the weaver")
    with pytest.raises(CameraError, match=r"notes\.txt is no picture"):
        cameras(image_folder=tmp_path)


def test_a_camera_that_comes_back_as_another_is_refused(cameras: Any, tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "0.png"), np.zeros((64, 512), np.uint8))
    camera = cameras(image_folder=tmp_path)
    assert cv2.imwrite(str(tmp_path / "0.png"), np.zeros((64, 300), np.uint8))
    with pytest.raises(CameraError, match=r"now delivers 300 x 64 px .* instead of 512 x 64 px"):
        camera.start()


def test_a_stop_that_hangs_in_pylon_is_abandoned(cameras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = cameras()
    camera.start()
    let_go = threading.Event()
    device = camera.grab.device
    stop = device.StopGrabbing
    monkeypatch.setattr(type(device), "StopGrabbing", lambda self: (let_go.wait(PATIENCE_S), stop()))
    camera.stop()
    assert [thread.name for thread in abandoned.alive()] == ["closing-0815-0000"]
    let_go.set()
    assert not abandoned.alive(PATIENCE_S)


def test_after_a_read_that_hangs_in_pylon_the_camera_starts_again(
    cameras: Any, cloth: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypylon import pylon

    camera = cameras()
    camera.start()
    hangs, let_go, read = threading.Event(), threading.Event(), pylon.InstantCamera.RetrieveResult

    def hang(device: Any, *arguments: Any) -> Any:
        hangs.set()
        let_go.wait(PATIENCE_S)
        return read(device, *arguments)

    brought: list[LineBlock | None] = []
    monkeypatch.setattr(pylon.InstantCamera, "RetrieveResult", hang)
    thread = threading.Thread(target=lambda: brought.append(camera.read(1.0)))
    thread.start()
    assert hangs.wait(PATIENCE_S)
    monkeypatch.setattr(pylon.InstantCamera, "RetrieveResult", read)
    camera.start()
    for number, block in enumerate(blocks(camera, 5)):
        assert np.array_equal(block.pixels, cloth[number])
    let_go.set()
    thread.join(PATIENCE_S)
    assert brought == [None], "what a hanging read brings at last is nobody's"
    assert not abandoned.alive(PATIENCE_S)


def test_a_start_that_hung_and_was_given_up_does_not_disturb_the_next(
    cameras: Any, cloth: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pypylon import pylon

    camera = cameras()
    hangs, let_go, begin = threading.Event(), threading.Event(), pylon.InstantCamera.StartGrabbing

    def hang(device: Any, *arguments: Any) -> Any:
        hangs.set()
        let_go.wait(PATIENCE_S)
        return begin(device, *arguments)

    said: list[str] = []

    def start() -> None:
        try:
            camera.start()
        except CameraGoneError as error:
            said.append(str(error))

    monkeypatch.setattr(pylon.InstantCamera, "StartGrabbing", hang)
    thread = threading.Thread(target=start)
    thread.start()
    assert hangs.wait(PATIENCE_S)
    monkeypatch.setattr(pylon.InstantCamera, "StartGrabbing", begin)
    camera.start()
    grab, before = camera.grab, list(blocks(camera, 5))
    let_go.set()
    thread.join(PATIENCE_S)
    assert said == ["Camera 0815-0000 was stopped while it started."]
    assert camera.grab is grab
    for number, block in enumerate([*before, *blocks(camera, 5)]):
        assert np.array_equal(block.pixels, cloth[number % PICTURES])
        assert block.first_line == before[0].first_line + number * LINES


ENDS = {
    "while grabbing": "camera.read(5.0)",
    "while another thread reads": "threading.Thread(target=read_on, daemon=True).start(); seen.wait(30)",
    "by an exception": "camera.read(5.0); raise SystemExit(7)",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_process_that_ends_while_grabbing_does_not_abort(end: str, pictures: Path) -> None:
    script = f"""
import threading
from pathlib import Path
from drivers.pylon.camera import PylonCamera
from drivers.pylon.settings import PylonSettings

seen = threading.Event()
camera = PylonCamera(PylonSettings(serial="0815-0000", exposure_us=100.0, frame_rate_hz=500.0,
                                   image_folder=Path({str(pictures)!r})))

def read_on():
    while True:
        if camera.read(1.0) is not None:
            seen.set()

camera.start()
{ENDS[end]}
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (7 if "SystemExit" in script else 0, "")
