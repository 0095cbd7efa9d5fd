"""The house stays easy to find one's way in: few modules in a room, none of them long."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
MOST_MODULES = 16
MOST_LINES = 340
MOST_PRIVATE_READS = 52  # each breaks a running part on purpose; `python scripts/private_reads.py --list`
LONGER: dict[str, int] = {}
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


def is_packed(node: ast.AST) -> bool:
    """Several assignments in one, some of them to attributes or items."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple()):
            pass
        case ast.Assign(targets=[_, _, *_] as targets):
            pass
        case _:
            return False
    return any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)


def test_an_attribute_is_assigned_on_a_line_of_its_own() -> None:
    packed = []
    for folder, names in ROOMS.items():
        for name in names:
            file = HOUSE / folder / name
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            packed += [f"{folder}/{name}:{node.lineno}" for node in nodes if is_packed(node)]
    assert packed == []


def test_tests_reach_for_no_more_private_names_than_they_must() -> None:
    count = runpy.run_path(str(HOUSE / "scripts" / "private_reads.py"))["count"]
    assert count() <= MOST_PRIVATE_READS


def test_every_floor_is_listed() -> None:
    floors = {folder.split("/")[0] for folder in ROOMS}
    assert floors == {"station", "ui", "drivers", "calibration", "model"}
