"""Old, new, foreign and damaged databases."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

import station.records.engine as engine_module
from station.records.history import History
from station.records.keeping.measuring import unmeasured
from station.records.rows import DefectFilter, NewCalibration, RecordsError
from station.records.schema import HEAD, Base
from station.records.store import Store
from station.state.defect import DefectSeverity, Look
from station.state.roll import RollIdentity
from tests.rigs.records import make_recipe

NEXT = '''
"""A test's next revision."""
import sqlalchemy as sa
from alembic import op
revision = "0999"
down_revision = "HEAD"
branch_labels = depends_on = None
def upgrade():
    op.add_column("fabric", sa.Column("colour", sa.Text(), nullable=True))
    BREAK
'''


def test_the_migrations_make_the_schema(store: Store) -> None:
    with store.read_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(engine_module.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.fixture
def old_home(home: Path) -> Path:
    with Store.open(home) as store:
        store.save_recipe(make_recipe(), "ann", "taught")
    return home


def upgrade_the_program(monkeypatch: pytest.MonkeyPatch, folder: Path, broken: str = "") -> None:
    """The program gains a revision."""
    shutil.copytree(engine_module.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0999_next.py").write_text(NEXT.replace("BREAK", broken).replace("HEAD", HEAD))
    monkeypatch.setattr(engine_module, "MIGRATIONS", folder)
    monkeypatch.setattr(engine_module, "HEAD", "0999")


def columns(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(fabric)")]


def test_an_old_database_is_backed_up_and_brought_up_to_date(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade_the_program(monkeypatch, tmp_path / "migrations")
    with Store.open(old_home) as store:
        assert History(store).recipe("linen") == make_recipe()
    assert "colour" in columns(old_home / "station.db")
    (backup,) = (old_home / "backups").glob("*.db")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "colour" not in columns(backup)
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT name FROM fabric").fetchall() == [("linen",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_migration_that_fails_changes_nothing(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade_the_program(monkeypatch, tmp_path / "migrations", broken='op.execute("SELECT * FROM nowhere")')
    with pytest.raises(RecordsError):
        Store.open(old_home)
    monkeypatch.undo()
    assert "colour" not in columns(old_home / "station.db")
    with Store.open(old_home) as store:
        assert History(store).fabrics() == ["linen"]


def test_a_newer_database_is_refused_and_left_as_it_is(old_home: Path) -> None:
    with sqlite3.connect(old_home / "station.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(RecordsError, match=rf"newer station \(revision 0999; this one knows up to {HEAD}\); upgrade"):
        Store.open(old_home)
    with sqlite3.connect(old_home / "station.db") as connection:
        assert connection.execute("SELECT name FROM fabric").fetchall() == [("linen",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999",)]
    assert not list((old_home / "backups").glob("*.db"))


def test_an_empty_file_becomes_a_database(home: Path) -> None:
    home.mkdir()
    (home / "station.db").touch()
    with Store.open(home) as store:
        assert History(store).fabrics() == []


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "not a url: secret", "nosuch://me:secret@host/db", "mysql+no://a:secret@h/d"],
)
def test_addresses_that_cannot_serve_are_refused_without_their_password(home: Path, url: str) -> None:
    with pytest.raises(RecordsError) as told:
        Store.open(home, url)
    assert "secret" not in str(told.value)
    assert str(told.value).endswith(".")


def test_another_sqlite_file_may_be_named(home: Path, tmp_path: Path) -> None:
    with Store.open(home, f"sqlite:///{tmp_path / 'else' / 'where.db'}") as store:
        store.save_recipe(make_recipe(), "ann", "")
    assert (tmp_path / "else" / "where.db").stat().st_size > 0
    assert not (home / "station.db").exists()


def test_rolls_of_the_first_schema_keep_their_recipes_scale_unverified(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A roll and a calibration on record before calibrations were linked to rolls."""
    with monkeypatch.context() as first:
        first.setattr(engine_module, "HEAD", "0001")
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in FIRST_SCHEMA_ROLL:
            connection.exec_driver_sql(statement)
    for engine in engines:
        engine.dispose()
    with Store.open(home) as store:
        history = History(store)
        roll = history.roll("old")
        (calibration,) = history.calibrations("cam")
        assert history.calibrations(roll_id=roll.id) == []
        assert store.add_calibrations([NewCalibration("scale", "cam", {"x": 1}, "24", 512, 0.1, "px")], "ann") == [2]
    assert (roll.mm_per_px, roll.mm_per_line) == (0.5, 0.5)
    assert roll.unverified
    assert (calibration.result, calibration.serial, calibration.residual) == ({"gain": [1]}, "", None)


@pytest.fixture
def second_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rolls of the second schema, whose table had a column that nothing used."""
    with monkeypatch.context() as second:
        second.setattr(engine_module, "HEAD", "0002")
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in (*FIRST_SCHEMA_ROLL[:3], *SECOND_SCHEMA_ROLLS):
            connection.exec_driver_sql(statement)
    for engine in engines:
        engine.dispose()
    return home


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_defects_of_every_earlier_schema_are_seen_by_the_fine_look_and_in_one_piece_where_none_were_counted(
    home: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    with monkeypatch.context() as old:
        old.setattr(engine_module, "HEAD", revision)
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in (*FIRST_SCHEMA_ROLL[:3], ROLLS[revision], OLD_DEFECT):
            connection.exec_driver_sql(statement)
        if revision >= "0005":
            connection.exec_driver_sql("UPDATE defect SET kind = 'area', parts = 7")
    for engine in engines:
        engine.dispose()
    with Store.open(home) as store:
        history = History(store)
        (defect,) = history.defects(DefectFilter(history.roll("old").id))
        assert (defect.number, defect.score, defect.parts) == (3, 2.5, 7 if revision >= "0005" else 1)
        assert (defect.look, defect.threshold) == (Look.FINE, 2.0), "the recipe's threshold is that of the fine look"
        assert (defect.severity, defect.web_mm) == (DefectSeverity.MINOR, None)
        assert not defect.pictures_dropped
        assert unmeasured(store.read_engine) == [defect.roll_id], "retention measures old rolls by and by"


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("the program ended without it", "crash"),
        ("another roll was begun", "another roll was begun"),
        (None, ""),
        ("b\udcf6se", ""),
    ],
)
def test_rolls_of_every_earlier_schema_say_why_they_were_broken_off_as_far_as_the_audit_does(
    home: Path, monkeypatch: pytest.MonkeyPatch, revision: str, told: str | None, why: str
) -> None:
    with monkeypatch.context() as old:
        old.setattr(engine_module, "HEAD", revision)
        engines = engine_module.open_database(home, engine_module.default_url(home))
    with engines[0].begin() as connection:
        for statement in (*FIRST_SCHEMA_ROLL[:3], ROLLS[revision], "UPDATE roll SET ended_how = 'broken off'"):
            connection.exec_driver_sql(statement)
    for engine in engines:
        engine.dispose()
    if told is not None:
        with closing(sqlite3.connect(home / "station.db")) as raw, raw:
            columns = "1, '2026-01-01', 'station', 'roll broken off', 'open', ?, CAST(? AS TEXT), ''"
            row = f"INSERT INTO event VALUES ({columns})"
            raw.execute(row, ("old: 9 lines inspected, 0 uninspected", told.encode("utf-8", "surrogateescape")))
    with Store.open(home) as store:
        roll = History(store).roll("old")
        assert (roll.state, roll.ended_why, roll.resumed) == ("broken off", why, 0)
        assert roll.identity == RollIdentity()
        assert History(store).marks(roll.id) == []
        assert not store.people.is_on()
        assert store.people.people() == []


def test_a_migration_that_fails_leaves_the_old_file_as_it_was_and_a_backup_beside_it(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with steps before the one that fails, and tried twice."""
    before = dump(old_home)
    upgrade_the_program(
        monkeypatch, tmp_path / "migrations", broken='op.drop_table("review"); raise OSError(5, "gone")'
    )
    for _ in range(2):
        with pytest.raises(RecordsError):
            Store.open(old_home)
        assert dump(old_home) == before
    with sqlite3.connect(old_home / "station.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    backups = list((old_home / "backups").glob("*.db"))
    assert backups, "a copy from before lies beside it"
    monkeypatch.undo()
    with Store.open(old_home) as store:
        assert History(store).recipe("linen") == make_recipe()


def dump(home: Path) -> list[str]:
    with sqlite3.connect(home / "station.db") as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    "broken", ["CREATE TABLE roll (", "INSERT INTO roll ", "DROP TABLE roll_before", "UPDATE alembic"]
)
def test_a_disk_that_is_full_while_the_rolls_are_made_anew_costs_nothing(second_home: Path, broken: str) -> None:
    before = dump(second_home)

    def burst(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if broken in statement:
            raise sqlite3.OperationalError("database or disk is full")

    event.listen(Engine, "after_cursor_execute", burst)
    try:
        with pytest.raises(RecordsError, match="disk is full"):
            Store.open(second_home)
    finally:
        event.remove(Engine, "after_cursor_execute", burst)
    assert dump(second_home) == before
    with Store.open(second_home) as store:
        assert History(store).roll("old").id == 7


def test_what_refers_to_a_roll_outlives_the_rolls_being_made_anew(second_home: Path) -> None:
    home = second_home
    with Store.open(home) as store:
        history = History(store)
        roll = history.roll("old")
        assert (roll.id, roll.mm_per_px, roll.mm_per_line, roll.unverified) == (7, 0.5, 0.4, "stale")
        assert [calibration.kind for calibration in history.calibrations(roll_id=7)] == ["shading"]
        assert [(s.first_line, s.end_line) for s in history.stretches(7)] == [(0, 5), (5, 9)]
        assert history.roll("later").id == 9
    with sqlite3.connect(home / "station.db") as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [row[1] for row in connection.execute("PRAGMA table_info(roll)")]
        assert "calibration_id" not in names
        assert "roll_before" not in {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM roll WHERE id = 7")


FIRST_SCHEMA_ROLL = (
    "INSERT INTO fabric VALUES (1, 'linen', '2026-01-01')",
    "INSERT INTO model_version VALUES ('ab', NULL, '{}', '2026-01-01')",
    "INSERT INTO recipe_version VALUES (1, 1, 1, 'ab', 2.0, 0.5, '" + make_recipe().model_dump_json() + "', "
    "'2026-01-01', 'ann', '')",
    "INSERT INTO calibration VALUES (1, 'cam', 'shading', '{\"gain\": [1]}', '2026-01-01', 'ann')",
    "INSERT INTO roll VALUES (1, 'old', 1, NULL, 'cam', 'here', '2026-01-01', '2026-01-01', '2026-01-01', 'ended', "
    "9, 9, 0, 0, 9, 900)",
)

FOURTH_SCHEMA_ROLL = (
    "INSERT INTO roll VALUES (1, 'old', 1, 'cam', 'here', '2026-01-01', '2026-01-01', '2026-01-01', 'ended', "
    "9, 9, 0, 0, 9, 900, 0.5, 0.5, '', 0, 0)"
)
SECOND_SCHEMA_ROLLS = (
    "INSERT INTO calibration (id, camera_id, kind, facts, created_at, created_by) "
    "VALUES (1, 'cam', 'shading', '{\"gain\": [1]}', '2026-01-01', 'ann')",
    "INSERT INTO roll VALUES (7, 'old', 1, NULL, 'cam', 'here', '2026-01-01', '2026-01-01', '2026-01-01', 'ended', "
    "9, 9, 0, 0, 9, 900, 0.5, 0.4, 'stale')",
    "INSERT INTO roll VALUES (9, 'later', 1, 1, 'cam', 'here', '2026-01-02', '2026-01-02', '2026-01-02', 'ended', "
    "9, 9, 0, 0, 9, 900, 0.5, 0.4, '')",
    "INSERT INTO roll_calibration VALUES (7, 1)",
    "INSERT INTO stretch VALUES (1, 7, 0, 5, NULL), (2, 7, 5, 9, 'paused')",
)

ROLLS = {
    "0001": FIRST_SCHEMA_ROLL[4],
    "0002": SECOND_SCHEMA_ROLLS[1],
    "0003": FOURTH_SCHEMA_ROLL.replace(", 0, 0)", ")"),
    "0004": FOURTH_SCHEMA_ROLL,
    "0005": FOURTH_SCHEMA_ROLL,
    "0006": FOURTH_SCHEMA_ROLL,
}
OLD_DEFECT = (
    "INSERT INTO defect (id, roll_id, number, first_line, end_line, first_px, end_px, length_mm, width_mm, area_mm2, "
    "position_mm, across_mm, score, kind, is_reject, closed, found_at, changed_at) SELECT 1, roll.id, 3, 0, 5, 2, 8, "
    "2.5, 3.0, 7.5, 0.0, 2.5, 2.5, 'spot', 1, 1, '2026-01-01', '2026-01-01' FROM roll WHERE roll.name = 'old'"
)
