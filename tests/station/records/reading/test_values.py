"""Rows with spoilt values: each is named, and the rest is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station.contract import DefectChanged, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.quality import report as reports
from station.records.history import History
from station.records.reading.values import SpoiltRowError
from station.records.rows import DefectFilter, RecordsError, RollFilter
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe


@pytest.fixture
def spoil(home: Path) -> Callable[[str], None]:
    """Write to a home's database as another program would."""

    def run(sql: str) -> None:
        with closing(sqlite3.connect(home / "station.db")) as connection, connection:
            assert connection.execute(sql).rowcount == 1

    return run


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    """Three rolls: 'one', 'two' and 'three', two defects each."""
    with Store.open(home) as store:
        for name in ("one", "two", "three"):
            store.begin_roll(name, make_recipe(), "cam")
            for number in (1, 2):
                store.write(DefectChanged(make_defect(number)))
            store.write(StretchClosed(Stretch(0, 100)))
            store.write(RowJudged(0, 100, np.ones(4, np.float32), width_px=100))
            store.write(RollEnded(name, Ledger(100, 100, 0)))
        assert store.flush()
        yield History(store)


ROLL = "UPDATE roll SET {} WHERE name = 'two'"
DEFECT = "UPDATE defect SET {} WHERE roll_id = 2 AND number = 2"

OF_ROLLS = [
    ("started_at = 'yesterday'", "its started_at holds 'yesterday', which is no time"),
    ("started_at = 17", "which is no time"),
    ("started_at = '2026-13-45 00:00:00'", "which is no time"),
    ("ended_at = x'00ff'", "which is no time"),
    ("name = CAST(x'ff41' AS TEXT)", r"its name holds '\udcffA', which is not text in UTF-8"),
    ("lines_acquired = 'many'", "its lines_acquired holds 'many', which is no whole number"),
    ("lines_inspected = 1.5", "which is no whole number"),
    ("mm_per_px = 'x'", "which is no number"),
    ("mm_per_line = 9e999", "its mm_per_line holds inf, which is no number"),
    ("recipe_id = 999", "its recipe_id holds 999, which leads to no recipe"),
    ("unverified = x'41'", "which is no text"),
]
OF_DEFECTS = [
    ("score = 'abc'", "its score holds 'abc', which is no number"),
    ("score = -9e999", "which is no number"),
    ("kind = 'zzz'", "its kind holds 'zzz', which is none of "),
    ("look = 'zzz'", "its look holds 'zzz', which is none of fine"),
    ("threshold = 0", "its threshold holds 0.0, which is no threshold"),
    ("kind = CAST(x'fe' AS TEXT)", "which is none of "),
    ("verdict = 'zzz'", "its verdict holds 'zzz', which is none of confirmed, false alarm"),
    ("is_reject = 'no'", "its is_reject holds 'no', which is neither 1 nor 0"),
    ("closed = 7", "which is neither 1 nor 0"),
    ("first_line = 'x'", "which is no whole number"),
    ("found_at = ''", "which is no time"),
    ("piece = CAST(x'ff' AS TEXT)", "which is not text in UTF-8"),
    ("crop_file = x'00'", "which is no text"),
    ("merged_into = 'x'", "its merged_into holds 'x', which is no whole number"),
    ("length_mm = x'00'", "which is no number"),
]


@pytest.mark.field("r05")
@pytest.mark.parametrize(("change", "said"), OF_ROLLS)
def test_a_spoilt_roll_is_named_and_the_others_are_listed(
    history: History, spoil: Callable[[str], None], change: str, said: str
) -> None:
    spoil(ROLL.format(change))
    told: list[SpoiltRowError] = []
    assert [roll.name for roll in history.rolls(told=told.append)] == ["three", "one"]
    (fault,) = map(str, told)
    assert fault.startswith("Row 2 of table roll is spoilt: its ")
    assert said in fault
    assert fault.encode("utf-8")
    with pytest.raises(SpoiltRowError, match="Row 2 of table roll is spoilt"):
        history.rolls()
    assert reports.report(history, "one").defects == 2


