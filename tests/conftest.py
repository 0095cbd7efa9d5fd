"""Shared ground of all tests: no display, few threads, real fabric where it is at hand."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYLON_CAMEMU", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, inspect

import model  # noqa: F401 - first of all, so that OpenVINO tells nobody
from station.records import engine as records_engine
from tests.rigs.places import SHARED
from tests.rigs.turns import turn

# On a busy machine a process may stand still for seconds, and what fails once must fail again.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


_ONE_NEEDS_TO_BE_ALONE = pytest.StashKey[bool]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the garbage collector pass over what imports and collection made: it stays until the end."""
    session.stash[_ONE_NEEDS_TO_BE_ALONE] = any(item.get_closest_marker("alone") for item in session.items)
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let what is marked ``alone`` run while no other test does; the wait counts towards no time limit."""
    if not item.session.stash[_ONE_NEEDS_TO_BE_ALONE]:
        return (yield)
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _driver(engine: Engine) -> Iterator[sqlite3.Connection]:
    with closing(engine.raw_connection()) as held:
        assert isinstance(held.driver_connection, sqlite3.Connection)
        yield held.driver_connection


@pytest.fixture(scope="session", autouse=True)
def _new_records_are_copied() -> Iterator[None]:
    """Migrate one new database only: every other that begins empty is a copy of it.  Old ones migrate as ever."""
    migrate, shipped, lock = records_engine.migrate, (records_engine.MIGRATIONS, records_engine.HEAD), threading.Lock()
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as first, pytest.MonkeyPatch.context() as patch:

        def copied(engine: Engine) -> None:
            is_new = engine.dialect.name == "sqlite" and not inspect(engine).get_table_names()
            if not is_new or shipped != (records_engine.MIGRATIONS, records_engine.HEAD):
                migrate(engine)
                return
            with lock:
                if not first.execute("SELECT 1 FROM sqlite_master").fetchone():
                    migrate(engine)
                    with _driver(engine) as made:
                        made.backup(first)
                else:
                    with _driver(engine) as new:
                        first.backup(new)

        patch.setattr(records_engine, "migrate", copied)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real fabric; skips where it is absent."""
    path = SHARED / "data"
    if not path.is_dir():
        pytest.skip("real fabric (../shared/data) is not on this machine")
    return path


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder of pretrained trunks; skips where it is absent."""
    path = SHARED / "weights"
    if not path.is_dir():
        pytest.skip("pretrained trunks (../shared/weights) are not on this machine")
    return path
