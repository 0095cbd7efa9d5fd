"""The format: what was written is what is read, whatever happens to the file behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drivers.camera import EncoderReading, LineBlock
from drivers.recording.format import Entry, What
from drivers.recording.reader import Recording, RecordingError
from drivers.recording.writer import RecordingWriter
from tests.rigs.places import ROOT
from tests.rigs.recordings import came, look, metadata, record, same

LINE = st.integers(-(2**40), 2**40)
READING = st.builds(EncoderReading, LINE, st.floats(-1e6, 1e6))
SHAPE = st.tuples(st.integers(0, 9), st.integers(1, 9)) | st.tuples(st.integers(0, 5), st.integers(1, 5), st.just(3))
BLOCK = st.builds(
    LineBlock,
    arrays(np.uint8, SHAPE),
    LINE,
    st.floats(0.001, 1e6),
    st.integers(0, 2**63),
    st.text(min_size=1, max_size=20),
    st.none() | st.text(max_size=20),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2).map(tuple),
    st.booleans(),
)
TIME = st.integers(0, 2**63)
ENTRY = (
    st.builds(Entry, st.just(What.BLOCK), TIME, READING, BLOCK)
    | st.builds(Entry, st.sampled_from([What.START, What.SILENCE, What.END]), TIME, READING)
    | st.builds(Entry, st.just(What.GONE), TIME, READING, text=st.text(max_size=40))
    | st.builds(Entry, st.just(What.UNRECORDED), TIME, READING, lines=st.tuples(LINE, LINE))
)


def equal(one: Entry, other: Entry) -> bool:
    names = ("what", "at_ns", "reading", "lines", "text")
    if (one.block is None) is not (other.block is None):
        return False
    blocks = one.block is None or other.block is None or same(one.block, other.block)
    return blocks and all(getattr(one, name) == getattr(other, name) for name in names)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(entries=st.lists(ENTRY, min_size=1, max_size=12), segment_bytes=st.sampled_from([1, 600, 2**20]))
def test_what_was_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], segment_bytes: int
) -> None:
    folder = record(tmp_path_factory.mktemp("r"), *entries, segment_bytes=segment_bytes)
    recording = Recording(folder)
    assert len(recording.entries) == len(entries)
    assert all(equal(recording.load(place), entry) for place, entry in enumerate(entries))
    assert recording.metadata.origin_line == entries[0].reading.due_line


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(cut=st.integers(0, 10_000))
def test_a_kill_at_any_byte_leaves_all_that_was_whole(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    entries = [look(What.START, 0), *(came(8 * n, at_s=n / 10) for n in range(6))]
    folder = record(tmp_path_factory.mktemp("r"), *entries)
    file = folder / "000000.cloth"
    whole = file.read_bytes()
    kept = min(cut, len(whole))
    file.write_bytes(whole[:kept])
    ends = [len(whole) - sum(sizes_of(folder, whole)[place:]) for place in range(1, len(entries) + 1)]
    expected = sum(end <= kept for end in ends)
    if expected == 0:
        with pytest.raises(RecordingError, match=r"nothing yet|no recording"):
            Recording(folder)
        return
    recording = Recording(folder)
    assert len(recording.entries) == expected
    assert all(equal(recording.load(place), entries[place]) for place in range(expected))
    assert not recording.is_whole


def sizes_of(folder: Path, whole: bytes) -> list[int]:
    """Bytes of each entry behind the metadata, by the marks that frame them."""
    places = [place for place in range(len(whole)) if whole.startswith(b"ENTR", place)]
    return [end - begin for begin, end in zip(places, [*places[1:], len(whole)], strict=True)][1:]


def test_a_tail_of_zeros_after_a_loss_of_power_is_no_damage(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0), came(8))
    file = folder / "000000.cloth"
    whole = file.read_bytes()
    file.write_bytes(whole + bytes(5000))
    assert len(Recording(folder).entries) == 3
    file.write_bytes(whole[:-20] + bytes(20))
    assert len(Recording(folder).entries) == 2


def read_all(folder: Path) -> list[Entry]:
    recording = Recording(folder)
    return [recording.load(place) for place in range(len(recording.entries))]


@pytest.mark.parametrize("segment_bytes", [2**20, 1])
def test_any_damaged_byte_is_noticed_in_one_sentence(tmp_path: Path, segment_bytes: int) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0), came(8), came(16), segment_bytes=segment_bytes)
    file = sorted(folder.glob("*.cloth"))[-3 if segment_bytes == 1 else 0]
    whole = file.read_bytes()
    last_entry = whole.rindex(b"ENTR")  # the very last one may be torn without being damage
    for place in range(0, last_entry if segment_bytes > 1 else len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(RecordingError) as caught:
            read_all(folder)
        assert "\n" not in str(caught.value)
        assert file.name in str(caught.value)


def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        Recording(tmp_path / "none")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(RecordingError, match="not a folder"):
        Recording(tmp_path / "a.txt")
    with pytest.raises(RecordingError, match="holds no recording"):
        Recording(tmp_path)
    (tmp_path / "000000.cloth").write_bytes(b"P5 10 10 255 ...........")
    with pytest.raises(RecordingError, match="no segment"):
        Recording(tmp_path)
    (tmp_path / "000000.cloth").rename(tmp_path / "holiday.cloth")
    with pytest.raises(RecordingError, match="no segment"):
        Recording(tmp_path)


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", *(came(8 * n) for n in range(4)), segment_bytes=1)
    (folder / "000002.cloth").unlink()
    with pytest.raises(RecordingError, match="lacks segment 000002"):
        Recording(folder)


def test_without_its_oldest_segments_it_says_from_where_it_knows(tmp_path: Path) -> None:
    entries = [look(What.SILENCE, 100), look(What.START, 120), *(came(120 + 8 * n) for n in range(4))]
    folder = record(tmp_path / "r", *entries, segment_bytes=1)
    assert Recording(folder).unrecorded == ((100, 120),)
    early = [look(What.SILENCE, 100), look(What.START, 120), came(96), came(120)]
    assert Recording(record(tmp_path / "early", *early)).unrecorded == ()
    for number in range(4):
        (folder / f"00000{number}.cloth").unlink()
    recording = Recording(folder)
    assert recording.is_cut
    assert recording.metadata.origin_line == 100
    assert recording.unrecorded == ((100, 136),)


def test_a_full_disk_leaves_no_half_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    writer = RecordingWriter(folder, metadata())
    writer.write(came(0))
    real_write, room = os.write, 300

    def write(file: int, data: bytes) -> int:
        nonlocal room
        if room == 0:
            raise OSError(28, "No space left on device")
        taken = real_write(file, data[:room])
        room -= taken
        return taken

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        writer.write(came(8))
    monkeypatch.undo()
    writer.write(came(16))
    writer.close()
    blocks = [Recording(folder).load(place).block for place in range(2)]
    assert [block and block.first_line for block in blocks] == [0, 16]


def test_a_killed_writer_leaves_what_it_had_written(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tests.rigs.recordings import *\n"
        "record(Path(sys.argv[1]), *(came(8 * n) for n in range(50)), close=False)\n"
        "print('written', flush=True)\ntime.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "r")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    recording = Recording(tmp_path / "r")
    assert len(recording.entries) == 50
    block = recording.load(49).block
    assert block is not None
    assert same(block, came(392).block or block)
