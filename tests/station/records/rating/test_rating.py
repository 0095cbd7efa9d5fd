"""A roll keeps the very rule that grades it, its grade, and how grave its defects are."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from station.contract import (
    Defect,
    DefectChanged,
    Ledger,
    RollEnded,
    RowJudged,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.grading.shelf import RuleError
from station.quality import report as reports
from station.records.defects.words import Missed, Word
from station.records.history import History
from station.records.rating.kept import rate
from station.records.rating.rating import RollFigures
from station.records.rating.tables import RollGradingTable
from station.records.rolls import note_loss
from station.records.rows import DefectFilter, RecordsError, RollMeasures, RollRow, Verdict
from station.records.schema import DefectTable
from station.records.store import Store
from station.state.defect import DefectSeverity
from station.state.defect_kind import DefectKind
from station.state.grade import Grade
from station.state.roll import RollIdentity
from tests.rigs.records import make_defect, make_recipe

PEAKS = np.zeros(1, np.float32)


def flaw(number: int, at_mm: float, length_mm: float = 5.0, **changes: Any) -> Defect:
    values: dict[str, Any] = {"position_mm": at_mm, "length_mm": length_mm, "width_mm": 2.0, "across_mm": 500.0}
    return make_defect(number, **(values | {"web_mm": 1000.0} | changes))


def run_roll(store: Store, name: str, flaws: list[Defect], metres: int = 20, **recipe: Any) -> None:
    """A roll 1 m wide; its last metre is not inspected."""
    store.begin_roll(name, make_recipe(**recipe), "cam")
    lines = metres * 2000
    store.write(RowJudged(0, lines, PEAKS, width_px=2000))
    for one in flaws:
        assert store.write(DefectChanged(one))
    store.write(StretchClosed(Stretch(0, lines - 2000)))
    store.write(StretchClosed(Stretch(lines - 2000, lines, UninspectedReason.OVERLOAD)))
    store.write(RollEnded(name, Ledger(lines, lines - 2000, 2000)))
    assert store.flush()


def own_rule(home: Path, text: str) -> None:
    (home / "rules").mkdir(exist_ok=True)
    (home / "rules" / "mill.toml").write_text(f'name = "mill"\nlike = "four-point"\n{text}\n')


def test_a_roll_states_the_rule_as_it_was_when_the_roll_began(store: Store, history: History, home: Path) -> None:
    own_rule(home, "version = 1\ncap = { per_defect = 3, per_interval = 3 }")
    run_roll(store, "R1", [flaw(1, 500, 300)], grading_rule="mill")
    own_rule(home, "version = 2\ncap = { per_defect = 2, per_interval = 2 }")
    run_roll(store, "R2", [flaw(1, 500, 300)], grading_rule="mill")
    (home / "rules" / "mill.toml").unlink()
    graded = [(made.grading_rule, made.points) for made in (reports.report(history, name) for name in ("R1", "R2"))]
    assert graded == [("mill v1", 3), ("mill v2", 2)]


def test_a_rule_changed_under_its_old_version_grades_as_it_was_and_that_is_told(
    store: Store, history: History, home: Path
) -> None:
    own_rule(home, "version = 1\ncap = { per_defect = 3, per_interval = 3 }")
    run_roll(store, "R1", [flaw(1, 500, 300)], grading_rule="mill")
    own_rule(home, "version = 1\ncap = { per_defect = 2, per_interval = 2 }")
    store.take_notices()
    run_roll(store, "R2", [flaw(1, 500, 300)], grading_rule="mill")
    assert reports.report(history, "R2").points == 3
    (notice,) = store.take_notices()
    assert "mill v1 was changed since it graded rolls" in notice.text
    assert "Give the changed rule a higher version" in notice.text


def test_a_rule_file_with_a_mistake_stops_no_roll_which_is_then_not_graded(
    store: Store, history: History, home: Path
) -> None:
    own_rule(home, "version = 1\nedge = 'wide'")
    run_roll(store, "R1", [flaw(1, 500, 300)], grading_rule="mill")
    (notice,) = store.take_notices()
    assert "mill.toml, line 4: edge is no length; write a number and its unit" in notice.text
    made = reports.report(history, "R1")
    assert (made.grade, made.points, len(made.defect_list)) == ("not graded", None, 1)
    assert "mill.toml, line 4" in made.grade_reasons[0]
    assert "mill.toml, line 4" in reports.to_text(made)
    running = store.rating.grade()
    assert running is not None
    assert (running.grade, running.points) == (Grade.NOT_GRADED, None)


def test_the_stations_usual_rule_grades_where_the_recipe_asks_for_none_of_its_own(
    store: Store, history: History
) -> None:
    store.rating.choose("ten-point")
    with pytest.raises(RuleError, match="no grading rule 'eleven-point'"):
        store.rating.choose("eleven-point")
    run_roll(store, "R1", [flaw(1, 500, 300)])
    run_roll(store, "R2", [flaw(1, 500, 300)], version=2, grading_rule="four-point-cotton")
    run_roll(store, "R3", [flaw(1, 500, 300)], version=3, grading_rule="four-point v1")
    rules = [reports.report(history, name).grading_rule for name in ("R1", "R2", "R3")]
    assert rules == ["ten-point v1", "four-point-cotton v1", "four-point v1"]


def test_severity_is_on_record_and_lists_are_filtered_by_it(store: Store, history: History) -> None:
    flaws = [
        flaw(1, 500, 20),
        flaw(2, 3000, 200),
        flaw(3, 5000, 8, kind=DefectKind.HOLE),
        flaw(4, 9000, 20, is_reject=False),
    ]
    run_roll(store, "R1", flaws)
    roll = history.roll("R1")
    by_number = {row.number: row.severity for row in history.defects(DefectFilter(roll.id))}
    minor, major, critical = DefectSeverity
    assert by_number == {1: minor, 2: major, 3: critical, 4: None}
    for severity, number in ((minor, 1), (major, 2), (critical, 3)):
        assert [row.number for row in history.defects(DefectFilter(roll.id, severity=severity))] == [number]


def test_the_grade_on_record_is_that_of_the_report_and_follows_the_reviews(store: Store, history: History) -> None:
    run_roll(store, "R1", [flaw(number, 2000.0 * number, 300) for number in range(1, 5)])
    assert_same(store, history, "R1")
    roll = history.roll("R1")
    assert (roll.grading.points, roll.grading.grade) == (16, Grade.REJECT)
    for row in history.defects(DefectFilter(roll.id))[:3]:
        store.review(row.id, Verdict.FALSE_ALARM, "ann")
    assert_same(store, history, "R1")
    roll = history.roll("R1")
    assert (roll.grading.points, roll.grading.grade) == (4, Grade.PASS)


def test_a_review_while_the_roll_runs_changes_its_running_grade(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(DefectChanged(flaw(1, 500, 300)))
    store.write(StretchClosed(Stretch(0, 20_000)))
    assert store.flush()
    (row,) = history.defects(DefectFilter(history.roll("R1").id))
    before = store.rating.grade()
    store.review(row.id, Verdict.FALSE_ALARM, "ann")
    after = store.rating.grade()
    assert before is not None
    assert after is not None
    assert (before.points, after.points) == (4, 0)
    assert history.roll("R1").grading.grade is None, "an open roll has no grade on record"


def test_a_roll_broken_off_is_on_record_as_not_graded(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(DefectChanged(flaw(1, 500, 300)))
    store.write(StretchClosed(Stretch(0, 20_000)))
    run_roll(store, "R2", [])
    assert history.roll("R1").grading.grade is Grade.NOT_GRADED
    assert reports.report(history, "R1").grade == "not graded"


def test_a_missed_defect_that_is_taken_back_costs_no_points_while_the_roll_runs_or_after(
    store: Store, history: History
) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(RowJudged(0, 20_000, PEAKS, width_px=2000))
    store.write(StretchClosed(Stretch(0, 20_000)))
    assert store.flush()
    missed = Missed("R1", 5000.0, 500.0, 30.0, 5.0, DefectKind.SPOT)
    store.reviews.put_missed(missed, "ann")
    assert running_points(store) > 0
    store.reviews.undo("ann")
    assert running_points(store) == 0
    run_roll(store, "R2", [])
    store.reviews.put_missed(replace(missed, roll="R2"), "ann")
    assert (history.roll("R2").grading.points or 0) > 0
    store.reviews.undo("ann")
    assert history.roll("R2").grading.points == reports.report(history, "R2").points == 0
    assert running_points(store) == 0


def running_points(store: Store) -> int:
    grade = store.rating.grade()
    assert grade is not None
    assert grade.points is not None
    return grade.points


def test_events_found_lost_after_the_end_take_the_grade_of_a_roll_back(store: Store, history: History) -> None:
    run_roll(store, "R1", [flaw(1, 500)])
    assert history.roll("R1").grading.grade is Grade.PASS
    store.call(lambda session: note_loss(session, history.roll("R1").id, 1, "the file they waited in is damaged"))
    assert history.roll("R1").grading.grade is Grade.NOT_GRADED
    assert reports.report(history, "R1").grade == "not graded"


def test_a_knit_is_graded_once_somebody_says_its_weight(store: Store, history: History) -> None:
    """20 kg of 200 g/m² are 100 m²: 8 points are 8 per 100 m²."""
    run_roll(store, "R1", [flaw(1, 500, 300), flaw(2, 5000, 300)], grading_rule="knit")
    assert reports.report(history, "R1").grade_reasons == (
        "the roll's weight in kg and its cloth's g/m² are not on record",
    )
    store.rating.give("R1", RollFigures(weight_kg=20.0, grams_per_m2=200.0), "ann", "weighed")
    made = reports.report(history, "R1")
    assert (made.points_per_100_m2, made.grade) == (8.0, "pass")
    assert "20 kg at 200 g/m²" in reports.to_text(made)
    assert_same(store, history, "R1")
    with pytest.raises(RecordsError, match="-3 is no width, weight or g/m² of a roll; give a number above 0"):
        store.rating.give("R1", RollFigures(weight_kg=-3.0), "ann")
    with pytest.raises(RecordsError, match="no roll 'R9'"):
        store.rating.give("R9", RollFigures(weight_kg=3.0), "ann")
    with sqlite3.connect(history.home / "station.db") as database:
        row = database.execute("SELECT who, new, why FROM event WHERE action = 'roll figures'").fetchone()
    assert row == ("ann", "R1: weight 20 kg, 200 g/m²", "weighed")


def test_a_roll_of_before_rules_were_on_record_takes_the_one_of_its_recipe_with_its_figures(
    store: Store, history: History
) -> None:
    run_roll(store, "R1", [flaw(1, 500, 300)])
    store.call(lambda session: session.execute(delete(RollGradingTable)))
    store.rating.give("R1", RollFigures(cuttable_mm=900.0), "ann")
    kept, made = history.roll("R1").grading, reports.report(history, "R1")
    assert (str(kept.grade), kept.points, kept.points_per_100_m2) == (made.grade, made.points, made.points_per_100_m2)
    assert (made.grading_rule, made.points) == ("four-point v1", 4)


def test_a_ticket_length_known_only_after_the_end_grades_the_roll(store: Store, history: History, home: Path) -> None:
    own_rule(home, 'version = 1\nbasis = { length = "ticket" }')
    run_roll(store, "R1", [flaw(1, 500)], grading_rule="mill")
    assert history.roll("R1").grading.grade is Grade.NOT_GRADED
    store.rolls.correct_ended("R1", RollIdentity(ticket_m=20.0), "ann", "the ticket came later")
    assert history.roll("R1").grading.grade is Grade.PASS
    assert reports.report(history, "R1").grade == "pass"
    with pytest.raises(RecordsError, match="No roll 'R9' has ended"):
        store.rolls.correct_ended("R9", RollIdentity(), "ann", "")
    with sqlite3.connect(home / "station.db") as database:
        row = database.execute("SELECT who, new, why FROM event WHERE action = 'roll corrected'").fetchone()
    assert row == ("ann", "R1: ticket_m 20", "the ticket came later")


def test_a_roll_taken_up_again_goes_on_with_what_is_on_record(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(RowJudged(0, 20_000, PEAKS, width_px=2000))
    for one in (flaw(1, 500, 300), flaw(2, 5000, 20)):
        store.write(DefectChanged(one))
    store.write(StretchClosed(Stretch(0, 20_000)))
    assert store.flush()
    before = store.rating.grade()
    roll = history.roll("R1")
    store.rating.open(roll.id, make_recipe(), measures_of(roll))
    assert store.rating.grade() == before


def test_why_a_roll_has_no_rule_stays_on_record_with_it_though_the_rule_was_mended_since(
    store: Store, history: History, home: Path
) -> None:
    own_rule(home, "version = 1\nedge = 'wide'")
    recipe = make_recipe(grading_rule="mill")
    store.begin_roll("R1", recipe, "cam")
    own_rule(home, "version = 1")
    roll = history.roll("R1")
    store.rating.open(roll.id, recipe, measures_of(roll), resumed=True)
    running = store.rating.grade()
    assert running is not None
    assert "mill.toml, line 4" in running.reasons[0]


@pytest.mark.parametrize("order", [((3, 2), (2, 1)), ((2, 1), (3, 2))])
def test_what_people_said_of_a_defect_is_in_the_running_grade_as_said_of_the_one_it_turns_out_to_be_a_part_of(
    store: Store, history: History, order: tuple[tuple[int, int], ...]
) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    for number in (1, 2, 3, 4):
        store.write(DefectChanged(flaw(number, 500 + number, 20)))
    assert store.flush()
    third = next(row for row in history.defects(DefectFilter(history.roll("R1").id)) if row.number == 3)
    store.review(third.id, Verdict.FALSE_ALARM, "ann")
    assert points(store) == 3
    for number, heir in order:
        store.write(DefectChanged(flaw(number, 500 + number, 20, merged_into=heir)))
    assert store.flush()
    assert points(store) == 1, "the third is a part of the first, and so no defect is left but the fourth"
    store.write(StretchClosed(Stretch(0, 20_000)))
    store.write(RollEnded("R1", Ledger(20_000, 20_000)))
    assert store.flush()
    assert reports.report(history, "R1").points == points(store) == 1


def points(store: Store) -> int | None:
    running = store.rating.grade()
    return None if running is None else running.points


def test_a_roll_begins_with_its_rule_or_not_at_all(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that dies right after a roll was begun leaves the rule with it, which its record is then graded by."""
    monkeypatch.setattr(store.rating, "open", lambda *_words: None)
    store.begin_roll("R1", make_recipe(), "cam")
    rule = history.roll("R1").grading.rule
    assert rule is not None
    assert rule.name == "four-point"


