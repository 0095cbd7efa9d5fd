"""Defects over all rolls: every filter finds what a look at each row finds, page after page, by an index."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.many_rolls import PEOPLE, TRAINEE, fabric_name, fill, loom_name
from benchmarks.records import measure, named_queries, write_many
from station.contract import DefectKind
from station.local_time import local
from station.records.defects import search as searching
from station.records.defects.marks import marks
from station.records.defects.search import DefectQuery, DefectSearch, Way, page_query
from station.records.defects.words import Keep, Missed, Word
from station.records.history import History
from station.records.rows import DefectFilter, DefectRow, RollFilter, RollRow, Verdict
from station.records.store import Store

ROLLS, DEFECTS = 20, 2_000


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield fill(Path(folder) / "home", ROLLS, DEFECTS, seed=3).home


@pytest.fixture(scope="module")
def filled(home: Path) -> Iterator[Store]:
    """A sample of the benchmark's home, in which people have said a little more."""
    with Store.open(home) as store:
        store.reviews.say([5, 6, 7], Word(Verdict.FALSE_ALARM, DefectKind.AREA, "critical"), "bob")
        store.reviews.say([6, 8], Word(Verdict.CONFIRMED, severity="minor"), "zoe")
        store.reviews.put_missed(Missed("R000003", 50.0, 20.0, 9.0, 4.0, DefectKind.SPOT), "zoe")
        store.reviews.keep(Keep(defect_id=11), "zoe")
        yield store


@pytest.fixture(scope="module")
def rows(filled: Store) -> list[tuple[DefectRow, RollRow]]:
    """All defects with their rolls, newest first, read roll by roll."""
    history = History(filled)
    every = [(row, roll) for roll in history.rolls() for row in history.defects(DefectFilter(roll.id, limit=10**6))]
    return sorted(every, key=lambda pair: (pair[0].found_at, pair[0].id), reverse=True)


@pytest.fixture(scope="module")
def who(filled: Store) -> dict[int, set[str]]:
    """Who reviewed each defect."""
    with filled.read_engine.connect() as connection:
        found: dict[int, set[str]] = {}
        for number, who in connection.exec_driver_sql("SELECT defect_id, who FROM review WHERE undone_at IS NULL"):
            found.setdefault(number, set()).add(who)
        return found


def fits(query: DefectQuery, row: DefectRow, roll: RollRow, who: set[str]) -> bool:
    """Whether a row is what the query asks for, said anew and row by row."""
    extent, score = max(row.length_mm, row.width_mm), 0.5 * row.score / row.threshold
    hour = local(row.found_at).hour
    first, end = query.hours or (0, 24)
    asked: list[bool] = [
        query.since is None or row.found_at >= query.since,
        query.until is None or row.found_at < query.until,
        query.hours is None or (first <= hour < end if first < end else hour >= first or hour < end),
        query.fabric in (None, row.fabric),
        query.loom in (None, roll.identity.loom),
        query.roll in (None, roll.name),
        query.kind in (None, row.kind),
        query.least is None or extent >= query.least,
        query.most is None or extent <= query.most,
        query.least_score is None or (score >= query.least_score and not row.missed),
        query.most_score is None or (score <= query.most_score and not row.missed),
        query.verdict in (None, row.verdict),
        not query.unreviewed or row.verdict is None,
        query.reviewer is None or query.reviewer in who,
        query.severity in (None, None if row.severity is None else str(row.severity)),
        not query.needs_review or row.needs_review,
        not query.rejects or row.is_reject,
        not query.missed or row.missed,
        not query.keep or row.keep,
    ]
    return all(asked)


def all_pages(search: DefectSearch, query: DefectQuery, size: int) -> list[int]:
    found: list[int] = []
    after = None
    while True:
        page = search.page(query, after, size)
        found += [row.id for row in page.rows]
        after = page.next
        if after is None:
            return found


@st.composite
def queries(draw: st.DrawFn) -> DefectQuery:
    """Two filters at a time or so, with values that occur."""
    choices: dict[str, st.SearchStrategy[object]] = {
        "hours": st.sampled_from([(6, 14), (22, 6), (3, 4)]),
        "fabric": st.sampled_from([fabric_name(number) for number in range(0, 20, 4)]),
        "loom": st.sampled_from([loom_name(number) for number in range(5)]),
        "roll": st.sampled_from(["R000003", "R000020", "none"]),
        "kind": st.sampled_from(list(DefectKind)),
        "least": st.sampled_from([5.0, 60.0, 230.0]),
        "most": st.sampled_from([4.0, 20.0]),
        "least_score": st.sampled_from([0.5, 0.7]),
        "most_score": st.sampled_from([0.55, 0.9]),
        "verdict": st.sampled_from(list(Verdict)),
        "unreviewed": st.just(True),
        "reviewer": st.sampled_from([*PEOPLE[:2], TRAINEE, "zoe"]),
        "severity": st.sampled_from(["minor", "critical"]),
        "needs_review": st.just(True),
        "rejects": st.just(True),
        "missed": st.just(True),
        "keep": st.just(True),
    }
    names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=3, unique=True))
    return DefectQuery(**{name: draw(choices[name]) for name in names})  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    query=queries(),
    size=st.sampled_from([50, 200, 5_000]),
    few=st.sampled_from([0, 100, 10_000]),
    days=st.integers(0, 2),
)
def test_pages_hold_what_a_look_at_every_row_finds(
    filled: Store,
    rows: list[tuple[DefectRow, RollRow]],
    who: dict[int, set[str]],
    query: DefectQuery,
    size: int,
    few: int,
    days: int,
) -> None:
    newest = rows[0][0].found_at
    query = replace(query, until=newest - timedelta(hours=6 * days)) if days else query
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "FEW", few)
        found = all_pages(DefectSearch(filled.read_engine, filled.home), query, size)
    assert found == [row.id for row, roll in rows if fits(query, row, roll, who.get(row.id, set()))]


