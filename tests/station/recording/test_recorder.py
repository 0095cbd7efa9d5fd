"""What is recorded beside a line: all of it, or it is said what not; never in the line's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.camera import CameraGoneError, EncoderReading, LineBlock
from drivers.notice import Severity
from drivers.recording.camera import RecordedCamera
from drivers.recording.format import What
from drivers.recording.reader import Recording
from drivers.recording.writer import RecordingWriter
from station.contract import DefectChanged, RollEnded, StretchClosed
from station.recording.camera import RecordingCamera
from station.recording.recorder import ClothRecorder
from tests.rigs.line import Run, ScriptedCamera, block, cloth
from tests.rigs.recordings import came, look, metadata, same

MB = 10**6


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def recorder(folder: Path, **changes: object) -> ClothRecorder:
    values: dict[str, object] = {"limit_bytes": 100 * MB, "spare_bytes": 0, **changes}
    return ClothRecorder(folder, metadata(), **values)  # type: ignore[arg-type]


class Gate:
    """A disk that can be held up, or break."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.broken: OSError | None = None
        self.waiting = 0
        real = RecordingWriter.write

        def write(writer: RecordingWriter, entry: object) -> None:
            self.waiting += 1
            assert self.open.wait(60)
            if self.broken is not None:
                raise self.broken
            real(writer, entry)  # type: ignore[arg-type]

        monkeypatch.setattr(RecordingWriter, "write", write)


def spoilt_cloth(size: int = 128, pause_s: float = 0.0) -> list[object]:
    """Blocks with two flaws, a gap, a repeat, a late block and an outage."""
    picture = cloth(20 * size, 512, seed=5)
    picture[300:340, 200:260] = 250
    picture[1700:1720, 100:180] = 10
    parts: list[LineBlock] = [block(picture[at : at + size], at) for at in range(0, 20 * size, size)]
    gone = CameraGoneError("Camera script is gone (unplugged)")
    steps = [
        *parts[:4],
        parts[2],
        *parts[5:8],
        parts[9],
        parts[8],
        EncoderReading(11 * size - 8, 9.0),
        gone,
        *parts[11:],
    ]
    return [step for each in steps for step in (pause_s, each)]


def told(run: Run) -> list[object]:
    """Everything that the records would keep of cloth and defects."""
    defects = {event.defect.number: event.defect for event in run.of(DefectChanged)}
    boxes = [
        (d.first_line, d.end_line, d.first_px, d.end_px, d.score, d.is_reject)
        for d in (defects[number] for number in sorted(defects))
    ]
    return [boxes, [event.stretch for event in run.of(StretchClosed)], [e.ledger for e in run.of(RollEnded)]]


def test_played_again_a_roll_has_the_same_defects_stretches_and_ledger(tmp_path: Path) -> None:
    camera = RecordingCamera(ScriptedCamera(spoilt_cloth(), width_px=512), tmp_path)
    folder = camera.begin("r1").folder
    live = Run(camera).to_end()
    origin = live.inspection.snapshot().origin_line or 0
    assert camera.end(origin + live.inspection.snapshot().ledger.lines_acquired) == []
    replays = [Run(RecordedCamera(folder, as_fast_as_possible=True)).to_end() for _ in range(2)]
    assert told(live)[0], "there is a flaw to be found"
    assert told(replays[0]) == told(live)
    assert told(replays[1]) == told(live)
    recording = Recording(folder)
    assert recording.is_whole
    assert recording.metadata.roll == "r1"


def test_at_the_recorded_speed_the_defects_are_the_same_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.grabber.GONE_S", 60.0)  # what a read brings that was given up is not inspected
    steps = [step for step in spoilt_cloth(pause_s=0.02) if not isinstance(step, CameraGoneError)]
    camera = RecordingCamera(
        ScriptedCamera(steps[:28], width_px=512), tmp_path
    )  # fewer blocks than the line's queue takes
    folder = camera.begin().folder
    live = Run(camera).to_end()
    camera.end()
    replay = Run(RecordedCamera(folder)).to_end()
    assert told(live)[0]
    assert told(replay)[0] == told(live)[0]


def test_without_a_recording_the_tap_changes_nothing(tmp_path: Path) -> None:
    plain = ScriptedCamera([block(cloth(128, 256), 0)], width_px=256)
    camera = RecordingCamera(plain, tmp_path / "shelf")
    assert (
        told(Run(camera).to_end())[2]
        == told(Run(ScriptedCamera([block(cloth(128, 256), 0)], width_px=256)).to_end())[2]
    )
    assert camera.end() == []
    assert not (tmp_path / "shelf").exists()


def test_blocks_that_do_not_fit_are_declared_in_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    record = recorder(tmp_path / "r", waiting_bytes=3 * came(0).block.pixels.nbytes)  # type: ignore[union-attr]
    record.tell(look(What.START, 0))
    until(lambda: gate.waiting == 1)
    for number in range(10):
        record.tell(came(8 * number))
    assert record.lines_unrecorded == 7 * 8
    gate.open.set()
    until(lambda: record.blocks == 3)
    record.tell(came(80))
    record.close(88)
    recording = Recording(tmp_path / "r")
    assert recording.unrecorded == ((24, 80),)
    loaded = [recording.load(place).block for place in range(len(recording.entries))]
    assert [b.first_line for b in loaded if b is not None] == [0, 8, 16, 80]
    assert [notice for notice in record.take_notices() if "does not keep up" in notice.text]


