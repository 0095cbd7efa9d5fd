"""``station audit verify``: a whole chain is told, a broken one names its row, and nothing is changed by looking."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import station.commands.audit as audit_module
import station.records.audit as chain_module
from station.commands.doctor import doctor
from station.records.store import Store
from tests.rigs.command_line import Outcome, Station

ROWS = 6


@pytest.fixture
def audited_home(tmp_path: Path) -> Path:
    """A home with some rows on its chain."""
    home = tmp_path / "home"
    with Store.open(home) as store:
        for number in range(ROWS):
            store.audit("tuned", str(number), str(number + 1), "ann", "")
    return home


def change(home: Path, sql: str) -> None:
    with closing(sqlite3.connect(home / "station.db")) as connection, connection:
        assert connection.execute(sql).rowcount >= 1


def verify(station: Station, home: Path, *more: object) -> Outcome:
    return station("audit", "verify", "--home", home, *more)


def audit_check(home: Path) -> dict[str, object]:
    """What the doctor finds of the audit."""
    (found,) = [check for check in doctor(home) if check["name"] == "audit"]
    return found


def test_a_whole_chain(station: Station, audited_home: Path) -> None:
    outcome = verify(station, audited_home, "--json")
    assert outcome.code == 0
    assert outcome.json == {"rows": ROWS, "ok": True, "first_bad_row": None}
    assert outcome.err == ""
    assert verify(station, audited_home).out == f"chain whole, {ROWS} rows\n"


def test_a_chain_of_what_the_station_does_itself(station: Station, demo_home: Path) -> None:
    with closing(sqlite3.connect(demo_home / "station.db")) as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM event").fetchall()
    assert rows > 0
    assert verify(station, demo_home, "--json").json == {"rows": rows, "ok": True, "first_bad_row": None}


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("UPDATE event SET who = 'bob' WHERE id = 4", 4),
        ("DELETE FROM event WHERE id = 1", 1),
        (f"DELETE FROM event WHERE id = {ROWS}", ROWS),
        ("UPDATE event SET why = CAST(x'ff' AS TEXT) WHERE id = 2", 2),
        ("DELETE FROM event_head", ROWS + 1),
    ],
)
def test_a_broken_chain_names_the_row_and_exits_1(station: Station, audited_home: Path, sql: str, row: int) -> None:
    change(audited_home, sql)
    outcome = verify(station, audited_home, "--json")
    assert outcome.code == 1
    assert list(outcome.json) == ["rows", "ok", "first_bad_row"]
    assert (outcome.json["ok"], outcome.json["first_bad_row"]) == (False, row)
    assert f"breaks at row {row}," in outcome.sentence
    assert f"keep {audited_home / 'station.db'} as it is" in outcome.sentence
    plain = verify(station, audited_home)
    assert (plain.code, plain.out) == (1, "")
    assert plain.sentence == outcome.sentence


def test_a_home_without_records_is_a_sentence_and_is_not_made(station: Station, tmp_path: Path) -> None:
    outcome = verify(station, tmp_path / "none", "--json")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "There are no records in" in outcome.sentence
    assert str(tmp_path / "none") in outcome.sentence
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"no database " * 400, b"SQLite format 3\x00" + bytes(5000)])
def test_a_file_that_is_no_database_is_a_sentence(station: Station, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "station.db").write_bytes(content)
    outcome = verify(station, tmp_path)
    assert outcome.code == 1
    assert str(tmp_path / "station.db") in outcome.sentence
    assert (tmp_path / "station.db").read_bytes() == content


def test_wrong_usage_exits_2(station: Station, audited_home: Path) -> None:
    assert verify(station, audited_home, "--rows", 5).code == 2
    assert station("audit", "mend").code == 2
    assert verify(station, audited_home, "6").code == 2


def test_the_home_folder_stays_as_it_is(station: Station, audited_home: Path) -> None:
    before = {file: (file.stat().st_mtime_ns, file.is_file() and file.read_bytes()) for file in audited_home.rglob("*")}
    for _ in range(2):
        assert verify(station, audited_home).code == 0
    assert {
        file: (file.stat().st_mtime_ns, file.is_file() and file.read_bytes()) for file in audited_home.rglob("*")
    } == before


def test_beside_a_station_that_runs(station: Station, audited_home: Path) -> None:
    with Store.open(audited_home) as running:
        running.audit("tuned", "x", "y", "ann", "")
        assert verify(station, audited_home, "--json").json["rows"] == ROWS + 1
        running.audit("tuned", "y", "z", "ann", "")
    assert verify(station, audited_home, "--json").json == {"rows": ROWS + 2, "ok": True, "first_bad_row": None}


def test_a_long_check_tells_how_far_it_is_on_stderr(
    station: Station, audited_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "PROGRESS_S", 0.0)
    monkeypatch.setattr(chain_module, "ROWS_AT_ONCE", 2)
    outcome = verify(station, audited_home, "--json")
    assert outcome.err.splitlines()[0] == "2 rows of the audit checked"
    assert outcome.json["rows"] == ROWS


@pytest.mark.usefixtures("precisions_are_known")
def test_the_doctor_finds_the_chain_whole(audited_home: Path) -> None:
    assert audit_check(audited_home) == {"name": "audit", "ok": True, "detail": f"chain whole, {ROWS} rows"}


@pytest.mark.usefixtures("precisions_are_known")
def test_the_doctor_names_the_row(station: Station, audited_home: Path) -> None:
    change(audited_home, "UPDATE event SET new = 'z' WHERE id = 3")
    outcome = station("doctor", "--home", audited_home, "--json")
    assert outcome.code == 1
    (found,) = [check for check in outcome.json["checks"] if check["name"] == "audit"]
    assert not found["ok"]
    assert "breaks at row 3," in found["detail"]


@pytest.mark.usefixtures("precisions_are_known")
def test_the_doctor_minds_no_home_that_is_new(tmp_path: Path) -> None:
    assert audit_check(tmp_path / "home") == {"name": "audit", "ok": True, "detail": "nothing on record yet"}
