"""Laws of what is kept, over cloth of any fate."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.contract import Ledger, RollEnded, RowJudged, Stretch, StretchClosed, UninspectedReason
from station.records.history import History
from station.records.rolls import stretches_of_rows
from station.records.store import Store
from tests.rigs.records import make_recipe

FATES = [None, *UninspectedReason]


@pytest.fixture(scope="module")
def records() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "home") as store:
        yield store


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.tuples(st.integers(1, 10**7), st.sampled_from(FATES), st.booleans()), max_size=12))
def test_stretches_tile_the_roll_and_make_the_ledger(
    records: Store, parts: list[tuple[int, UninspectedReason | None, bool]]
) -> None:
    name = records.begin_roll(None, make_recipe(), "cam")
    ends = list(itertools.accumulate((lines for lines, _, _ in parts), initial=0))
    for (first, end), (_, reason, flush) in zip(itertools.pairwise(ends), parts, strict=True):
        records.write(StretchClosed(Stretch(first, end, reason)))
        if flush:
            records.flush()
    inspected = sum(lines for lines, reason, _ in parts if reason is None)
    ledger = Ledger(ends[-1], inspected, ends[-1] - inspected, 3)
    records.flush()
    history = History(records)
    assert history.roll(name).ledger == Ledger(ends[-1], inspected, ends[-1] - inspected)
    records.write(RollEnded(name, ledger))
    assert records.flush()
    roll = history.roll(name)
    assert roll.ledger == ledger
    kept = history.stretches(roll.id)
    assert [end for _, end in ((s.first_line, s.end_line) for s in kept)][-1:] == ends[1:][-1:]
    assert all(a.end_line == b.first_line and a.reason != b.reason for a, b in itertools.pairwise(kept))
    fate = [reason for lines, reason, _ in parts if lines]
    assert [s.reason for s in kept] == [reason for reason, _ in itertools.groupby(fate)]
    with records.read_engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT count(*) FROM event WHERE action = 'ledger disagrees'").scalar()
    assert told == 0


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_score_profile_comes_back_whole_and_in_order(records: Store, data: st.DataObject) -> None:
    scale = data.draw(st.sampled_from([None, 0.5, 10.0]))
    records.begin_roll(None, make_recipe(mm_per_px=scale, fabric=f"f{scale}".replace(".", "-")), "cam")
    rows = []
    first = 0
    for patches in data.draw(st.lists(st.integers(0, 9), max_size=30)):
        lines = data.draw(st.integers(1, 900))
        peaks = np.array(data.draw(st.lists(st.floats(0, 9, width=32), min_size=patches, max_size=patches)), np.float32)
        rows.append(RowJudged(first, first + lines, peaks))
        records.write(rows[-1])
        if data.draw(st.booleans()):
            records.flush()
        first += lines
    assert records.flush()
    history = History(records)
    first_lines, peaks = history.profile(history.rolls()[0].id)
    assert first_lines.dtype == np.int64
    assert peaks.dtype == np.float32
    assert np.array_equal(peaks, np.concatenate([np.empty(0, np.float32), *(row.peaks for row in rows)]))
    expected = [row.first_line for row in rows for _ in range(row.peaks.size)]
    assert first_lines.tolist() == expected


rows_of_lines = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 120)).map(lambda r: (r[0], r[0] + r[1])), max_size=12
)


@given(rows=rows_of_lines, told=st.integers(0, 300))
def test_after_a_crash_only_rows_but_the_last_vouch_for_cloth(rows: list[tuple[int, int]], told: int) -> None:
    stretches = stretches_of_rows(np.array(rows, np.int64).reshape(-1, 2), told)
    bounds = [told, *(s.end_line for s in stretches)]
    assert [s.first_line for s in stretches] == bounds[:-1]
    assert all(s.end_line > s.first_line for s in stretches)
    assert bounds[-1] == max([told, *(end for _, end in rows)])
    vouched = {line for first, end in rows[:-1] for line in range(max(first, told), end)}
    assert {line for s in stretches if s.inspected for line in range(s.first_line, s.end_line)} == vouched