def measures_of(roll: RollRow) -> RollMeasures:
    return RollMeasures(roll.mm_per_px, roll.mm_per_line, roll.unverified)


def test_what_people_change_on_record_of_the_open_roll_is_in_its_running_grade(store: Store, history: History) -> None:
    """A spot that is a hole after all costs two points, and is critical."""
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(DefectChanged(flaw(1, 500, 20)))
    store.write(StretchClosed(Stretch(0, 20_000)))
    assert store.flush()

    def call_it_a_hole(session: Session) -> None:
        row = session.scalars(select(DefectTable)).one()
        row.kind = "hole"
        rate(session, row)

    store.rating.change(call_it_a_hole)
    now = store.rating.grade()
    assert now is not None
    assert now.points == 2
    (row,) = history.defects(DefectFilter(history.roll("R1").id))
    assert row.severity is DefectSeverity.CRITICAL


def test_what_a_person_calls_a_growing_defect_outlasts_what_the_line_tells_next(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(DefectChanged(flaw(1, 500, 3, closed=False)))
    store.write(RowJudged(0, 20_000, PEAKS, width_px=2000))
    store.write(StretchClosed(Stretch(0, 20_000)))
    assert store.flush()
    (row,) = history.defects(DefectFilter(history.roll("R1").id))
    store.reviews.say([row.id], Word(kind=DefectKind.HOLE), "ann")
    for closed in (False, True):
        store.write(DefectChanged(flaw(1, 500, 3, closed=closed)))
        assert store.flush()
        (row,) = history.defects(DefectFilter(history.roll("R1").id))
        assert (row.kind, row.severity) == (DefectKind.HOLE, DefectSeverity.CRITICAL)
    store.write(RollEnded("R1", Ledger(20_000, 20_000, 0)))
    assert store.flush()
    assert_same(store, history, "R1")


def assert_same(store: Store, history: History, name: str) -> None:
    """Running grade, grade on record and report agree."""
    made, kept = reports.report(history, name), history.roll(name).grading
    running = store.rating.grade()
    assert running is not None
    assert (kept.points, kept.points_per_100_m2, str(kept.grade)) == (made.points, made.points_per_100_m2, made.grade)
    assert (running.points, running.points_per_100_m2) == (made.points, made.points_per_100_m2)
    assert (str(running.grade), running.reasons, running.rule) == (made.grade, made.grade_reasons, made.grading_rule)


changes = st.builds(
    flaw,
    st.integers(1, 5),
    st.floats(0, 18_000),
    st.floats(0.1, 9000),
    kind=st.sampled_from([DefectKind.SPOT, DefectKind.HOLE]),
    is_reject=st.booleans(),
    across_mm=st.floats(0, 1000),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(changes, max_size=12),
    verdicts=st.sets(st.integers(1, 5)),
    rule=st.sampled_from(["four-point", "ten-point", "four-point-yard"]),
)
def test_running_grade_grade_on_record_and_report_always_agree(
    store: Store, history: History, told: list[Defect], verdicts: set[int], rule: str
) -> None:
    name = f"roll-{len(history.rolls())}"
    version = {"four-point": 1, "ten-point": 2, "four-point-yard": 3}[rule]
    run_roll(store, name, told, version=version, grading_rule=rule)
    for row in history.defects(DefectFilter(history.roll(name).id)):
        if row.number in verdicts:
            store.review(row.id, Verdict.FALSE_ALARM, "ann")
    assert_same(store, history, name)


def test_lost_events_keep_a_roll_from_being_graded_everywhere(store: Store, history: History) -> None:
    """A defect that the database cannot take is lost."""
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(DefectChanged(replace(flaw(1, 500), piece="x", number=None)))  # type: ignore[arg-type]
    store.write(StretchClosed(Stretch(0, 20_000)))
    store.write(RollEnded("R1", Ledger(20_000, 20_000, 0)))
    store.flush()
    running = store.rating.grade()
    assert running is not None
    assert running.grade is Grade.NOT_GRADED
    assert reports.report(history, "R1").grade == "not graded"
