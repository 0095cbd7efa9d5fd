"""The width of the web, kept metre by metre."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import station.records.engine as engine_module
from station.contract import RowJudged
from station.records.history import History
from station.records.reading.values import SpoiltRowError
from station.records.rolls import Entry
from station.records.safety.codec import entry_content, entry_of
from station.records.schema import now
from station.records.store import Store
from station.records.traces.width import WidthRow
from tests.rigs.records import make_recipe
from tests.station.records.test_migrations import FIRST_SCHEMA_ROLL, ROLLS

PEAKS = np.ones(2, np.float32)


def judged(first: int, end: int, width_px: int, is_measured: bool = True) -> RowJudged:
    return RowJudged(first, end, PEAKS, width_px=width_px, cloth_px=width_px if is_measured else 0)


@pytest.fixture(scope="module")
def records() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "home") as store:
        yield store


def test_a_narrow_spot_is_told_with_its_place(records: Store) -> None:
    name = records.begin_roll(None, make_recipe(), "cam")
    for first, width in ((0, 1600), (1000, 1600), (2000, 1600), (3000, 1480), (3200, 1620)):
        records.write(judged(first, first + 200, width))
    assert records.flush()
    history = History(records)
    assert history.width(history.roll(name).id) == [
        WidthRow(0, 0, 1200, 400, 400, 1600.0, 1600, 0, 1600, 0),
        WidthRow(1, 2000, 3400, 600, 600, pytest.approx(4700 / 3), 1480, 3000, 1620, 3200),
    ]


def test_the_cameras_width_is_no_width_of_cloth(records: Store) -> None:
    name = records.begin_roll(None, make_recipe(), "cam")
    records.write(judged(0, 500, 2048, is_measured=False))
    records.write(judged(500, 900, 1600))
    records.write(judged(2000, 2500, 2048, is_measured=False))
    assert records.flush()
    history = History(records)
    first, second = history.width(history.roll(name).id)
    assert (first.judged_lines, first.measured_lines, first.mean_px) == (900, 400, 1600)
    assert (second.judged_lines, second.measured_lines, second.mean_px, second.least_px) == (500, 0, None, None)


def test_without_a_scale_parts_have_2048_lines(records: Store) -> None:
    name = records.begin_roll(None, make_recipe(fabric="no scale", mm_per_px=None), "cam")
    for first in range(0, 5000, 250):
        records.write(judged(first, first + 250, 700))
    assert records.flush()
    history = History(records)
    assert [row.judged_lines for row in history.width(history.roll(name).id)] == [2250, 2000, 750]


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 4000), st.booleans(), st.booleans()), max_size=20),
    scale=st.sampled_from([None, 0.1, 0.5, 7.0]),
)
def test_all_that_was_judged_is_in_one_metre_whatever_was_written_at_once(
    records: Store, rows: list[tuple[int, int, bool, bool]], scale: float | None
) -> None:
    name = records.begin_roll(None, make_recipe(fabric=f"at {scale}", mm_per_px=scale), "cam")
    line = 0
    for lines, width, is_measured, flush in rows:
        records.write(judged(line, line + lines, width, is_measured))
        line += lines
        if flush:
            assert records.flush()
    assert records.flush()
    history = History(records)
    kept = history.width(history.roll(name).id)
    measured = [(lines, width) for lines, width, is_measured, _ in rows if is_measured]
    assert sum(row.judged_lines for row in kept) == line
    assert sum(row.measured_lines for row in kept) == sum(lines for lines, _ in measured)
    total = sum((row.mean_px or 0) * row.measured_lines for row in kept)
    assert total == pytest.approx(sum(lines * width for lines, width in measured))
    known = [row for row in kept if row.least_px is not None]
    assert min((row.least_px for row in known), default=None) == min((width for _, width in measured), default=None)
    assert max((row.most_px for row in known), default=None) == max((width for _, width in measured), default=None)


def test_what_waited_in_a_file_knows_whether_it_was_measured() -> None:
    for row in (judged(0, 10, 5), judged(0, 10, 5, is_measured=False)):
        back = entry_of(entry_content(Entry(1, row, now()), 1)).event
        assert isinstance(back, RowJudged)
        assert (back.width_px, back.cloth_px) == (5, row.cloth_px)
    old = entry_content(Entry(1, judged(0, 10, 5), now()), 1)
    del old["event"]["cloth_px"]
    assert entry_of(old).event.cloth_px == 0, "an older station did not know"


def test_a_spoilt_row_is_named_and_the_rest_is_read(home: Path) -> None:
    with Store.open(home) as store:
        name = store.begin_roll(None, make_recipe(), "cam")
        for first in (0, 2000, 4000):
            store.write(judged(first, first + 200, 1600))
    with closing(sqlite3.connect(home / "station.db")) as connection, connection:
        connection.execute("UPDATE width SET least_px = 'abc' WHERE part = 1")
        connection.execute("UPDATE width SET line_px = 1 WHERE part = 2")
    told: list[SpoiltRowError] = []
    with Store.open(home) as store:
        history = History(store)
        roll = history.roll(name)
        assert [row.part for row in history.width(roll.id, told.append)] == [0]
        with pytest.raises(SpoiltRowError):
            history.width(roll.id)
    assert [str(one).split(",")[0] for one in told] == ["Row 1"] * 2
    assert "its least_px holds 'abc'" in str(told[0])


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_rolls_of_every_earlier_schema_have_no_widths_and_new_ones_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    with monkeypatch.context() as old:
        old.setattr(engine_module, "HEAD", revision)
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in (*FIRST_SCHEMA_ROLL[:3], ROLLS[min(revision, "0005")]):
            connection.exec_driver_sql(statement)
    for engine in engines:
        engine.dispose()
    with Store.open(home) as store:
        history = History(store)
        assert history.width(history.roll("old").id) == []
        name = store.begin_roll(None, make_recipe(fabric="silk"), "cam")
        store.write(judged(0, 200, 1600))
        assert store.flush()
        assert [row.mean_px for row in history.width(history.roll(name).id)] == [1600]
