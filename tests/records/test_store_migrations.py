"""Old, new, foreign and damaged databases."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from records_rig import make_recipe

import station.records.engine as engine_module
from station.records.queries import History
from station.records.rows import RecordsError
from station.records.schema import HEAD, Base
from station.records.store import Store

NEXT = '''
"""A test's next revision."""
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
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
    """The program gains a second revision."""
    shutil.copytree(engine_module.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0002_next.py").write_text(NEXT.replace("BREAK", broken))
    monkeypatch.setattr(engine_module, "MIGRATIONS", folder)
    monkeypatch.setattr(engine_module, "HEAD", "0002")


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
    (backup,) = (old_home / "backups").iterdir()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "colour" not in columns(backup)
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT name FROM fabric").fetchall() == [("linen",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


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
    with pytest.raises(RecordsError, match=r"newer station \(revision 0999; this one knows up to 0001\); upgrade"):
        Store.open(old_home)
    with sqlite3.connect(old_home / "station.db") as connection:
        assert connection.execute("SELECT name FROM fabric").fetchall() == [("linen",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999",)]
    assert not (old_home / "backups").exists()


def test_somebody_elses_database_is_refused(home: Path) -> None:
    home.mkdir()
    with sqlite3.connect(home / "station.db") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(RecordsError, match="not one of the station"):
        Store.open(home)
    with sqlite3.connect(home / "station.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_that_is_no_database_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "station.db").write_bytes(b"Dear diary, " * 500)
    with pytest.raises(RecordsError, match=r"station\.db failed: the file is not a database"):
        Store.open(home)
    assert (home / "station.db").read_bytes() == b"Dear diary, " * 500


def test_a_database_cut_short_is_refused(old_home: Path) -> None:
    database = old_home / "station.db"
    database.write_bytes(database.read_bytes()[:5000])
    with pytest.raises(RecordsError, match="damaged"):
        Store.open(old_home)


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
