"""A recording on the line: what it lacks is not laid to the camera, and the ledger law holds to the line."""

from __future__ import annotations

from pathlib import Path

from drivers.recording.camera import RecordedCamera
from drivers.recording.format import Entry, What
from station.contract import Ledger, Notice, Stretch, StretchClosed, UninspectedReason
from tests.rigs.line import Run
from tests.rigs.recordings import came, look, record

LOST, MISSING, GONE = (
    UninspectedReason.LOST_BY_CAMERA,
    UninspectedReason.NOT_RECORDED,
    UninspectedReason.CAMERA_GONE,
)


def played(folder: Path, *entries: Entry, segment_bytes: int = 2**20, drop: int = 0) -> Run:
    record(folder, *entries, segment_bytes=segment_bytes)
    for number in range(drop):
        (folder / f"{number:06d}.cloth").unlink()
    return Run(RecordedCamera(folder, as_fast_as_possible=True)).to_end()


def fates(run: Run) -> list[Stretch]:
    return [event.stretch for event in run.of(StretchClosed)]


def test_what_was_not_recorded_is_told_from_what_the_camera_lost(tmp_path: Path) -> None:
    run = played(
        tmp_path / "r",
        look(What.SILENCE, 100),
        look(What.START, 150),  # the model was loading: the camera was not open
        came(160, 512),
        look(What.UNRECORDED, 972, lines=(700, 972)),
        came(1000, 512),
        look(What.UNRECORDED, 1600, lines=(1520, 1600)),
        look(What.END, 1610),
    )
    assert fates(run) == [
        Stretch(0, 50, MISSING),
        Stretch(50, 60, LOST),
        Stretch(60, 572),
        Stretch(572, 600, LOST),
        Stretch(600, 872, MISSING),
        Stretch(872, 900, LOST),
        Stretch(900, 1412),
        Stretch(1412, 1420, LOST),
        Stretch(1420, 1500, MISSING),
        Stretch(1500, 1510, LOST),
    ]
    assert run.inspection.snapshot().ledger == Ledger(1510, 1024, 486, 0)
    assert any("not recorded" in notice.text for notice in run.of(Notice))


def test_where_the_oldest_cloth_was_dropped_metres_still_count_from_the_rolls_start(tmp_path: Path) -> None:
    blocks = [came(first, 256) for first in range(0, 1536, 256)]
    run = played(tmp_path / "r", look(What.START, 0), *blocks, look(What.END, 1536), segment_bytes=1, drop=3)
    assert fates(run) == [Stretch(0, 512, MISSING), Stretch(512, 1536)]
    assert run.inspection.snapshot().origin_line == 0


def test_an_outage_is_the_cameras(tmp_path: Path) -> None:
    run = played(
        tmp_path / "r",
        look(What.START, 0),
        came(0, 512),
        look(What.GONE, 600, text="Camera left is gone (unplugged)."),
        look(What.START, 900),
        came(900, 512),
        look(What.END, 1412),
    )
    assert fates(run) == [Stretch(0, 512), Stretch(512, 900, GONE), Stretch(900, 1412)]


def test_a_recording_that_was_broken_off_ends_where_it_ends(tmp_path: Path) -> None:
    run = played(tmp_path / "r", look(What.START, 0), came(0, 512), came(512, 512))
    assert run.inspection.failure is None
    assert run.inspection.snapshot().ledger == Ledger(1024, 1024, 0, 0)
    assert any("broken off" in notice.text for notice in run.of(Notice))


def test_behind_a_damaged_block_the_rest_is_declared(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0, 512), came(512, 512), look(What.END, 1024))
    file = folder / "000000.cloth"
    whole = bytearray(file.read_bytes())
    whole[whole.rindex(b"ENTR") - 40] ^= 1
    file.write_bytes(whole)
    run = Run(RecordedCamera(folder, as_fast_as_possible=True)).to_end()
    assert "damaged" in str(run.inspection.failure)
    ledger = run.inspection.snapshot().ledger
    assert (ledger.lines_acquired, ledger.lines_in_flight) == (1024, 0)
    assert ledger.lines_uninspected >= 512
