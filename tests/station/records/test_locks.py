"""Locks of files that are removed when they are freed."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.records.locks import FileLock, is_held
from station.records.store import Store
from tests.rigs.records import make_recipe


def test_a_lock_whose_file_was_removed_between_opening_and_locking_is_taken_on_the_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "locks" / "a.lock"
    fcntl = pytest.importorskip("fcntl")
    locked = fcntl.flock
    removals = iter([True])

    def freed_just_now(fd: int, how: int) -> None:
        if next(removals, False):
            file.unlink()
        locked(fd, how)

    monkeypatch.setattr(fcntl, "flock", freed_just_now)
    lock = FileLock(file)
    assert lock.take()
    assert is_held(file)
    assert not FileLock(file).take()
    lock.free(remove=True)
    assert not file.exists()


def test_a_start_removes_locks_of_rolls_that_a_killed_program_left_and_none_of_those_that_run(home: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll(None, make_recipe(), "cam")
        running = home / "locks" / f"roll-{store.rolls.open_id}.lock"
        left = home / "locks" / "roll-77.lock"
        left.touch()
        with Store.open(home):
            assert not left.exists()
            assert is_held(running)
        assert is_held(running)
    assert not running.exists()
