"""The house stays easy to find one's way in: few modules in a room, none of them long."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
MOST_MODULES = 16
MOST_LINES = 340
LONGER = {
    "station/contract.py": 400,  # all that the core tells, in one place to be read in one go
}
ROOMS = {room.folder: room.lines for room in runpy.run_path(str(HOUSE / "scripts" / "rooms.py"))["rooms"]()}


@pytest.mark.parametrize("folder", ROOMS)
def test_a_room_holds_few_modules(folder: str) -> None:
    assert len(ROOMS[folder]) <= MOST_MODULES, f"{folder} is full: give it rooms of its own"


@pytest.mark.parametrize("folder", ROOMS)
def test_a_module_is_read_in_one_go(folder: str) -> None:
    for name, lines in ROOMS[folder].items():
        place = f"{folder}/{name}"
        assert lines <= LONGER.get(place, MOST_LINES), f"{place} is long: part of it belongs elsewhere"


def test_exceptions_are_still_needed() -> None:
    for place in LONGER:
        folder, _, name = place.rpartition("/")
        assert ROOMS[folder][name] > MOST_LINES


def test_every_floor_is_listed() -> None:
    floors = {folder.split("/")[0] for folder in ROOMS}
    assert floors == {"station", "ui", "drivers", "calibration", "model"}
