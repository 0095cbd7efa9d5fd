"""A station that is killed at random moments loses nothing that was acknowledged, and the look at it is no idle one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.endurance import Endured, endure, page
from benchmarks.endurance_checks import LAWS, broken, said_in
from benchmarks.endurance_station import RECIPE, Side
from station.contract import DefectChanged, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.records.defects.words import Word
from station.records.rows import RollMeasures, Verdict
from station.records.store import Store
from tests.rigs.records import make_defect, picture

TAMPERED = """
    PRAGMA foreign_keys = OFF;
    INSERT INTO alarm_step (alarm_id, at, step, who) VALUES (99, '2026-11-30 00:00:00.000000', 'raised', 'x');
    UPDATE event SET why = 'changed' WHERE id = 1;
    UPDATE roll SET lines_inspected = lines_inspected + 1;
    UPDATE width SET judged_lines = judged_lines + 1;
    UPDATE tally SET count = count + 1;
    UPDATE defect SET needs_review = NOT needs_review;
    UPDATE alarm SET occurrences = occurrences + 1;
    UPDATE roll_grading SET points = 77;
"""


def test_three_kills_break_no_law(tmp_path: Path) -> None:
    endured = endure(tmp_path / "endured", 3, seed=3, longest_s=0.5)
    assert endured.breaches == {name: [] for name in LAWS}
    assert endured.kills == 3
    assert endured.done["open"] > 0


@pytest.mark.study
@pytest.mark.slow
def test_twenty_kills_break_no_law(tmp_path: Path) -> None:
    endured = endure(tmp_path / "endured", 20, seed=20)
    assert endured.breaches == {name: [] for name in LAWS}
    assert min(endured.done[what] for what in ("told", "said", "ended", "backed up")) > 0
    assert endured.restored >= 1


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A folder with a home in which all is in order, and a side file that says so."""
    side = Side(tmp_path)
    with Store.open(tmp_path / "home") as store:
        name = store.begin_roll(None, RECIPE, "cam", measures=RollMeasures(0.5, 0.5, ""))
        store.write(RowJudged(0, 200, np.ones(4, np.float32), width_px=900, cloth_px=910))
        store.write(StretchClosed(Stretch(0, 200)))
        store.write(DefectChanged(make_defect(1, crop=picture(), crop_scores=np.full((8, 12), 3.0, np.float32))))
        store.write(RollEnded(name, Ledger(200, 200, 0)))
        assert store.flush()
        side.done("begun", roll=1, name=name, order="")
        side.done("told", roll=1, inspected=200, uninspected=0, rows=1, defects=[[1, True]], marks=0, answers=0)
        act = store.reviews.say([1], Word(Verdict.UNSURE), "ann")
        side.done("said", act=act, ids=[1], verdict="unsure")
    return tmp_path


def test_each_law_sees_its_breach(left: Path) -> None:
    home, side = left / "home", Side(left)
    assert broken(home, left, said_in(left)) == {name: [] for name in LAWS}
    with closing(sqlite3.connect(home / "station.db")) as database:
        database.executescript(TAMPERED)
    (home / "images" / "1" / "1-heat.png").unlink()
    (home / "images" / "1" / "9-crop.png").touch()
    (home / "images" / "1" / ".half.tmp").touch()
    (home / "backups" / "daily").mkdir(parents=True, exist_ok=True)
    (home / "backups" / "daily" / "station-2026-01-01.db").write_bytes(b"no database" * 1000)
    side.done("told", roll=1, inspected=400, uninspected=0, rows=1, defects=[[2, True]], marks=0, answers=0)
    side.done("renamed", roll=1, name="another")
    side.done("kept", id=1)
    found = broken(home, left, said_in(left))
    assert [name for name, sentences in found.items() if not sentences] == []
    pictured = " ".join(found["each picture its row, each row its picture"])
    assert "1-heat.png, which a row names" in pictured
    assert "no row names the picture images/1/9-crop.png" in pictured


def test_what_was_being_done_when_it_was_killed_is_known(tmp_path: Path) -> None:
    side = Side(tmp_path)
    with side.doing("a review"):
        pass
    with side.doing("a backup"):
        side.done("open")
        (tmp_path / "said.jsonl").open("ab").write(b'{"done": "cut o')
        assert said_in(tmp_path).doing == {"a backup": 1}
        assert [row["done"] for row in said_in(tmp_path).done] == ["open"]


def test_the_page_tells_of_a_breach() -> None:
    endured = Endured(kills=5)
    assert "**" not in page(endured)
    endured.breaches["audit chain whole"] = ["kill 2: row 7", "kill 2: row 8", "kill 4: row 7"]
    told = page(endured)
    assert "| audit chain whole | 5 | **2** |" in told
    assert "- kill 2: row 7" in told
    assert not endured.is_whole
