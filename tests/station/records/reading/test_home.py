"""Reports and lists from homes that nobody may write to: read-only, full, of an older station, left by a crash."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from station.contract import Ledger, RollEnded, Stretch, StretchClosed
from station.quality import report as reports
from station.records.read_only import NoRecords
from station.records.reading.home import open_history
from station.records.rows import RecordsError
from station.records.store import Store
from tests.rigs.places import ROOT
from tests.rigs.records import make_recipe, run_on_disk
from tests.rigs.reported_roll import recipe, record

OLD = ROOT / "tests" / "data" / "made_at_832f2a0" / "home"


def contents(home: Path) -> dict[str, bytes]:
    files = (file for file in home.rglob("*") if file.is_file() and not file.name.endswith("-shm"))
    return {str(file.relative_to(home)): file.read_bytes() for file in files}


def test_a_home_is_read_and_stays_as_it_is(home: Path) -> None:
    with Store.open(home) as store:
        record(store, "R1", recipe())
    before = contents(home)
    with open_history(home) as history:
        assert [roll.name for roll in history.rolls()] == ["R1"]
        made = reports.report(history, "R1")
    assert all(Path(str(defect.crop_file)).is_file() for defect in made.defect_list)
    assert contents(home) == before


def test_a_roll_under_way_is_read_beside_its_station(home: Path) -> None:
    with Store.open(home) as store:
        record(store, "R1", recipe(), ended=False)
        with open_history(home) as history:
            roll = history.roll("R1")
            assert (roll.ended_at, roll.broken_off, roll.ledger.lines_inspected) == (None, False, 180_000)
        store.write(RollEnded("R1", Ledger(200_000, 180_000, 20_000)))
        assert store.flush()


def test_a_roll_that_a_crash_left_open_is_shown_as_the_next_start_will_close_it(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("R1", make_recipe(), "cam")
        store.write(StretchClosed(Stretch(0, 300)))
        assert store.flush()
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for name in ("station.db", "station.db-wal"):
            shutil.copy(home / name, crashed)
        before = contents(crashed)
        with open_history(crashed) as history:
            shown = history.roll("R1")
        assert contents(crashed) == before
        assert shown.broken_off
        assert shown.ended_at is not None
    with Store.open(crashed), open_history(crashed) as history:
        assert history.roll("R1") == shown


def test_records_of_an_older_station_are_read_without_an_upgrade(home: Path) -> None:
    shutil.copytree(OLD, home)
    with closing(sqlite3.connect(home / "station.db")) as connection:
        count = connection.execute("SELECT count(*) FROM roll").fetchone()[0]
    before = contents(home)
    with open_history(home) as history:
        assert len(history.rolls()) == count > 0
    assert contents(home) == before


def test_a_home_without_records_and_a_file_that_is_no_database_are_told(home: Path) -> None:
    with pytest.raises(NoRecords, match="There are no records in"), open_history(home):
        pass
    assert not home.exists()
    home.mkdir()
    (home / "station.db").write_bytes(b"no database, by any means" * 99)
    with pytest.raises(RecordsError, match="the file is not a database"), open_history(home):
        pass


UNWRITABLE = """
import os, subprocess
from station.cli import app
from tests.rigs.reported_roll import recipe, record

def typed(*words):
    sys.argv = ["station", *map(str, words)]
    try:
        app.app()
    except SystemExit as end:
        print("exit", end.code)

with Store.open(home / "mill") as store:
    record(store, "R1", recipe())
view, out = home.parent / "view", home.parent / "r.pdf"
view.mkdir()
subprocess.run(["mount", "--bind", home, view], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", view], check=True)
typed("report", "R1", "--home", view / "mill", "--pdf", out)
typed("rolls", "--home", view / "mill")
typed("calibrate", "list", "--home", view / "mill")
typed("recipe", "linen", "--home", view / "mill")
try:
    with (home / "rest").open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
except OSError:
    pass
typed("report", "R1", "--home", home / "mill", "--csv", home.parent / "r.csv")
print(out.stat().st_size > 1000, (home.parent / "r.csv").stat().st_size > 100)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="makes a disk with unshare and mount")
def test_reports_and_lists_are_read_from_a_home_that_is_read_only_or_full(tmp_path: Path) -> None:
    outcome = run_on_disk("size=8m", UNWRITABLE, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("Grade          pass") == 2
    assert outcome.stdout.count("exit 0") == 5
    assert "threshold" in outcome.stdout
    assert outcome.stdout.splitlines()[-1] == "True True"
