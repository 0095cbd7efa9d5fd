"""The camera that plays a recording: the same blocks, gaps, stops and outages."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.camera import CameraError, CameraGoneError, EncoderReading, EndOfClothError, LineBlock
from drivers.notice import Severity
from drivers.recording.camera import RecordedCamera
from drivers.recording.format import Entry, What
from drivers.recording.reader import RecordingError
from drivers.registry import open_camera
from tests.rigs.camera_settings import camera_settings
from tests.rigs.recordings import came, look, record, same

OUTAGE = (
    look(What.SILENCE, 0),
    look(What.START, 40, at_s=0.5),
    came(40, at_s=0.6),
    look(What.GONE, 50, at_s=0.7, text="Camera left is gone (unplugged)."),
    look(What.SILENCE, 70, at_s=0.8),
    look(What.GONE, 80, at_s=0.9, text="still gone"),
    look(What.START, 96, at_s=1.0),
    came(96, at_s=1.1),
    look(What.END, 104, at_s=1.2),
)
ODD = (
    look(What.START, 0),
    came(0),
    came(8),
    came(0),  # again
    came(40),  # 24 lines are lost
    came(32),  # late
    look(What.UNRECORDED, 64, lines=(48, 64)),
    came(64),
    look(What.END, 80),
)


def drain(camera: RecordedCamera, limit_s: float = 60.0) -> list[LineBlock]:
    """All that comes until the end; starts again after an outage."""
    blocks, end = [], time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            block = camera.read(0.05)
        except EndOfClothError:
            return blocks
        except CameraGoneError:
            camera.stop()
            start_again(camera)
            continue
        if block is not None:
            blocks.append(block)
    raise AssertionError("the recording does not end")


def start_again(camera: RecordedCamera, limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            return camera.start()
        except CameraGoneError:
            time.sleep(0.01)
    raise AssertionError("the camera does not come back")


class HandClock:
    """The time as the camera sees it: what the test says."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return round(self.now_s * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    made = HandClock()
    monkeypatch.setattr("drivers.recording.camera.time", made)
    return made


def blocks_of(entries: tuple[Entry, ...]) -> list[LineBlock]:
    return [entry.block for entry in entries if entry.block is not None]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("entries", [ODD, OUTAGE])
def test_every_block_comes_bit_for_bit_in_the_order_it_came(
    tmp_path: Path, entries: tuple[Entry, ...], fast: bool
) -> None:
    camera = RecordedCamera(record(tmp_path / "r", *entries), as_fast_as_possible=fast)
    assert (camera.camera_id, camera.width_px, camera.channels, camera.mm_per_px) == ("left", 64, 1, 0.5)
    assert camera.waits is fast
    camera.start()
    played = drain(camera)
    recorded = blocks_of(entries)
    assert len(played) == len(recorded)
    assert all(same(one, other, but_time=True) for one, other in zip(played, recorded, strict=True))
    assert camera.encoder() == EncoderReading(camera.total_lines, 0.0)
    camera.stop()
    camera.stop()


def test_at_the_recorded_speed_blocks_are_as_old_as_they_were_and_never_early(tmp_path: Path) -> None:
    entries = [look(What.START, 0), *(came(8 * n, at_s=0.1 * n) for n in range(1, 6))]
    camera = RecordedCamera(record(tmp_path / "r", *entries))
    began = time.monotonic_ns()
    camera.start()
    played = drain(camera)
    times = [block.captured_ns for block in played]
    assert all(later - earlier == 100_000_000 for earlier, later in pairwise(times))
    assert times[0] >= began + 90_000_000
    assert time.monotonic_ns() - began >= 500_000_000


def test_the_encoder_moves_and_stands_as_it_did(tmp_path: Path, clock: HandClock) -> None:
    entries = [
        look(What.SILENCE, 5),
        look(What.START, 9),
        came(10, at_s=0.1),
        Entry(What.SILENCE, look(What.SILENCE, 0, at_s=0.2).at_ns, EncoderReading(18, 0.0)),
        came(18, at_s=3600.0),
    ]
    camera = RecordedCamera(record(tmp_path / "r", *entries))
    assert camera.encoder() == EncoderReading(5, 0.0)
    camera.start()
    assert camera.encoder() == EncoderReading(9, 80.0)
    assert camera.read(0.0) is None
    clock.now_s += 0.15
    assert camera.encoder() == EncoderReading(18, 80.0)
    assert camera.read(0.0) is not None
    assert camera.encoder() == EncoderReading(18, 80.0)
    clock.now_s += 0.1
    assert camera.encoder() == EncoderReading(18, 0.0)
    assert camera.read(0.0) is None
    assert camera.encoder() == EncoderReading(18, 0.0)


