"""Programs on one home know of one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.records.history import History
from station.records.safety import programs
from station.records.safety.programs import Programs
from station.records.store import Store
from tests.rigs.records import make_recipe


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "LOOK_S", 0.0)


def told(store: Store) -> list[str]:
    return [notice.text for notice in store.take_notices()]


def test_each_of_two_programs_says_once_that_the_other_is_there_and_both_work(home: Path) -> None:
    with Store.open(home) as first:
        assert told(first) == []
        with Store.open(home) as second:
            (one,), (two,) = told(first), told(second)
            assert one.startswith("Another program works on this home: station")
            assert "process" in two
            assert told(first) == told(second) == []
            names = {store.begin_roll(None, make_recipe(), "cam") for store in (first, second)}
            assert {roll.name for roll in History(first).rolls()} == names
        assert told(first) == [one.replace("Another program works on this home", "The other program has ended")]


def test_what_a_crash_left_is_nobody_and_is_removed(home: Path) -> None:
    file = home / "locks" / "program-1-0.lock"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    here = Programs(home)
    assert here.others() == []
    assert file.exists(), "it may be about to be held"
    programs.STALE_S, before = -1.0, programs.STALE_S
    try:
        assert here.others() == []
    finally:
        programs.STALE_S = before
    assert not file.exists()
    here.close()
    assert not list((home / "locks").iterdir())


def test_a_file_of_nonsense_that_somebody_holds_is_passed_by(home: Path) -> None:
    other, here = Programs(home), Programs(home)
    (found,) = here.others()
    assert str(found).startswith("station")
    (file,) = [one for one in (home / "locks").iterdir() if str(found.process) in one.name][:1]
    for one in (home / "locks").iterdir():
        one.write_bytes(b"\xff nonsense")
    assert here.others() == []
    other.close()
    here.close()
    assert file.name.startswith("program-")


def test_a_home_without_room_for_locks_bars_nothing(home: Path) -> None:
    home.mkdir()
    (home / "locks").write_text("a file in its place")
    here = Programs(home)
    assert here.news() == []
    here.close()
