"""What people find in the records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from station.contract import DefectChanged, DefectKind, Ledger, RollEnded
from station.records.engine import make_engine
from station.records.history import History
from station.records.recipes import SupersededError
from station.records.rows import DefectFilter, RecordsError, RollFilter, Verdict
from station.records.schema import now
from station.records.store import Store
from tests.rigs.records import SHA, make_defect, make_recipe


def test_recipes_by_version_newest_first(store: Store, history: History) -> None:
    first = store.save_recipe(make_recipe(version=99), "ann", "taught")
    second = store.save_recipe(make_recipe(threshold=2.5), "bob", "too many alarms")
    assert (first.version, second.version) == (1, 2)
    rows = history.recipes("linen")
    assert [(row.recipe, row.created_by, row.why) for row in rows] == [
        (second, "bob", "too many alarms"),
        (first, "ann", "taught"),
    ]
    assert history.recipe("linen") == second
    assert history.recipe("linen", 1) == first
    assert history.recipes("silk") == []


def test_a_change_of_an_older_recipe_never_undoes_a_newer_one(store: Store, history: History) -> None:
    first = store.save_recipe(make_recipe(), "ann", "taught")
    taught = store.save_recipe(make_recipe(threshold=3.0), "ann", "taught again", based_on=first.version)
    with pytest.raises(SupersededError, match=r"^Version 2 of linen was saved meanwhile; look at it and try again\.$"):
        store.save_recipe(make_recipe(threshold=2.1), "bob", "fewer alarms", based_on=first.version)
    assert [row.recipe for row in history.recipes("linen")] == [taught, first]
    store.save_recipe(make_recipe(fabric="silk"), "bob", "", based_on=first.version)
    assert store.save_recipe(make_recipe(threshold=2.1), "bob", "looked at it", based_on=2).version == 3


def test_unknown_fabrics_and_versions_name_the_known_ones(store: Store, history: History) -> None:
    with pytest.raises(RecordsError, match=r"no recipe for the fabric 'silk'; known fabrics: none yet; teach one"):
        history.recipe("silk")
    for fabric in ("wool", "linen"):
        store.save_recipe(make_recipe(fabric=fabric), "ann", "")
    assert history.fabrics() == ["linen", "wool"]
    with pytest.raises(RecordsError, match=r"known fabrics: linen, wool\."):
        history.recipe("silk")
    with pytest.raises(RecordsError, match=r"no version 3 of the recipe for linen; known: 1\."):
        history.recipe("linen", 3)


def test_model_files_move_with_their_home(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        history = History(store)
        with pytest.raises(RecordsError, match="no model file on record"):
            history.model_file(SHA)
        file = home / "models" / "m.safetensors"
        file.parent.mkdir()
        store.add_model(SHA, file, {"tiles": 3})
        with pytest.raises(RecordsError, match="is gone"):
            history.model_file(SHA)
        file.write_bytes(b"x")
        assert history.model_file(SHA) == file
    home.rename(tmp_path / "moved")
    with Store.open(tmp_path / "moved") as store:
        assert History(store).model_file(SHA) == tmp_path / "moved" / "models" / "m.safetensors"


@pytest.fixture
def three_rolls(store: Store) -> Store:
    for name, fabric in (("A 1", "linen"), ("B 2", "wool"), ("A%3", "linen")):
        store.begin_roll(name, make_recipe(fabric=fabric), "cam")
        store.write(RollEnded(name, Ledger()))
    store.flush()
    return store


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (RollFilter(), ["A%3", "B 2", "A 1"]),
        (RollFilter(fabric="linen"), ["A%3", "A 1"]),
        (RollFilter(text="a "), ["A 1"]),
        (RollFilter(text="%"), ["A%3"]),
        (RollFilter(text="WOO"), ["B 2"]),
        (RollFilter(limit=1), ["A%3"]),
        (RollFilter(since=now() + timedelta(days=1)), []),
        (RollFilter(since=now() - timedelta(days=1), until=now() + timedelta(days=1)), ["A%3", "B 2", "A 1"]),
        (RollFilter(until=now() - timedelta(days=1)), []),
    ],
)
def test_rolls_are_filtered_newest_first(three_rolls: Store, chosen: RollFilter, names: list[str]) -> None:
    assert [roll.name for roll in History(three_rolls).rolls(chosen)] == names


def test_names_are_searched_without_regard_to_capitals_in_any_script(store: Store) -> None:
    for name in ("ТКАНЬ 7", "Köper", "卷布"):
        store.begin_roll(name, make_recipe(), "cam")
        store.write(RollEnded(name, Ledger()))
    assert store.flush()
    history = History(store)
    for text, name in (("ткань", "ТКАНЬ 7"), ("KÖP", "Köper"), ("ko\u0308p", "Köper"), ("布", "卷布")):
        assert [roll.name for roll in history.rolls(RollFilter(text=text))] == [name]
    assert history.roll("Ko\u0308per").name == "Köper"


def test_the_last_roll_of_a_fabric(three_rolls: Store) -> None:
    history = History(three_rolls)
    [last] = history.rolls(RollFilter(fabric="linen", limit=1))
    assert last.name == "A%3"
    assert history.rolls(RollFilter(fabric="silk", limit=1)) == []
    with pytest.raises(RecordsError, match="no roll 'C'"):
        history.roll("C")


@pytest.fixture
def reviewed(store: Store) -> Store:
    """Five defects: 1 confirmed, 2 false alarm, 3 passed, 4 and 5 not reviewed; told out of order."""
    store.begin_roll("a", make_recipe(), "cam")
    for number in (5, 1, 3, 2, 4):
        kind = DefectKind.AREA if number == 5 else DefectKind.SPOT
        store.write(DefectChanged(make_defect(number, is_reject=number != 3, kind=kind)))
    store.flush()
    ids = {row.number: row.id for row in History(store).defects(DefectFilter(1))}
    store.review(ids[1], Verdict.FALSE_ALARM, "ann")
    store.review(ids[1], Verdict.CONFIRMED, "bob", "looked again")
    store.review(ids[2], Verdict.FALSE_ALARM, "ann")
    return store


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (DefectFilter(1), [1, 2, 3, 4, 5]),
        (DefectFilter(1, rejects_only=True), [1, 2, 4, 5]),
        (DefectFilter(1, kind=DefectKind.AREA), [5]),
        (DefectFilter(1, verdict=Verdict.FALSE_ALARM), [2]),
        (DefectFilter(1, unreviewed_only=True), [3, 4, 5]),
        (DefectFilter(1, rejects_only=True, unreviewed_only=True, limit=1), [4]),
        (DefectFilter(2), []),
    ],
)
def test_defects_are_filtered_by_position(reviewed: Store, chosen: DefectFilter, numbers: list[int]) -> None:
    assert [row.number for row in History(reviewed).defects(chosen)] == numbers


def test_the_last_review_counts(reviewed: Store) -> None:
    history = History(reviewed)
    first = history.defects(DefectFilter(1))[0]
    assert (first.verdict, first.reviewed_by) == (Verdict.CONFIRMED, "bob")
    roll = history.roll("a")
    assert (roll.defects, roll.rejects, roll.confirmed, roll.false_alarms) == (5, 4, 1, 1)
    with pytest.raises(RecordsError, match="no defect number 77"):
        reviewed.review(77, Verdict.CONFIRMED, "ann")


def test_a_review_outlives_a_later_change_of_the_defect(reviewed: Store) -> None:
    reviewed.write(DefectChanged(make_defect(1, end_line=500)))
    reviewed.flush()
    first = History(reviewed).defects(DefectFilter(1))[0]
    assert (first.end_line, first.verdict) == (500, Verdict.CONFIRMED)


def test_without_a_scale_lengths_are_px(store: Store, history: History) -> None:
    store.begin_roll("a", make_recipe(mm_per_px=None), "cam")
    store.write(DefectChanged(make_defect(1)))
    store.flush()
    assert history.roll("a").mm_per_px is None
    assert history.defects(DefectFilter(1))[0].unit == "px"


def test_a_long_gallery_is_read_along_an_index(store: Store) -> None:
    sql = "EXPLAIN QUERY PLAN SELECT * FROM defect WHERE roll_id = 1 ORDER BY first_line, number LIMIT 2000"
    with store.read_engine.connect() as connection:
        plan = " ".join(str(row) for row in connection.exec_driver_sql(sql))
    assert "ix_defect_place" in plan
    assert "TEMP B-TREE" not in plan


def test_many_threads_may_read_while_the_line_writes(store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")

    def look(_: int) -> bool:
        found = history.defects(DefectFilter(history.roll(name).id, limit=10_000))
        return [row.number for row in found] == list(range(1, len(found) + 1))

    with ThreadPoolExecutor(6) as pool:
        looks = [pool.submit(look, i) for i in range(60)]
        for number in range(1, 301):
            assert store.write(DefectChanged(make_defect(number)))
        assert all(seen.result() for seen in looks)
    assert store.flush()
    assert history.roll(name).defects == 300


def test_an_engine_and_a_home_will_do(reviewed: Store, home: Path) -> None:
    engine = make_engine(f"sqlite:///{home / 'station.db'}", read_only=True)
    assert History(engine, home).roll("a").defects == 5
    engine.dispose()


def test_a_missing_database_is_told(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'nowhere' / 'station.db'}", read_only=True)
    with pytest.raises(RecordsError, match="cannot be opened"):
        History(engine, tmp_path).rolls()