def test_a_defect_told_while_pages_are_read_moves_none_of_them(
    filled: Store, rows: list[tuple[DefectRow, RollRow]]
) -> None:
    search = DefectSearch(filled.read_engine, filled.home)
    first = search.page(DefectQuery(rejects=True), size=10)
    filled.reviews.put_missed(Missed("R000004", 50.0, 20.0, 9.0, 4.0, DefectKind.SPOT), "zoe")
    second = search.page(DefectQuery(rejects=True), first.next, size=10)
    rejects = [row.id for row, _ in rows if row.is_reject]
    assert [row.id for row in (*first.rows, *second.rows)] == rejects[:20]


def plan(store: Store, query: DefectQuery, way: Way) -> list[str]:
    compiled = page_query(query, None, 100, way).compile(store.read_engine, compile_kwargs={"literal_binds": True})
    with store.read_engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]


@pytest.mark.parametrize("way", [one for one in Way if one is not Way.FREE])
def test_every_way_goes_by_its_index_and_reads_no_row_but_by_it(filled: Store, way: Way) -> None:
    since = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    query = DefectQuery(
        since=since, hours=(1, 5), fabric="style-01", kind=DefectKind.SPOT, least=3.0, least_score=0.5,
        verdict=Verdict.CONFIRMED, needs_review=True, rejects=True, reviewer="ann" if way is Way.REVIEWER else None,
    )  # fmt: skip
    index = {
        Way.TIME: "SEARCH defect USING COVERING INDEX ix_defect_seek (found_at>?)",
        Way.ROLLS: "SEARCH defect USING INDEX ix_defect_place (roll_id=?)",
        Way.NEED: "SEARCH defect USING INDEX ix_defect_needs_review (needs_review=? AND found_at>?)",
        Way.VERDICT: "SEARCH defect USING INDEX ix_defect_verdict (verdict=? AND found_at>?)",
        Way.EXTENT: "SEARCH defect USING INDEX ix_defect_extent (extent>?)",
        Way.REVIEWER: "SEARCH opinion USING COVERING INDEX ix_opinion_who (who=? AND found_at>?)",
    }[way]
    steps = plan(filled, query, way)
    assert steps[0] == index
    sorts = "USE TEMP B-TREE FOR ORDER BY" in steps
    assert sorts is (way in (Way.ROLLS, Way.EXTENT)), "only what few defects match is sorted"


def test_without_filters_that_lead_pages_go_by_time_and_read_no_row(filled: Store) -> None:
    for query in (DefectQuery(), DefectQuery(rejects=True, hours=(3, 5), unreviewed=True, severity="minor", keep=True)):
        assert plan(filled, query, Way.TIME) == ["SCAN defect USING COVERING INDEX ix_defect_seek"]


def test_a_rolls_map_shows_its_defects_by_place(filled: Store) -> None:
    history = History(filled)
    [roll] = history.rolls(RollFilter(text="R000003"))
    shown = marks(filled.read_engine, roll.id)
    listed = history.defects(DefectFilter(roll.id))
    assert [(mark.id, mark.first_line, mark.missed) for mark in shown] == [
        (row.id, row.first_line, row.missed) for row in listed
    ]
    assert any(mark.missed for mark in shown)


def test_the_benchmark_asks_all_it_promises_of_a_small_home(tmp_path: Path) -> None:
    made = fill(tmp_path / "home", ROLLS, DEFECTS)
    done = measure(made.home, rounds=1)
    names = [one.name for one in done]
    with Store.open(made.home) as store:
        newest = History(store).rolls()[0].started_at
    assert len(named_queries(newest)) == 10
    assert set(named_queries(newest)) < set(names)
    asked = {
        "opening the home",
        "a roll's map",
        "Pareto of all rolls",
        "trend by day, all rolls",
        "loom table, all rolls",
    }
    assert asked < set(names)
    assert all(one.p95_ms > 0 for one in done)
    written = write_many(made.home, 50, rounds=1)
    assert written.defects == 50
    assert written.ratio > 0


def test_the_same_seed_makes_the_same_defects(tmp_path: Path) -> None:
    query = "SELECT roll_id, first_line, kind, verdict, score, reviewed_by FROM defect"
    made = []
    for name in ("a", "b"):
        with Store.open(fill(tmp_path / name, 3, 90, seed=5).home) as store, store.read_engine.connect() as connection:
            made.append(connection.exec_driver_sql(query).fetchall())
    assert made[0] == made[1]
    assert len(set(made[0])) > 80
