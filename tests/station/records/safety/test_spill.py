"""The spill keeps each event once, whatever happens to its files, and says what it cannot read back."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.contract import Notice, RowJudged, Severity
from station.records.rolls import Entry
from station.records.safety.backlog import Backlog
from station.records.safety.spill import Spill
from station.records.safety.spilled import read_spilled


def entry(number: int, roll_id: int = 3) -> Entry:
    return Entry(roll_id, Notice(Severity.INFO, f"event {number}"), datetime(2026, 1, 1, tzinfo=UTC))


def texts_in(folder: Path) -> list[str]:
    runs, told = read_spilled([folder])
    assert told == []
    texts = [one.event.text for spilled in runs for one in spilled.entries if isinstance(one.event, Notice)]
    for spilled in runs:
        spilled.close()
    return texts


def damage(file: Path, text: bytes) -> None:
    content = file.read_bytes()
    with file.open("r+b") as stream:
        stream.write(content.replace(text, text.upper()))


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 6), steps=st.lists(st.integers(-8, 8), max_size=12))
def test_what_waits_at_the_end_is_in_the_files_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, limit: int, steps: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("spill")
    backlog = Backlog(Spill([folder], lambda _: None), limit=limit)
    told = done = 0
    for step in steps:
        for _ in range(step):
            assert backlog.put(entry(told))
            told += 1
        if step < 0:
            batch = backlog.next_batch(-step, 8)
            assert backlog.take_off(batch) == []
            done += len(batch)
    assert len(backlog) == told - done
    assert backlog.spill_all() == []
    backlog.close()
    left = texts_in(folder)
    assert left[len(left) - (told - done) :] == [f"event {number}" for number in range(done, told)]
    assert len(left) == len(set(left))


def test_a_damaged_line_is_counted_for_its_roll(tmp_path: Path) -> None:
    spill = Spill([tmp_path], lambda _: None)
    backlog = Backlog(spill, limit=4)
    entries = [entry(number, roll_id=number) for number in range(8)]
    assert all(map(backlog.put, entries))
    damage(spill.files[0], b"event 5")
    assert backlog.take_off(entries[:4]) == [5]
    assert [one.roll_id for one in backlog.next_batch(9, 9)] == [4, 6]


def test_a_file_deleted_meanwhile_is_read_back_and_saved_in_another(tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    spill = Spill([folder], lambda _: None)
    backlog = Backlog(spill, limit=4)
    entries = [entry(number) for number in range(12)]
    assert all(map(backlog.put, entries))
    shutil.rmtree(folder)
    assert spill.files == []
    assert backlog.take_off(entries[:4]) == []
    assert backlog.next_batch(9, 9)[0].event == entries[4].event
    assert backlog.spill_all() == []
    backlog.close()
    assert texts_in(folder) == [f"event {number}" for number in range(4, 12)]


def test_only_what_does_not_fit_at_the_end_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = Spill([tmp_path], lambda _: None)
    backlog = Backlog(spill)
    entries = [entry(number) for number in range(5)]
    assert all(map(backlog.put, entries))
    add = spill.add
    monkeypatch.setattr(spill, "add", lambda number, one: number not in (1, 3) and add(number, one))
    assert backlog.spill_all() == [entries[1], entries[3]]
    backlog.close()
    assert texts_in(tmp_path) == ["event 0", "event 2", "event 4"]


def test_cloth_counts_as_told_though_its_event_is_refused() -> None:
    backlog = Backlog(limit=1)
    assert backlog.put(entry(0))
    row = RowJudged(100, 300, np.ones(2, np.float32))
    assert not backlog.put(Entry(3, row, datetime(2026, 1, 1, tzinfo=UTC)))
    assert backlog.lines_behind == {3: 200}