def test_what_is_missing_at_the_very_end_is_declared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    record = recorder(tmp_path / "r", waiting_bytes=1)
    record.tell(look(What.START, 0))
    until(lambda: gate.waiting == 1)
    for number in range(3):
        record.tell(came(8 * number))
    gate.open.set()
    record.close(24)
    recording = Recording(tmp_path / "r")
    assert recording.unrecorded == ((16, 24),)
    assert recording.end_line == 24


def test_a_camera_that_can_wait_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.recording.recorder.PATIENCE_S", 60.0)
    gate = Gate(monkeypatch)
    record = recorder(tmp_path / "r", waiting_bytes=1, can_wait=True)
    teller = threading.Thread(target=lambda: [record.tell(came(8 * number)) for number in range(5)])
    teller.start()
    until(lambda: gate.waiting == 1)
    gate.open.set()
    teller.join(60)
    record.close(40)
    assert record.lines_unrecorded == 0
    assert Recording(tmp_path / "r").unrecorded == ()


def test_a_full_disk_is_told_once_and_what_was_whole_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    gate.open.set()
    record = recorder(tmp_path / "r")
    record.tell(came(0))
    until(lambda: record.blocks == 1)
    gate.broken = OSError(28, "No space left on device")
    record.tell(came(8))
    until(lambda: record.failure is not None)
    for number in range(2, 5000):
        record.tell(came(8 * number, lines=1))
    record.close(80)
    notices = record.take_notices()
    assert [notice.severity for notice in notices] == [Severity.ERROR]
    assert "No space left" in notices[0].text
    assert len(Recording(tmp_path / "r").entries) == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    record = recorder(tmp_path / "file" / "r")
    record.tell(came(0))
    until(lambda: record.failure is not None)
    record.close()
    assert [notice.severity for notice in record.take_notices()] == [Severity.ERROR]


def test_a_disk_that_is_nearly_full_is_left_to_the_records(tmp_path: Path) -> None:
    older = recorder(tmp_path / "shelf" / "older", shelf=tmp_path / "shelf")
    older.tell(came(0))
    older.close(8)
    record = recorder(tmp_path / "shelf" / "newer", shelf=tmp_path / "shelf", spare_bytes=10**18)
    record.tell(came(0))
    until(lambda: record.failure is not None)
    record.close()
    assert "nearly full" in record.take_notices()[0].text
    assert Recording(older.folder).is_whole  # dropping it would not have helped


def test_the_oldest_cloth_gives_way_on_the_whole_shelf(tmp_path: Path) -> None:
    limit = 40_000
    shelf = tmp_path / "shelf"
    for name in ("a", "b", "c"):
        record = recorder(shelf / name, limit_bytes=limit, shelf=shelf)
        for number in range(30):
            record.tell(came(8 * number))
        record.close(240)
        assert sum(file.stat().st_size for file in shelf.rglob("*.cloth")) <= limit
    assert record.failure is None
    last = Recording(shelf / "c")
    assert last.is_whole
    assert last.end_line == 240
    assert not (shelf / "a").exists()
    assert any("dropped" in notice.text for notice in record.take_notices())


def test_a_recording_that_is_kept_never_gives_way_and_is_told_where_no_room_is_left(tmp_path: Path) -> None:
    limit = 40_000
    shelf = tmp_path / "shelf"
    kept: set[Path] = {shelf / "a"}
    whole = {}
    for name in ("a", "b", "c"):
        record = recorder(shelf / name, limit_bytes=limit, shelf=shelf, kept=lambda: kept)
        for number in range(30):
            record.tell(came(8 * number))
        record.close(240)
        whole[name] = sum(file.stat().st_size for file in (shelf / name).glob("*.cloth"))
    assert record.failure is None
    assert sum(file.stat().st_size for file in (shelf / "a").glob("*.cloth")) == whole["a"] > 0
    kept |= {shelf / "b", shelf / "c"}
    last = recorder(shelf / "d", limit_bytes=limit, shelf=shelf, kept=lambda: kept)
    last.tell(came(0))
    until(lambda: last.failure is not None)
    last.close()
    assert "kept on purpose take all the room" in last.take_notices()[0].text


def test_cut_at_the_front_it_is_still_the_same_cloth(tmp_path: Path) -> None:
    record = recorder(tmp_path / "r", limit_bytes=12_000)
    for number in range(60):
        record.tell(came(8 * number))
    record.close(480)
    recording = Recording(tmp_path / "r")
    first = next(entry for entry in (recording.load(at) for at in range(9)) if entry.block is not None)
    assert recording.is_cut
    assert first.block is not None
    assert recording.unrecorded == ((8, first.block.first_line),)
    assert same(first.block, came(first.block.first_line).block or first.block)
    others = [path.name for path in tmp_path.iterdir()]
    assert others == ["r"]


def test_nothing_recorded_leaves_no_folder(tmp_path: Path) -> None:
    camera = RecordingCamera(ScriptedCamera([], width_px=8), tmp_path)
    recorder = camera.begin()
    assert camera.end() == []
    assert not recorder.folder.exists()
