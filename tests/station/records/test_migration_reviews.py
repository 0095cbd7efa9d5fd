"""Records of every earlier station gain counts, opinions, filters and an alarm history."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import station.records.engine as engine_module
from station.local_time import local
from station.records.alarms.history import AlarmHistory, AlarmState
from station.records.defects.search import DefectQuery, DefectSearch
from station.records.defects.summaries import Summaries
from station.records.defects.words import Word
from station.records.history import History
from station.records.rows import DefectFilter, Verdict
from station.records.store import Store
from tests.station.records.test_migrations import FIRST_SCHEMA_ROLL, OLD_DEFECT, ROLLS

REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006"]
COPY = (
    "INSERT INTO defect (id, roll_id, number, first_line, end_line, first_px, end_px, length_mm, width_mm, area_mm2, "
    "position_mm, across_mm, score, kind, is_reject, closed, found_at, changed_at, verdict, reviewed_by, merged_into) "
    "SELECT {id}, roll_id, {id}, first_line, end_line, first_px, end_px, length_mm, width_mm, area_mm2, position_mm, "
    "across_mm, {score}, kind, {is_reject}, closed, '2026-01-01 22:30:00.000000', changed_at, {verdict}, {by}, {into} "
    "FROM defect WHERE id = 1"
)
DEFECTS = (
    COPY.format(id=2, score=3.0, is_reject=1, verdict="'confirmed'", by="'ann'", into="NULL"),
    COPY.format(id=4, score=3.0, is_reject=1, verdict="'false alarm'", by="'bob'", into="NULL"),
    COPY.format(id=5, score=1.0, is_reject=0, verdict="NULL", by="NULL", into="NULL"),
    COPY.format(id=6, score=3.0, is_reject=0, verdict="NULL", by="NULL", into="2"),
)
REVIEWS = (
    "INSERT INTO review VALUES (1, 2, 'false alarm', '2026-01-02 00:00:00.000000', 'ann', 'hm')",
    "INSERT INTO review VALUES (2, 2, 'confirmed', '2026-01-03 00:00:00.000000', 'ann', '')",
    "INSERT INTO review VALUES (3, 4, 'confirmed', '2026-01-04 00:00:00.000000', 'ann', '')",
    "INSERT INTO review VALUES (4, 4, 'false alarm', '2026-01-05 00:00:00.000000', 'bob', '')",
)
HEAD_ROW = "INSERT INTO event_head VALUES (1, 7, 'x')"
EVENT = "INSERT INTO event VALUES ({id}, '2026-01-01 {at}:00.000000', '{who}', '{action}', '', '{new}', '{why}', 'x')"
EVENTS = [
    EVENT.format(id=number, at=at, who=who, action=action, new=new, why=why)
    for number, (at, who, action, new, why) in enumerate(
        [
            ("08:00", "line", "notice: warning", "Camera cam lost 3 lines before line 9.", "roll number {roll}"),
            ("08:10", "line", "notice: warning", "Camera cam lost 8 lines before line 99.", "roll number {roll}"),
            ("09:00", "station", "stop announced", "running defect 3", "roll number {roll}"),
            ("09:01", "ann", "stop vetoed", "running defect 3", "roll number {roll}"),
            ("09:30", "station", "stop requested", "critical defect 4", "roll number 999"),
            ("10:00", "station", "fault", "5 more of this: A fault in x.", "x, KeyError, roll number {roll}"),
            ("11:00", "ann", "defect reviewed", "defect 2: confirmed", ""),
        ],
        start=1,
    )
]


@pytest.fixture(params=REVISIONS)
def old(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of an earlier revision with reviewed defects and a few alarms in its audit."""
    revision = request.param
    with monkeypatch.context() as before:
        before.setattr(engine_module, "HEAD", revision)
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in (*FIRST_SCHEMA_ROLL[:3], (ROLLS | {"0006": ROLLS["0005"]})[revision], OLD_DEFECT):
            connection.exec_driver_sql(statement)
        roll = connection.exec_driver_sql("SELECT id FROM roll").scalar()
        for statement in (*DEFECTS, *REVIEWS, HEAD_ROW, *(event.replace("{roll}", str(roll)) for event in EVENTS)):
            connection.exec_driver_sql(statement)
        if revision == "0006":
            connection.exec_driver_sql("UPDATE defect SET look = 'broad, soft', threshold = 0.5 WHERE id = 2")
    for engine in engines:
        engine.dispose()
    return home


def test_defects_of_old_are_counted_found_and_stand_as_people_said(old: Path) -> None:
    with Store.open(old) as store:
        history = History(store)
        roll = history.roll("old")
        assert (roll.defects, roll.rejects, roll.confirmed, roll.false_alarms, roll.missed) == (4, 3, 1, 1, 0)
        [day] = Summaries(store.read_engine).trend()
        assert (day[1].rolls, day[1].rejects, day[1].confirmed, day[1].false_alarms) == (1, 3, 1, 1)
        rows = {row.id: row for row in history.defects(DefectFilter(roll.id))}
        assert {number: row.needs_review for number, row in rows.items()} == {1: True, 2: False, 4: True, 5: False}
        assert [number for number, row in rows.items() if row.disputed] == [4]
        search = DefectSearch(store.read_engine, old)
        hour = local(datetime(2026, 1, 1, 22, 30, tzinfo=UTC)).hour

        def found(**asked: object) -> set[int]:
            return {row.id for row in search.page(DefectQuery(**asked)).rows}  # type: ignore[arg-type]

        assert found(hours=(hour, hour + 1)) == {2, 4, 5}
        assert found(reviewer="ann") == {2, 4}
        assert found(reviewer="ann", verdict=Verdict.CONFIRMED) == {2}
        assert found(most_score=0.25) == {5}
        assert found(least_score=0.74, most_score=0.76) == ({4} if rows[2].threshold == 0.5 else {2, 4})
        assert found(least=2.9, most=3.1) == {1, 2, 4, 5}


def test_reviews_of_old_can_be_taken_back_one_by_one(old: Path) -> None:
    with Store.open(old) as store:
        history = History(store)
        assert store.reviews.undo("bob") == [4]
        row = next(row for row in history.defects(DefectFilter(history.roll("old").id)) if row.id == 4)
        assert (row.verdict, row.reviewed_by, row.disputed, row.needs_review) == (
            Verdict.CONFIRMED,
            "ann",
            False,
            False,
        )
        assert history.reviews(2)[0].word == Word(Verdict.FALSE_ALARM, note="hm")


def test_the_audit_of_old_makes_a_history_of_alarms(old: Path) -> None:
    with Store.open(old) as store:
        alarms = AlarmHistory(store.read_engine).alarms()
    told = [(alarm.what, alarm.occurrences, alarm.state, alarm.acknowledged_by, alarm.roll) for alarm in alarms]
    assert told == [
        ("fault", 1, AlarmState.GONE, "", "old"),
        ("stop", 1, AlarmState.ACTIVE, "", ""),
        ("stop", 1, AlarmState.CLOSED, "ann", "old"),
        ("notice", 2, AlarmState.GONE, "", "old"),
    ]
    assert alarms[-1].text == "Camera cam lost 8 lines before line 99."
    assert [(step.step, step.who) for step in alarms[2].steps] == [("raised", "station"), ("vetoed", "ann")]