def test_stopped_it_stands_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    entries = [look(What.START, 0), *(came(8 * n) for n in range(4)), look(What.END, 32)]
    camera = RecordedCamera(record(tmp_path / "r", *entries), as_fast_as_possible=True)
    assert camera.read(0.0) is None
    camera.start()
    first = camera.read(0.0)
    camera.stop()
    assert camera.read(0.0) is None
    assert camera.encoder() == EncoderReading(8, 0.0)
    camera.start()
    assert first is not None
    assert [block.first_line for block in [first, *drain(camera)]] == [0, 8, 16, 24]


def test_a_stop_ends_a_read_that_waits(tmp_path: Path) -> None:
    camera = RecordedCamera(record(tmp_path / "r", look(What.START, 0), came(0, at_s=3600.0)))
    camera.start()
    reader = threading.Thread(target=camera.read, args=(3600.0,))
    reader.start()
    camera.stop()
    reader.join(60)
    assert not reader.is_alive()


def test_an_outage_is_an_outage_as_long_as_it_was(tmp_path: Path, clock: HandClock) -> None:
    camera = RecordedCamera(record(tmp_path / "r", *OUTAGE))
    camera.start()
    clock.now_s += 0.19
    assert camera.read(0.0) is not None
    assert camera.read(0.0) is None
    clock.now_s += 0.02
    with pytest.raises(CameraGoneError, match="unplugged"):
        camera.read(0.0)
    camera.stop()
    clock.now_s += 0.28
    with pytest.raises(CameraGoneError):
        camera.start()
    clock.now_s += 0.02
    camera.start()
    assert camera.encoder().due_line >= 96
    clock.now_s += 1.0
    assert [block.first_line for block in drain(camera)] == [96]


def test_a_camera_that_was_not_there_at_first(tmp_path: Path) -> None:
    entries = (look(What.GONE, 0, text="no camera"), look(What.START, 30, at_s=0.1), came(30, at_s=0.2))
    camera = RecordedCamera(record(tmp_path / "r", *entries), as_fast_as_possible=True)
    with pytest.raises(CameraGoneError, match="no camera"):
        camera.start()
    camera.start()
    assert [block.first_line for block in drain(camera)] == [30]


def test_what_is_not_recorded_is_named_and_told_once(tmp_path: Path) -> None:
    camera = RecordedCamera(record(tmp_path / "r", *ODD), as_fast_as_possible=True)
    assert camera.unrecorded == ((48, 64),)
    assert [notice.severity for notice in camera.take_notices() if "16 lines" in notice.text] == [Severity.WARNING]
    assert camera.take_notices() == []
    whole = RecordedCamera(record(tmp_path / "s", look(What.START, 0), came(0), look(What.END, 8)))
    assert whole.take_notices() == []
    killed = RecordedCamera(record(tmp_path / "t", look(What.START, 0), came(0)))
    assert "broken off" in killed.take_notices()[0].text


def test_another_name_may_be_given(tmp_path: Path) -> None:
    camera = RecordedCamera(record(tmp_path / "r", *ODD), as_fast_as_possible=True, camera_id="archive")
    camera.start()
    assert {camera.camera_id, *(block.camera_id for block in drain(camera))} == {"archive"}


def test_a_damaged_block_is_one_sentence_when_it_is_its_turn(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0), came(8), look(What.END, 16))
    file = folder / "000000.cloth"
    whole = bytearray(file.read_bytes())
    place = whole.rindex(b"ENTR") - 40  # in the pixels of the second block
    whole[place] ^= 1
    file.write_bytes(whole)
    camera = RecordedCamera(folder, as_fast_as_possible=True)
    camera.start()
    assert camera.read(0.0) is not None
    with pytest.raises(RecordingError, match="damaged at byte"):
        camera.read(0.0)


def test_a_segment_removed_while_it_is_played_is_one_sentence(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0), came(8), segment_bytes=1)
    camera = RecordedCamera(folder, as_fast_as_possible=True)
    camera.start()
    assert camera.read(0.0) is not None
    (folder / "000002.cloth").unlink()
    with pytest.raises(RecordingError, match="was removed"):
        camera.read(0.0)


def test_settings_open_a_recording(tmp_path: Path) -> None:
    record(tmp_path / "r", *ODD)
    camera = open_camera(camera_settings({"kind": "recorded", "folder": str(tmp_path / "r")}))
    assert (camera.camera_id, camera.waits) == ("left", False)
    fast = {"kind": "recorded", "folder": str(tmp_path / "r"), "speed": "as fast as possible", "camera_id": "desk"}
    camera = open_camera(camera_settings(fast))
    assert (camera.camera_id, camera.waits) == ("desk", True)
    with pytest.raises(CameraError, match="'speed'"):
        camera_settings({**fast, "speed": "ludicrous"})
    with pytest.raises(CameraError, match="does not exist"):
        open_camera(camera_settings({**fast, "folder": str(tmp_path / "none")}))
