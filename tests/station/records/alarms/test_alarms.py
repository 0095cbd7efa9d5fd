"""One alarm per cause, with when it was raised, answered and gone, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from station.contract import (
    Acknowledged,
    DefectChanged,
    Event,
    Fault,
    Ledger,
    Notice,
    RollEnded,
    Severity,
    StopChanged,
    StopStep,
)
from station.records.alarms.history import AlarmFilter, AlarmHistory, AlarmRow, AlarmState
from station.records.history import History
from station.records.rolls import Entry
from station.records.safety.codec import entry_content, entry_of
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe


@pytest.fixture
def alarms(store: Store) -> AlarmHistory:
    store.begin_roll("a", make_recipe(), "cam")
    return AlarmHistory(store.read_engine)


def tell(store: Store, *events: Event) -> None:
    for event in events:
        store.write(event)
    assert store.flush()


def steps(alarm: AlarmRow) -> list[tuple[str, str]]:
    return [(step.step, step.who) for step in alarm.steps]


def reject(number: int, **changes: object) -> DefectChanged:
    return DefectChanged(make_defect(number, **changes))


def test_a_running_end_is_one_alarm_that_goes_on_until_it_ends(store: Store, alarms: AlarmHistory) -> None:
    for end in (20, 400, 9000):
        tell(store, reject(1, end_line=end, length_mm=end / 2, closed=False))
    [alarm] = alarms.alarms()
    assert (alarm.what, alarm.occurrences, alarm.state) == ("reject", 1, AlarmState.ACTIVE)
    assert alarm.text == "spot 4500 × 4 mm at 0.0 m, 22 mm across"
    tell(store, reject(1, end_line=9100, length_mm=4550.0, closed=True))
    [alarm] = alarms.alarms()
    assert (alarm.occurrences, alarm.state) == (1, AlarmState.GONE)


def test_a_series_at_one_place_across_is_one_alarm_and_what_lies_elsewhere_another(
    store: Store, alarms: AlarmHistory
) -> None:
    for number in range(1, 5):
        tell(store, reject(number, position_mm=400.0 * number, across_mm=300.0 + number))
    tell(store, reject(5, position_mm=1700.0, across_mm=340.0), reject(6, position_mm=9000.0, across_mm=300.0))
    texts = {alarm.text: alarm.occurrences for alarm in alarms.alarms()}
    assert texts == {
        "4 rejects at 304 mm across, the last at 1.6 m: spot 3 × 4 mm": 4,
        "spot 3 × 4 mm at 1.7 m, 340 mm across": 1,
        "spot 3 × 4 mm at 9.0 m, 300 mm across": 1,
    }


def test_a_reject_that_turns_out_to_pass_or_to_be_part_of_another_is_taken_off_its_alarm(
    store: Store, alarms: AlarmHistory
) -> None:
    tell(store, reject(1, closed=False), reject(2, closed=False, position_mm=30.0))
    [alarm] = alarms.alarms()
    assert alarm.occurrences == 2
    tell(store, reject(2, is_reject=False, merged_into=1))
    [alarm] = alarms.alarms()
    assert (alarm.occurrences, alarm.state) == (1, AlarmState.ACTIVE)
    tell(store, reject(1, is_reject=False, closed=False))
    [alarm] = alarms.alarms()
    assert (alarm.occurrences, alarm.state) == (0, AlarmState.GONE)


def test_an_answer_is_on_record_with_who_and_when_and_the_first_counts(store: Store, alarms: AlarmHistory) -> None:
    tell(store, reject(1, closed=False), reject(2, across_mm=500.0, closed=False))
    tell(store, Acknowledged("ann", (1,)))
    tell(store, Acknowledged("bob", (1, 2)))
    second, first = alarms.alarms()
    assert (first.acknowledged_by, second.acknowledged_by) == ("ann", "bob")
    assert first.state is AlarmState.ACKNOWLEDGED
    assert first.acknowledged_at is not None
    assert first.answered_after is not None
    assert steps(first) == [("raised", "station"), ("acknowledged", "ann"), ("acknowledged", "bob")]
    tell(store, RollEnded("a", Ledger()))
    assert {alarm.state for alarm in alarms.alarms()} == {AlarmState.CLOSED}
    with store.read_engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT who, new, why FROM event WHERE action = 'alarms acknowledged'")
        assert told.fetchall() == [("ann", "rejects 1", "roll number 1"), ("bob", "rejects 1, 2", "roll number 1")]


def test_a_notice_told_again_and_again_is_one_alarm_with_its_number_and_rate(
    store: Store, alarms: AlarmHistory
) -> None:
    for lines in (12, 3500, 7):
        tell(store, Notice(Severity.WARNING, f"Camera cam lost {lines} lines before line {lines}."))
    [alarm] = alarms.alarms()
    assert (alarm.occurrences, alarm.per_hour, alarm.state) == (3, 3.0, AlarmState.GONE)
    assert alarm.text == "Camera cam lost 7 lines before line 7."
    tell(store, Acknowledged("ann", (), ("Camera cam lost 7 lines before line 7.",)))
    tell(store, Notice(Severity.WARNING, "Camera cam lost 1 lines before line 9."))
    after, before = alarms.alarms()
    assert (before.state, before.occurrences) == (AlarmState.CLOSED, 3)
    assert (after.state, after.occurrences) == (AlarmState.GONE, 1)


def test_a_state_lasts_from_its_notice_to_the_one_that_ends_it(store: Store, alarms: AlarmHistory) -> None:
    tell(store, Notice(Severity.WARNING, "Camera cam is gone.", begins="camera gone"))
    assert alarms.alarms()[0].state is AlarmState.ACTIVE
    tell(store, Notice(Severity.INFO, "Camera cam is back after 3.0 s.", ends="camera gone"))
    [alarm] = alarms.alarms()
    assert (alarm.state, steps(alarm)) == (AlarmState.GONE, [("raised", "line"), ("gone", "line")])


def test_a_stop_runs_from_its_announcement_to_its_veto_or_release(store: Store, alarms: AlarmHistory) -> None:
    for step, cause, by in (
        (StopStep.ANNOUNCED, "running defect 3", "station"),
        (StopStep.VETOED, "running defect 3", "ann"),
        (StopStep.ANNOUNCED, "critical defect 4", "station"),
        (StopStep.REQUESTED, "critical defect 4", "station"),
    ):
        tell(store, StopChanged(step, cause, by))
    tell(store, RollEnded("a", Ledger()))
    requested, vetoed = alarms.alarms()
    assert (vetoed.state, vetoed.acknowledged_by, vetoed.severity) == (AlarmState.CLOSED, "ann", "warning")
    assert (requested.state, requested.severity) == (AlarmState.ACTIVE, "error"), "a stop outlives its roll"
    tell(store, StopChanged(StopStep.RELEASED, "critical defect 4", "bob"))
    requested = alarms.alarms()[0]
    assert (requested.state, requested.acknowledged_by) == (AlarmState.CLOSED, "bob")
    assert steps(requested) == [("raised", "line"), ("requested", "station"), ("released", "bob")]


def test_a_fault_that_came_again_counts_as_often(store: Store, alarms: AlarmHistory) -> None:
    text = "A fault in thread x (KeyError: 3). Tell your supplier."
    tell(store, Fault("thread x", "KeyError", text), Fault("thread x", "KeyError", f"12 more of this: {text}"))
    [alarm] = alarms.alarms()
    assert (alarm.what, alarm.occurrences, alarm.text) == ("fault", 13, text)


@pytest.fixture
def told(store: Store, alarms: AlarmHistory) -> AlarmHistory:
    tell(
        store,
        Notice(Severity.INFO, "Köper is recorded."),
        Notice(Severity.WARNING, "The lamp fades."),
        reject(1, closed=False),
        StopChanged(StopStep.ANNOUNCED, "critical defect 1", "station"),
        StopChanged(StopStep.VETOED, "critical defect 1", "ann"),
    )
    tell(store, Acknowledged("bob", (1,)))
    return alarms


TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (AlarmFilter(), ["reject", "stop", "notice", "notice"]),
        (AlarmFilter(text="KÖP"), ["notice"]),
        (AlarmFilter(who="ann"), ["stop"]),
        (AlarmFilter(who="bob"), ["reject"]),
        (AlarmFilter(what="stop"), ["stop"]),
        (AlarmFilter(severity=Severity.WARNING), ["reject", "stop", "notice"]),
        (AlarmFilter(severity=Severity.ERROR), ["reject"]),
        (AlarmFilter(state=AlarmState.ACKNOWLEDGED), ["reject"]),
        (AlarmFilter(state=AlarmState.CLOSED), ["stop"]),
        (AlarmFilter(state=AlarmState.GONE), ["notice", "notice"]),
        (AlarmFilter(state=AlarmState.ACTIVE), []),
        (AlarmFilter(roll="a"), ["reject", "stop", "notice", "notice"]),
        (AlarmFilter(roll="b"), []),
        (AlarmFilter(since=TOMORROW), []),
        (AlarmFilter(until=TOMORROW, limit=1), ["stop"]),
    ],
)
def test_alarms_are_found_by_time_text_person_and_state(
    told: AlarmHistory, chosen: AlarmFilter, found: list[str]
) -> None:
    assert sorted(alarm.what for alarm in told.alarms(chosen)) == sorted(found)


def test_a_page_of_alarms_begins_where_the_last_ended(told: AlarmHistory) -> None:
    every = told.alarms()
    paged: list[AlarmRow] = []
    while True:
        before = (paged[-1].raised_at, paged[-1].id) if paged else None
        page = told.alarms(AlarmFilter(before=before, limit=1))
        if not page:
            break
        paged += page
    assert paged == every
    now = datetime.now(UTC)
    assert told.per_hour(now - timedelta(hours=2), now) == pytest.approx(1.5), "infos are no alarms to bear"


def test_an_answer_and_a_lasting_notice_come_back_whole_from_a_file() -> None:
    for event in (Acknowledged("ann", (3, 4), ("x",)), Notice(Severity.INFO, "t", "begun", "ended")):
        entry = Entry(7, event, datetime.now(UTC))
        assert entry_of(entry_content(entry, 1)).event == event


def test_alarms_of_a_roll_that_a_crash_left_open_are_gone_with_it(home: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("a", make_recipe(), "cam")
        tell(store, reject(1, closed=False))
    with Store.open(home) as store:
        assert History(store).roll("a").broken_off
        assert AlarmHistory(store.read_engine).alarms()[0].state is AlarmState.GONE