@pytest.mark.field("r05")
@pytest.mark.parametrize(("change", "said"), OF_DEFECTS)
def test_a_spoilt_defect_is_named_and_the_report_has_the_rest_and_no_grade(
    history: History, spoil: Callable[[str], None], change: str, said: str, record_property: Callable[[str, Any], None]
) -> None:
    spoil(DEFECT.format(change))
    made = reports.report(history, "two")
    (fault,) = made.incomplete_because
    assert fault.startswith("Row 4 of table defect is spoilt: its ")
    assert said in fault
    assert [defect.number for defect in made.defect_list] == [1]
    assert (made.incomplete, made.grade) == (True, "not graded")
    assert made.grade_reasons == ("the record is incomplete (rows of it are spoilt)",)
    assert fault in reports.to_text(made)
    assert not reports.report(history, "one").incomplete
    assert len(history.rolls()) == 3
    record_property(
        "now",
        f"{len(OF_ROLLS) + len(OF_DEFECTS)} kinds of spoilt values end in no traceback: the row, column and value are "
        "named, other rolls are listed, the report has the rest, is not graded and exits with 1.",
    )


@pytest.mark.field("r05")
@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("stretch", "UPDATE stretch SET reason = 'zzz' WHERE roll_id = 2"),
        ("stretch", "UPDATE stretch SET end_line = 'x' WHERE roll_id = 2"),
        ("stretch", "UPDATE stretch SET first_line = x'00' WHERE roll_id = 2"),
    ],
)
def test_a_spoilt_stretch_makes_a_report_incomplete(
    history: History, spoil: Callable[[str], None], table: str, change: str
) -> None:
    spoil(change)
    made = reports.report(history, "two")
    assert made.incomplete
    assert made.incomplete_because[0].startswith(f"Row 2 of table {table} is spoilt")
    assert made.grade == "not graded"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE profile SET rows = x'0011' WHERE roll_id = 2",
        "UPDATE profile SET peaks = 'text' WHERE roll_id = 2",
        "UPDATE profile SET peaks = x'00000000' WHERE roll_id = 2",
        "UPDATE profile SET rows = zeroblob(24) WHERE roll_id = 2",
    ],
)
def test_a_spoilt_profile_is_named(history: History, spoil: Callable[[str], None], change: str) -> None:
    spoil(change)
    with pytest.raises(SpoiltRowError, match="Row 2 of table profile is spoilt"):
        history.profile(2)
    assert len(history.profile(3)[1]) == 4


@pytest.mark.parametrize("body", ["{", "[]", '{"fabric": "linen"}', "CAST(x'ff' AS TEXT)", "x'00'"])
def test_a_spoilt_recipe_is_named_and_never_replaced_by_an_older_one(
    home: Path, history: History, spoil: Callable[[str], None], body: str
) -> None:
    spoil(f"UPDATE recipe_version SET body = {body if '(' in body or body[0] == 'x' else repr(body)}")
    with pytest.raises(SpoiltRowError, match="Row 1 of table recipe_version is spoilt: its body holds"):
        history.recipe("linen")
    told: list[SpoiltRowError] = []
    assert history.recipes("linen", told.append) == []
    assert history.rolls(RollFilter(fabric="linen"), told.append) == []
    assert len(told) == 4
    with pytest.raises(RecordsError, match="table recipe_version is spoilt"):
        Store.open(home).begin_roll("four", make_recipe(), "cam")


def test_a_spoilt_calibration_is_left_out_and_a_spoilt_fabric_too(
    history: History, spoil: Callable[[str], None]
) -> None:
    spoil(
        "INSERT INTO calibration (id, camera_id, serial, kind, facts, residual, residual_unit, created_at, created_by) "
        "VALUES (1, 'cam', '', 'scale', '{}', 'x', 'px', '2026-01-01 00:00:00', 'ann')"
    )
    told: list[SpoiltRowError] = []
    assert history.calibrations(told=told.append) == []
    assert "Row 1 of table calibration is spoilt: its residual holds 'x'" in str(told[0])
    assert history.calibrations() == []
    spoil("UPDATE fabric SET name = CAST(x'ff' AS TEXT)")
    assert history.fabrics() == []


def test_a_spoilt_value_is_shown_short(history: History, spoil: Callable[[str], None]) -> None:
    spoil(DEFECT.format(f"kind = '{'z' * 500}'"))
    with pytest.raises(SpoiltRowError) as told:
        history.defects(DefectFilter(2))
    assert "zzz…" in str(told.value)
    assert len(str(told.value)) < 400
