"""Records that are only looked at stay as they are, wherever they lie and whoever writes beside."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from station.records.audit import AuditCheck, verify
from station.records.read_only import NoRecords, open_read_only
from station.records.rows import RecordsError
from station.records.schema import HEAD
from station.records.store import Store
from tests.rigs.records import make_recipe, run_on_disk


def contents(home: Path) -> dict[str, bytes]:
    """Every file of the home; SQLite's index of the log aside, which is no data and is made anew where it is lost."""
    files = (file for file in home.rglob("*") if file.is_file() and not file.name.endswith("-shm"))
    return {str(file.relative_to(home)): file.read_bytes() for file in files}


def check(home: Path) -> AuditCheck:
    with open_read_only(home) as engine:
        return verify(engine)


@pytest.fixture
def closed_home(home: Path) -> Path:
    with Store.open(home) as store:
        store.audit("tuned", "1", "2", "ann", "why not")
    return home


def test_a_closed_home_stays_as_it_is(closed_home: Path) -> None:
    before, names = contents(closed_home), sorted(closed_home.rglob("*"))
    assert check(closed_home) == (1, True, None)
    assert contents(closed_home) == before
    assert sorted(closed_home.rglob("*")) == names, "nothing is left behind"


def test_what_a_crash_left_in_the_log_is_read_and_left_there(store: Store, home: Path, tmp_path: Path) -> None:
    store.audit("tuned", "1", "2", "ann", "why not")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("station.db", "station.db-wal"):
        shutil.copy(home / name, crashed)
    before = contents(crashed)
    assert before["station.db-wal"]
    assert check(crashed) == (1, True, None)
    assert contents(crashed) == before


def test_a_station_writes_on_while_its_records_are_read(store: Store, home: Path) -> None:
    store.audit("tuned", "1", "2", "ann", "")
    with open_read_only(home) as engine:
        told: list[int] = []
        assert verify(engine) == (1, True, None)
        store.audit("tuned", "2", "3", "ann", "")
        assert verify(engine, told.append) == (2, True, None)
    store.audit("tuned", "3", "4", "ann", "")
    assert check(home) == (3, True, None)


def test_a_station_that_begins_beside_a_reader_keeps_what_it_writes(closed_home: Path) -> None:
    with open_read_only(closed_home) as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event").scalar() == 1
        with Store.open(closed_home) as store:
            store.save_recipe(make_recipe(), "ann", "taught")
        assert connection.exec_driver_sql("SELECT count(*) FROM event").scalar() == 1, "what it reads stands still"
    assert check(closed_home) == (2, True, None)


def test_nothing_can_be_written(closed_home: Path) -> None:
    with pytest.raises(RecordsError), open_read_only(closed_home) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM event")
    assert check(closed_home) == (1, True, None)


@pytest.mark.parametrize("made", [False, True])
def test_a_home_without_a_database_is_told_and_not_made(home: Path, made: bool) -> None:
    if made:
        home.mkdir()
    with pytest.raises(NoRecords, match="There are no records in") as told, open_read_only(home):
        pass
    assert str(home) in str(told.value)
    assert not list(home.iterdir()) if made else not home.exists()


def test_a_database_made_but_never_filled_is_told(home: Path) -> None:
    home.mkdir()
    (home / "station.db").touch()
    with pytest.raises(NoRecords, match="is empty"), open_read_only(home):
        pass
    assert contents(home) == {"station.db": b""}


def run_sql(sql: str) -> Callable[[Path], None]:
    def spoil(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(sql)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            run_sql("UPDATE alembic_version SET version_num = '9999'"),
            f"newer station (revision 9999; this one knows up to {HEAD})",
        ),
        (run_sql("UPDATE alembic_version SET version_num = CAST(x'39' AS BLOB)"), "newer station"),
        (run_sql("DELETE FROM alembic_version"), "newer station (revision unknown"),
        (run_sql("DROP TABLE alembic_version"), "not one of the station"),
        (lambda file: file.write_bytes(b"no database at all, by any means" * 64), "the file is not a database"),
        (lambda file: file.write_bytes(file.read_bytes()[:8192]), "the database is damaged"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(
    closed_home: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(closed_home / "station.db")
    before = contents(closed_home)
    with pytest.raises(RecordsError) as told, open_read_only(closed_home) as engine:
        verify(engine)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)
    assert str(closed_home / "station.db") in str(told.value)
    assert contents(closed_home) == before


def test_an_older_schema_is_read_as_it_is(closed_home: Path) -> None:
    run_sql("UPDATE alembic_version SET version_num = '0001'")(closed_home / "station.db")
    assert check(closed_home) == (1, True, None)


def test_a_home_with_signs_in_its_name(tmp_path: Path) -> None:
    home = tmp_path / "50% für #1"
    with Store.open(home) as store:
        store.audit("tuned", "1", "2", "ann", "")
    assert check(home) == (1, True, None)


READ_ONLY_DISK = """
import os, shutil, subprocess
from station.records.audit import verify
from station.records.read_only import open_read_only

def check(home):
    try:
        with open_read_only(home) as engine:
            print(tuple(verify(engine)))
    except RecordsError as error:
        print(error)

store = Store.open(home / "running")
store.audit("tuned", "1", "2", "ann", "")
(home / "crashed").mkdir()
for name in ("station.db", "station.db-wal"):
    shutil.copy(home / "running" / name, home / "crashed")
with Store.open(home / "closed") as other:
    other.audit("tuned", "1", "2", "ann", "")
os.mkdir(home.parent / "view")
subprocess.run(["mount", "--bind", home, home.parent / "view"], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", home.parent / "view"], check=True)
view = home.parent / "view"
check(view / "running")
check(view / "closed")
check(view / "crashed")
try:
    with open_read_only(view / "closed") as engine:
        late = Store.open(home / "closed")
        late.audit("tuned", "2", "3", "ann", "")
        print(verify(engine).ok)
except RecordsError as error:
    print(error)
check(view / "closed")
late.close()
store.close()
"""


def test_a_home_on_a_disk_that_is_read_only(tmp_path: Path) -> None:
    outcome = run_on_disk("size=16m", READ_ONLY_DISK, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    running, closed, crashed, *meanwhile, again = outcome.stdout.splitlines()
    assert running == closed == crashed == "(1, True, None)"
    assert "meanwhile; try again." in meanwhile[-1]
    assert again == "(2, True, None)"
