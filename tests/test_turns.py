"""A test that needs the machine for itself gets it, and keeps no other waiting for ever."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

from tests.rigs.turns import turn


def is_locked(place: Path) -> bool:
    with place.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_one_alone_waits_for_the_others_and_none_overtakes_it(tmp_path: Path) -> None:
    gate, room = places = (tmp_path / "gate", tmp_path / "room")
    for place in places:
        place.touch()
    came: list[str] = []

    def come(name: str, *, alone: bool) -> None:
        with turn(alone=alone, places=places):
            came.append(name)

    one = threading.Thread(target=come, args=("alone",), kwargs={"alone": True})
    late = threading.Thread(target=come, args=("late",), kwargs={"alone": False})
    pause = threading.Event()
    with turn(alone=False, places=places):
        with turn(alone=False, places=places):
            assert is_locked(room), "two at once"
        one.start()
        while not is_locked(gate):
            pause.wait(0.01)
        late.start()
        assert came == []
    one.join(60)
    late.join(60)
    assert came == ["alone", "late"]
    assert not is_locked(gate)
    assert not is_locked(room)
