"""The counts the writer keeps equal a count over the rows, whatever was written, said, merged and taken back."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.contract import DefectChanged, DefectKind, Ledger, RollEnded, Stretch, StretchClosed
from station.local_time import local
from station.records.defects.summaries import RecipeCount, Span, Summaries
from station.records.defects.words import Missed, Word
from station.records.history import History
from station.records.rows import DefectFilter, RecordsError, Verdict
from station.records.schema import now
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe

COUNTED = (
    "SELECT roll_id, kind, COALESCE(verdict, ''), is_reject, missed, COUNT(*) FROM defect WHERE merged_into IS NULL "
    "GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
)
KEPT = "SELECT roll_id, kind, verdict, is_reject, missed, count FROM tally ORDER BY 1, 2, 3, 4, 5"
SUMS_COUNTED = (
    "SELECT roll_id, kind, COUNT(*), SUM(found), SUM(found AND verdict = 'confirmed'), "
    "SUM(found AND verdict = 'false alarm'), SUM(missed AND verdict <> 'false alarm') FROM "
    "(SELECT roll_id, kind, missed, COALESCE(verdict, '') AS verdict, is_reject AND NOT missed AS found FROM defect "
    "WHERE merged_into IS NULL) GROUP BY 1, 2 ORDER BY 1, 2"
)
SUMS_KEPT = "SELECT * FROM kind_tally ORDER BY 1, 2"
NEEDS = (
    "SELECT COUNT(*) FROM defect WHERE needs_review <> (is_reject AND merged_into IS NULL AND "
    "(verdict IS NULL OR verdict = 'unsure' OR disputed))"
)
numbers = st.integers(1, 6)
kinds = st.sampled_from(list(DefectKind))
words = st.builds(Word, st.sampled_from([None, *Verdict]), st.none() | kinds, st.none(), st.just("n"))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), numbers, kinds, st.booleans(), st.none() | numbers),
        st.tuples(st.just("say"), st.lists(numbers, min_size=1, max_size=4), words, st.sampled_from(["ann", "bob"])),
        st.tuples(st.just("undo"), st.sampled_from(["ann", "bob"])),
        st.tuples(st.just("miss"), kinds),
        st.tuples(st.just("flush")),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def records() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "home") as store:
        yield store


def act(store: Store, roll: str, ids: dict[int, int], step: tuple[object, ...]) -> None:
    match step:
        case ("tell", number, kind, is_reject, into):
            merged = None if into is None or into >= number else into
            changed = make_defect(number, kind=kind, is_reject=is_reject and merged is None, merged_into=merged)
            store.write(DefectChanged(changed))
        case ("say", chosen, word, who):
            store.reviews.say([ids[number] for number in chosen if number in ids], word, who)
        case ("undo", who):
            store.reviews.undo(who)
        case ("miss", kind):
            store.reviews.put_missed(Missed(roll, 0.0, 5.0, 3.0, 3.0, kind), "ann")
        case _:
            store.flush()


@settings(max_examples=15, deadline=None)
@given(told=steps)
def test_the_counts_are_right_at_any_moment(records: Store, told: list[tuple[object, ...]]) -> None:
    roll = records.begin_roll(None, make_recipe(), "cam")
    records.write(StretchClosed(Stretch(0, 100)))
    records.flush()
    history = History(records)
    roll_id = history.roll(roll).id
    for step in told:
        records.flush()
        ids = {row.number: row.id for row in history.defects(DefectFilter(roll_id))}
        with contextlib.suppress(RecordsError):  # nothing to say it of, or nothing to take back
            act(records, roll, ids, step)
        records.flush()
        with records.read_engine.connect() as connection:
            kept = connection.exec_driver_sql(KEPT).fetchall()
            assert kept == connection.exec_driver_sql(COUNTED).fetchall()
            sums = connection.exec_driver_sql(SUMS_KEPT).fetchall()
            assert sums == connection.exec_driver_sql(SUMS_COUNTED).fetchall()
            assert connection.exec_driver_sql(NEEDS).scalar() == 0
        assert all(count > 0 for *_, count in kept)


@pytest.fixture
def summed(store: Store) -> Summaries:
    """Two rolls of linen: three rejects of 100 lines, of which one false alarm, and one passed; then one of wool."""
    for fabric, rejects in (("linen", 3), ("linen", 0), ("wool", 1)):
        name = store.begin_roll(None, make_recipe(fabric=fabric), "cam")
        for number in range(1, rejects + 1):
            kind = DefectKind.AREA if number == 1 else DefectKind.SPOT
            store.write(DefectChanged(make_defect(number, kind=kind)))
        store.write(DefectChanged(make_defect(9, is_reject=False)))
        store.write(StretchClosed(Stretch(0, 100)))
        store.write(RollEnded(name, Ledger(100, 100)))
    assert store.flush()
    store.reviews.say([1], Word(Verdict.FALSE_ALARM), "ann")
    store.reviews.say([2], Word(Verdict.CONFIRMED), "ann")
    return Summaries(store.read_engine)


def test_kinds_are_told_the_most_first(summed: Summaries) -> None:
    counts = [(one.kind, one.rejects, one.confirmed, one.false_alarms) for one in summed.pareto()]
    assert counts == [("area", 2, 0, 1), ("spot", 2, 1, 0)]
    assert [one.rejects for one in summed.pareto(Span(fabric="wool"))] == [1, 0]
    assert summed.pareto(Span(until=now() - timedelta(days=1))) == []


def test_days_and_looms_sum_up_their_rolls(store: Store, summed: Summaries) -> None:
    [(_, day)] = summed.trend()
    [(loom, output)] = summed.looms(Span(fabric="linen"))
    assert (day.rolls, day.metres, day.rejects, day.false_alarms, day.missed) == (3, pytest.approx(0.15), 4, 1, 0)
    assert (loom, output.rolls, output.rejects, output.confirmed) == ("", 2, 3, 1)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set for a process here")
def test_a_roll_is_of_the_local_day_it_began_on_when_clocks_change_too(
    store: Store, summed: Summaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [datetime(2026, month, day, 12, tzinfo=UTC) for month, day in ((3, 29), (10, 25), (12, 31))]
    moments = [noon + timedelta(hours=half / 2) for noon in changes for half in (-27, -25, 0, 20, 21, 22, 24, 25)]
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        with closing(sqlite3.connect(store.home / "station.db", isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")
            for first in range(0, len(moments), 3):
                begun = moments[first : first + 3]
                for roll_id, moment in enumerate(begun, start=1):
                    at = f"{moment:%Y-%m-%d %H:%M}:00.000000"
                    database.execute("UPDATE roll SET started_at = ? WHERE id = ?", (at, roll_id))
                days = Counter(local(moment).date() for moment in begun)
                assert [(day, of.rolls) for day, of in summed.trend()] == sorted(days.items()), begun
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_roll_whose_beginning_is_no_time_is_of_no_day(store: Store, summed: Summaries) -> None:
    with closing(sqlite3.connect(store.home / "station.db")) as database, database:
        database.execute("UPDATE roll SET started_at = '2026-11-xx' WHERE id = 1")
    assert [of.rolls for _, of in summed.trend()] == [2]


def test_what_was_missed_is_counted_beside_and_a_wrong_one_not(store: Store, summed: Summaries) -> None:
    number = store.reviews.put_missed(Missed(History(store).rolls()[0].name, 0, 5, 3, 3, DefectKind.SPOT), "ann")
    assert summed.recipes() == [RecipeCount("linen", 1, 3, 1, 1, 0), RecipeCount("wool", 1, 1, 0, 0, 1)]
    store.reviews.say([number], Word(Verdict.FALSE_ALARM), "ann")
    assert summed.recipes()[1].missed == 0
