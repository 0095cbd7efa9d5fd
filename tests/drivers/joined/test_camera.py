"""Several cameras as one: the whole picture, and what becomes of it when one is late, gone, hanging or wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import abandoned
from drivers.camera import GONE_S, STALL_S, CameraError, CameraGoneError, EncoderReading, EndOfClothError
from drivers.images import ImageMetadata, Raster, read_raster
from drivers.joined.alignment import MOST_BLOCKS_WAITING, Joint
from drivers.joined.camera import JoinedCamera
from drivers.memory import MemoryCamera
from drivers.replay import ReplayCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.views import View
from tests.rigs.joined_cameras import (
    CLOTH,
    JOINT,
    LEFT,
    PATIENCE_S,
    RIGHT,
    FedCamera,
    Machine,
    Rig,
    be_patient,
    running_rig,
    until,
)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with running_rig() as made:
        yield made


def windows(cloth: NDArray[np.uint8], first_lines: int, second_lines: int) -> JoinedCamera:
    left = MemoryCamera(cloth[:, LEFT], block_lines=first_lines, lines=2500)
    right = MemoryCamera(cloth[:, RIGHT], block_lines=second_lines, lines=2500)
    left.camera_id, right.camera_id = "left", "right"
    return JoinedCamera([left, right], [JOINT], camera_id="both")


def play(camera: JoinedCamera) -> NDArray[np.uint8]:
    """All of its cloth, which comes in order without a gap."""
    parts: list[NDArray[np.uint8]] = []
    end = None
    try:
        while True:
            block = camera.read(1.0)
            if block is not None:
                assert block.first_line == (block.first_line if end is None else end)
                assert not block.blind_px
                end = block.end_line
                parts.append(block.pixels)
    except EndOfClothError:
        return np.concatenate(parts)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("first_lines", "second_lines"), [(256, 256), (256, 100), (33, 512)])
def test_two_overlapping_cameras_see_what_a_wide_one_sees(channels: int, first_lines: int, second_lines: int) -> None:
    cloth = CLOTH if channels == 1 else np.stack([CLOTH, CLOTH[::-1], CLOTH[:, ::-1]], axis=2)
    camera = windows(cloth, first_lines, second_lines)
    assert (camera.camera_id, camera.width_px, camera.channels, camera.waits) == ("both", 300, channels, True)
    camera.start()
    try:
        assert np.array_equal(play(camera), cloth[:2500])
        assert camera.encoder().due_line == 2500
        assert camera.take_notices() == []
    finally:
        camera.stop()


def test_what_waiting_cameras_have_read_ahead_is_not_lost_at_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = threading.Event()

    def load(path: Path) -> tuple[Raster, ImageMetadata]:
        if path == tmp_path / "right" / "05.png":
            loading.set()
            time.sleep(1.0)
        return read_raster(path)

    monkeypatch.setattr("drivers.replay.read_raster", load)
    monkeypatch.setattr("drivers.joined.reader.STOP_LIMIT_S", PATIENCE_S)
    for side, columns in (("left", LEFT), ("right", RIGHT)):
        (tmp_path / side).mkdir()
        for number in range(12):
            image = CLOTH[100 * number : 100 * number + 100, columns]
            assert cv2.imwrite(str(tmp_path / side / f"{number:02}.png"), image)
    sides = [ReplayCamera(tmp_path / side, camera_id=side) for side in ("left", "right")]
    camera = JoinedCamera(sides, [JOINT])
    assert camera.total_lines == 1200
    camera.start()
    assert camera.encoder().due_line == 0
    first = camera.read(PATIENCE_S)
    assert first is not None
    assert (first.first_line, first.end_line, first.piece) == (0, 100, "00.png")
    assert camera.encoder().due_line == 100
    assert loading.wait(PATIENCE_S)
    camera.stop()
    assert camera.encoder().due_line == 100
    camera.start()
    try:
        assert np.array_equal(play(camera), CLOTH[100:1200])
    finally:
        camera.stop()


def test_simulated_cameras_above_one_loom_see_the_wide_one_s_cloth() -> None:
    settings = {"width_px": 512, "mm_per_px": 0.5, "seed": 4, "metres": 0.4}
    wide = SimulatedCamera(**settings)
    wide.start()
    try:
        seen = []
        while (block := wide.read(PATIENCE_S)) is not None:
            seen.append(block.pixels)
    except EndOfClothError:
        cloth = np.concatenate(seen)
    finally:
        wide.stop()
    left, right = SimulatedCamera(**settings).views([View("left", 0, 280), View("right", 232, 512)])
    camera = JoinedCamera([left, right], [Joint(48)])
    assert camera.mm_per_px == 0.5
    camera.start()
    try:
        assert np.array_equal(play(camera), cloth)
    finally:
        camera.stop()


def test_a_late_neighbour_is_waited_for_a_while_then_the_block_goes_out_blind(rig: Rig) -> None:
    rig.feed(0, 100)
    assert rig.next() == (0, 100, ())
    rig.feed(100, 200, rig.left)
    assert rig.camera.read(1.0) is None  # the machine stands: that is no reason to give up
    rig.moves(300)
    assert rig.next() == (100, 200, ((150, 300),))
    rig.hears("Camera right is late")
    rig.feed(200, 300, rig.left)
    assert rig.next() == (200, 300, ((150, 300),))
    rig.feed(100, 300, rig.right)
    rig.hears("right keeps up again")
    rig.moves(300, 0.0)  # neither is late any more
    rig.feed(300, 400)
    assert rig.next() == (300, 400, ())


def test_a_camera_that_is_gone_is_not_waited_for_and_joins_again(rig: Rig) -> None:
    rig.feed(0, 100)
    rig.next()
    rig.left.refusals = [CameraError("Busy."), *[CameraGoneError("Still gone.")] * 1000]
    rig.left.steps.put(CameraGoneError("Camera left was unplugged; check its cable."))
    rig.hears("left was unplugged; check its cable. Its part of the web is not inspected; trying again.")
    rig.feed(100, 200, rig.right)
    assert rig.next() == (100, 200, ((0, 150),))
    assert "No picture from camera left" in rig.camera.trouble
    until(lambda: rig.left.starts >= 4)
    rig.left.refusals = []
    until(lambda: not rig.camera.trouble)
    assert not rig.told("is back")  # it has shown nothing yet
    rig.feed(230, 300, rig.left)
    rig.feed(200, 300, rig.right)
    assert rig.next() == (200, 230, ((0, 150),))
    assert rig.next() == (230, 300, ())
    rig.hears("Camera left is back.")


def test_a_silent_camera_is_started_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.feed(0, 100)
    rig.next()
    monkeypatch.setattr("drivers.joined.reader.GONE_S", GONE_S)

    def starts() -> bool:
        rig.moves(rig.machine.reading.due_line + 100)
        return rig.left.starts > 1 and rig.right.starts > 1

    until(starts)
    # Not by reading: both are silent still, and may both be gone again.
    told = " ".join(notice.text for notice in rig.camera.take_notices())
    assert "Camera left has sent nothing for" in told
    assert "Camera right has sent nothing for" in told


def test_a_standing_machine_is_no_fault(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.feed(0, 100)
    rig.next()
    monkeypatch.setattr("drivers.joined.reader.GONE_S", GONE_S)
    rig.moves(150, 0.0)
    assert rig.camera.read(2.5) is None
    assert (rig.left.starts, rig.right.starts) == (1, 1)
    assert rig.camera.take_notices() == []


def test_a_camera_that_hangs_costs_its_part_and_is_taken_up_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.feed(0, 100)
    rig.next()
    hanging = rig.right.hanging = threading.Event()
    until(lambda: rig.right.hanging is None)
    monkeypatch.setattr("drivers.grabber.GONE_S", GONE_S)
    monkeypatch.setattr("drivers.grabber.STALL_S", STALL_S)
    try:
        line = 100
        while not rig.told("Camera right has not answered"):
            rig.feed(line, line + 2, rig.left)
            line += 2
            rig.moves(line)
            rig.camera.read(0.1)
            rig.words += [notice.text for notice in rig.camera.take_notices()]
            time.sleep(0.05)
            assert line < 2500
        monkeypatch.setattr("drivers.grabber.GONE_S", PATIENCE_S)
        rig.moves(line, 0.0)

        def is_back() -> bool:
            rig.camera.read(0.01)
            return rig.right.starts > 1 and not rig.camera.trouble and len(abandoned.alive()) == 1

        until(is_back)
        rig.feed(line, line + 50)
        while (got := rig.next())[1] <= line:
            assert got[2] == ((150, 300),)
        assert got == (line, line + 50, ())
    finally:
        hanging.set()


def test_what_nobody_takes_in_time_is_left_out_and_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.joined.alignment.LONGEST_WAIT_S", PATIENCE_S)
    for number in range(280):
        rig.feed(10 * number, 10 * number + 10)
    told: set[str] = set()

    def both_told() -> bool:
        told.update(notice.text for notice in rig.camera.take_notices())
        return len(told) == 2

    until(both_told)
    assert all("nobody takes its blocks" in text for text in told)
    idle = rig.left.idle, rig.right.idle
    until(lambda: rig.left.idle > idle[0] and rig.right.idle > idle[1])  # all was handed on
    for number in range(MOST_BLOCKS_WAITING):
        assert rig.next() == (10 * number, 10 * number + 10, ())
    assert rig.camera.read(0.1) is None
    rig.feed(2900, 2910)
    assert rig.next() == (2900, 2910, ())


def test_a_camera_that_sends_another_width_costs_its_part_only(rig: Rig) -> None:
    rig.feed(0, 100)
    rig.next()
    rig.right.odd_px = 7
    rig.right.refusals = [CameraGoneError("Not there yet.")] * 1000
    rig.feed(100, 200)
    assert rig.next() == (100, 200, ((150, 300),))
    rig.hears(r"Camera right sent lines of shape (163,) where (170,) was announced")
    rig.right.odd_px, rig.right.refusals = 0, []
    until(lambda: not rig.camera.trouble)
    rig.feed(200, 300)
    assert rig.next() == (200, 300, ())


def test_only_when_all_are_gone_the_whole_is(rig: Rig) -> None:
    rig.feed(0, 100)
    rig.next()
    for camera in (rig.left, rig.right):
        camera.refusals += [CameraGoneError(f"Camera {camera.camera_id} is not there; plug it in.")] * 1000
        camera.steps.put(CameraGoneError("Camera was unplugged."))
    with pytest.raises(CameraGoneError, match=r"unplugged|not there"):
        until(lambda: rig.camera.read(0.1))
    with pytest.raises(CameraGoneError, match="left is not there"):
        rig.camera.start()
    rig.right.refusals.clear()
    rig.camera.start()
    rig.feed(500, 600, rig.right)
    assert rig.next() == (500, 600, ((0, 150),))


def test_the_end_of_one_camera_s_cloth_is_not_the_end_of_all(rig: Rig) -> None:
    rig.feed(0, 100)
    rig.left.steps.put(EndOfClothError())
    rig.feed(100, 200, rig.right)
    assert rig.next() == (0, 100, ())
    assert rig.next() == (100, 200, ((0, 150),))
    rig.right.steps.put(EndOfClothError())
    with pytest.raises(EndOfClothError):
        until(lambda: rig.camera.read(0.1))


def test_the_encoder_s_word_is_the_line_that_has_passed_all_cameras() -> None:
    machine = Machine()
    cameras = [FedCamera("left", LEFT, machine), FedCamera("right", RIGHT, machine)]
    camera = JoinedCamera(cameras, [Joint(40, -25)])
    machine.reading = EncoderReading(100, 7.0)
    assert camera.encoder() == EncoderReading(75, 7.0)


def test_a_camera_that_cannot_be_used_is_refused_at_the_first_start_only() -> None:
    rig = Rig()
    rig.right.refusals = [CameraError("There is no camera 7; those there are 8 and 9.")] * 1000
    with pytest.raises(CameraError, match="no camera 7"):
        rig.camera.start()
    rig.right.refusals = []
    rig.camera.start()
    rig.camera.stop()
    rig.right.refusals.append(CameraError("Camera right is in use elsewhere."))
    rig.camera.start()
    rig.hears("Camera right is in use elsewhere.")
    until(lambda: not rig.camera.trouble)
    rig.camera.stop()


def test_a_start_begins_when_the_stop_before_it_has_ended(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.joined.reader.STOP_LIMIT_S", PATIENCE_S)
    rig.left.stopping = threading.Event()
    stop = threading.Thread(target=rig.camera.stop)
    stop.start()
    until(lambda: rig.left.done[-1] == "stopping")
    threading.Timer(0.3, rig.left.stopping.set).start()
    rig.camera.start()
    stop.join()
    assert rig.left.done == ["start", "stopping", "stopped", "start"]


def test_a_start_that_is_given_up_says_so() -> None:
    rig = Rig()
    inside, start = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        inside.release()
        start.wait()

    rig.left.start = rig.right.start = hang
    raised: list[Exception] = []

    def try_it() -> None:
        try:
            rig.camera.start()
        except CameraError as error:
            raised.append(error)

    starting = threading.Thread(target=try_it)
    starting.start()
    for _ in range(2):
        assert inside.acquire(timeout=PATIENCE_S)
    rig.camera.stop()
    start.set()
    starting.join()
    assert [str(error) for error in raised] == ["Camera joined was stopped while it started."]
