"""The headline of a roll from the grade on record is that of its report, whatever was changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from station.contract import DefectChanged, DefectKind, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.quality.headline import Headline, headlines
from station.quality.report import report_of
from station.records.defects.words import Missed, Word
from station.records.history import History
from station.records.rating.rating import RollFigures
from station.records.reading.doubtful import TABLES
from station.records.rows import RollMeasures, Verdict
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe

CHANGES: dict[str, Callable[[Store], object]] = {
    "nothing": lambda _store: None,
    "false alarm": lambda store: store.reviews.say([1, 2], Word(Verdict.FALSE_ALARM), "ann"),
    "at odds": lambda store: [
        store.reviews.say([1], Word(Verdict.CONFIRMED), "bob"),
        store.reviews.say([1], Word(Verdict.FALSE_ALARM), "ann"),
    ],
    "taken back": lambda store: [
        store.reviews.say([3], Word(Verdict.FALSE_ALARM), "ann"),
        store.reviews.undo("ann"),
    ],
    "other kind": lambda store: store.reviews.say([2], Word(None, DefectKind.HOLE), "ann"),
    "missed": lambda store: store.reviews.put_missed(Missed("a", 5.0, 22.0, 240.0, 3.0, DefectKind.SPOT), "ann"),
    "passed one told a reject": lambda store: store.reviews.say([4], Word(Verdict.CONFIRMED), "ann"),
    "figures": lambda store: store.rating.give("a", RollFigures(cuttable_mm=400.0), "ann"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as store:
        yield store


@pytest.fixture
def ended(store: Store) -> Store:
    """A graded roll with three rejects and one that passed."""
    store.begin_roll("a", make_recipe(), "cam", measures=RollMeasures(0.5, 0.5, ""))
    for number in (1, 2, 3):
        place = {"across_mm": 200.0, "first_px": 400, "end_px": 410, "length_mm": 80.0 * number, "web_mm": 500.0}
        store.write(DefectChanged(make_defect(number, kind=DefectKind.AREA, **place)))
    store.write(DefectChanged(make_defect(4, is_reject=False)))
    store.write(RowJudged(0, 4000, np.ones(4, np.float32), width_px=1000))
    store.write(StretchClosed(Stretch(0, 4000)))
    store.write(RollEnded("a", Ledger(4000, 4000)))
    assert store.flush()
    return store


def told_of(store: Store) -> list[tuple[Headline, bool]]:
    faults: list[str] = []
    history = History(store)
    return [(made, report is None) for _, made, report in headlines(history, history.rolls(), faults.append)]


@pytest.mark.parametrize("change", CHANGES)
def test_the_grade_on_record_is_that_of_the_report_after_every_kind_of_change(ended: Store, change: str) -> None:
    CHANGES[change](ended)
    history = History(ended)
    made = Headline.of(report_of(history, history.roll("a")))
    assert made.grade in ("pass", "reject")
    assert made.points
    assert told_of(ended) == [(made, True)]


def test_of_an_open_roll_a_report_is_made(store: Store) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    history = History(store)
    assert told_of(store) == [(Headline.of(report_of(history, history.roll("a"))), False)]


SPOILT = {
    "defect": [
        "score = 'abc'", "found_at = '2026-02-31 07:00:00.000000'", "found_at = 7", "kind = 'nothing'", "closed = 2",
        "length_mm = 9e999", "threshold = 0", "number = 1.5", "verdict = x'00'", "merged_into = 'x'",
    ],
    "stretch": ["first_line = -1", "end_line = 'far'", "reason = 'none'"],
}  # fmt: skip


@pytest.mark.parametrize(("table", "value"), [(table, value) for table, values in SPOILT.items() for value in values])
def test_a_roll_with_a_spoilt_row_is_reported_anew(ended: Store, table: str, value: str) -> None:
    with closing(sqlite3.connect(ended.home / "station.db")) as database, database:
        database.execute(f"UPDATE {table} SET {value} WHERE id = 1")
    history = History(ended)
    [roll] = history.rolls()
    made = report_of(history, roll)
    assert made.spoilt
    assert told_of(ended) == [(Headline.of(made), False)]
    assert table in {one.__tablename__ for one in TABLES}
