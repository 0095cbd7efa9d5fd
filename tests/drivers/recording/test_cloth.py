"""Recorded cloth to teach on: every line once, in blocks of one length, whatever the camera did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.camera import EndOfClothError, LineBlock
from drivers.recording.cloth import RecordedCloth, recorded_metres
from drivers.recording.format import Entry, What
from drivers.recording.reader import Recording, RecordingError
from tests.rigs.recordings import came, look, record

BLOCK = 32


def blocks_of(cloth: RecordedCloth) -> list[LineBlock]:
    found = []
    while True:
        try:
            block = cloth.read(0.0)
        except EndOfClothError:
            return found
        assert block is not None
        found.append(block)


def lines_of(blocks: list[LineBlock]) -> list[int]:
    return [line for block in blocks for line in range(block.first_line, block.end_line)]


def test_lines_come_in_blocks_of_the_length_asked_for(tmp_path: Path) -> None:
    entries = [came(8 * number, at_s=number / 10) for number in range(12)]
    cloth = RecordedCloth(record(tmp_path / "r", look(What.START, 0), *entries), block_lines=BLOCK)
    blocks = blocks_of(cloth)
    assert [block.lines for block in blocks] == [32, 32, 32]
    whole = np.concatenate([entry.block.pixels for entry in entries if entry.block is not None])
    assert np.array_equal(np.concatenate([block.pixels for block in blocks]), whole)
    cloth.rewind()
    assert lines_of(blocks_of(cloth)) == list(range(96))


def test_metres_are_counted_from_the_recording_s_beginning(tmp_path: Path) -> None:
    came_so = [came(40 * number, 40, number / 10) for number in range(10)]
    folder = record(tmp_path / "r", look(What.START, 0), *came_so)
    assert recorded_metres(Recording(folder)) == pytest.approx(0.2)
    part = RecordedCloth(folder, block_lines=BLOCK, metres=(0.05, 0.11))
    assert lines_of(blocks_of(part)) == list(range(100, 220))
    assert part.total_lines == 220
    with pytest.raises(RecordingError, match=r"holds no cloth between metres 3 and 4; it has 0\.2 m"):
        RecordedCloth(folder, block_lines=BLOCK, metres=(3.0, 4.0))


def test_a_gap_ends_a_block_and_cloth_partly_seen_is_left_out(tmp_path: Path) -> None:
    seen_half = came(48)
    assert seen_half.block is not None
    blind = replace(seen_half, block=replace(seen_half.block, blind_px=((0, 8),)))
    folder = record(tmp_path / "r", came(0), came(8), look(What.GONE, 40, text="away"), came(40), blind, came(56))
    blocks = blocks_of(RecordedCloth(folder, block_lines=BLOCK))
    assert [(block.first_line, block.end_line) for block in blocks] == [(0, 16), (40, 48), (56, 64)]


def test_frames_come_as_they_were(tmp_path: Path) -> None:
    def frame(first: int) -> Entry:
        entry = came(first)
        assert entry.block is not None
        return replace(entry, block=replace(entry.block, frame_lines=8))

    folder = record(tmp_path / "r", frame(0), frame(8), frame(16))
    blocks = blocks_of(RecordedCloth(folder, block_lines=BLOCK))
    assert [(block.first_line, block.lines, block.frame_lines) for block in blocks] == [
        (0, 8, 8),
        (8, 8, 8),
        (16, 8, 8),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(-20, 30), st.integers(1, 40)), min_size=1, max_size=12))
def test_whatever_the_camera_did_each_line_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    at, entries, new = 0, [], {}
    for number, (step, lines) in enumerate(steps):
        first = max(0, at + step)
        entry = came(first, lines, number / 10)
        assert entry.block is not None
        reach = max(new, default=-1)
        new |= {first + row: entry.block.pixels[row] for row in range(lines) if first + row > reach}
        entries.append(entry)
        at = first + lines
    cloth = RecordedCloth(record(tmp_path_factory.mktemp("r") / "r", *entries), block_lines=BLOCK)
    blocks = blocks_of(cloth)
    assert lines_of(blocks) == [line for line in new if cloth.total_lines > line]
    assert all(block.lines <= BLOCK for block in blocks)
    for block in blocks:
        for row, line in enumerate(range(block.first_line, block.end_line)):
            assert np.array_equal(block.pixels[row], new[line])
