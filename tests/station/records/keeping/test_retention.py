"""Retention runs beside the line; its thread that dies or hangs is told within a minute and stops nothing."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import pytest

from station.contract import DefectChanged
from station.records.history import History
from station.records.keeping import retention as module
from station.records.keeping.retention import SILENT_S, WATCH_S, Retention
from station.records.keeping.settings import RetentionSettings
from station.records.locks import EVIDENCE, FileLock
from station.records.rows import DefectFilter, RecordsError
from station.records.store import Store
from tests.rigs.records import eventually, make_defect, make_recipe, picture
from tests.station.records.keeping.conftest import pictures, weave


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_S", 0.0)
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    monkeypatch.setattr(module, "LONGEST_S", 5.0)
    monkeypatch.setattr(module, "WATCH_S", 0.05)


def told(store: Store) -> list[str]:
    return [f"{notice.severity}: {notice.text}" for notice in store.take_notices()]


def test_death_and_silence_are_told_within_a_minute() -> None:
    assert WATCH_S + SILENT_S < 60


def test_pictures_go_by_themselves_while_a_roll_runs(store: Store, home: Path) -> None:
    roll = weave(store, "a", "." * 30)
    store.begin_roll("b", make_recipe(), "cam")
    with Retention(store, RetentionSettings(), home / "recordings", disk=lambda _: 2):
        number = 0
        while pictures(home, roll):
            number += 1
            store.write(DefectChanged(make_defect(number, crop=picture())))
            assert store.flush()
    history = History(store)
    rows = history.defects(DefectFilter(history.roll("b").id, limit=100_000))
    assert [row.number for row in rows] == list(range(1, number + 1)), "the line lost nothing"
    assert all(row.crop_file is not None and row.crop_file.is_file() for row in rows)
    assert store.lost == 0


def test_a_worker_that_is_killed_is_told_started_again_and_the_line_goes_on(store: Store, home: Path) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    with Retention(store, RetentionSettings(), home / "recordings") as retention:
        killed = retention.worker
        raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(killed.ident or 0), ctypes.py_object(SystemExit)
        )
        assert raised == 1
        assert eventually(lambda: not killed.is_alive())
        assert store.write(DefectChanged(make_defect(1)))
        assert store.flush()
        assert eventually(lambda: retention.worker is not killed and retention.worker.is_alive())
        said = told(store)
        assert [text for text in said if "Retention has stopped (SystemExit)" in text], said
        assert all(text.startswith("error: ") and "Inspection goes on" in text for text in said)
    assert History(store).roll("a").defects == 1
    with store.read_engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT new FROM event WHERE action = 'notice: error'").fetchall()
    assert len(rows) == 1, "it is on record too"


def test_a_bug_in_a_look_is_told_as_its_death(store: Store, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Retention) -> None:
        raise ZeroDivisionError("no rolls")

    with monkeypatch.context() as patch:
        patch.setattr(Retention, "look", broken)
        with Retention(store, RetentionSettings(), home / "recordings"):
            said: list[str] = []
            assert eventually(lambda: said.extend(told(store)) or len(said) > 2), "each death is told"
    assert all("Retention has stopped (ZeroDivisionError: no rolls)" in text for text in said)


def test_a_disk_that_hangs_is_told_once_and_the_line_goes_on(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.2)
    back = threading.Event()
    monkeypatch.setattr(Retention, "look", lambda _self: back.wait(30))
    with Retention(store, RetentionSettings(), home / "recordings"):
        said: list[str] = []
        assert eventually(lambda: said.extend(told(store)) or said)
        store.begin_roll("a", make_recipe(), "cam")
        store.write(DefectChanged(make_defect(1)))
        assert store.flush()
        back.set()
    assert "Retention does not answer" in said[0]
    assert told(store) == []


def test_a_fault_of_the_disk_is_told_and_tried_again(store: Store, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def refuse(self: Retention) -> None:
        looks.append(1)
        raise OSError(5, "Input/output error") if len(looks) % 2 else RecordsError("The database is locked.")

    monkeypatch.setattr(Retention, "look", refuse)
    with Retention(store, RetentionSettings(), home / "recordings") as retention:
        assert eventually(lambda: len(looks) > 3)
        assert retention.worker.is_alive()
    (text,) = told(store)
    assert text.startswith("warning: Old pictures and recordings could not be looked through: ")


def test_switched_off_it_does_nothing(store: Store, home: Path) -> None:
    roll = weave(store, "a", ".")
    with Retention(store, RetentionSettings(on=False), home / "recordings", disk=lambda _: 2) as retention:
        assert retention.worker.ident is None
    assert pictures(home, roll) == {"1-crop", "1-heat"}


def test_while_another_program_copies_or_removes_nothing_goes(store: Store, home: Path) -> None:
    roll = weave(store, "a", ".")
    lock = FileLock(home / EVIDENCE)
    assert lock.take()
    retention = Retention(store, RetentionSettings(), home / "recordings", disk=lambda _: 2)
    retention.look()
    assert pictures(home, roll)
    lock.free()
    retention.look()
    assert not pictures(home, roll)
