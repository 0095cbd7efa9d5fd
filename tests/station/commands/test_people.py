"""``station people`` as typed: who there is, with PINs that are never arguments."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from station.records.people import pins
from station.records.people.pins import Cost
from tests.rigs.command_line import Station


class Typed(io.StringIO):
    """What somebody typed, without a terminal."""

    def isatty(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "COST", Cost(n=4, r=1, p=1))


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Typed("".join(f"{line}\n" for line in lines)))


def test_people_are_added_listed_and_removed(station: Station, typing: pytest.MonkeyPatch) -> None:
    typed(typing, "482910")
    added = station("people", "add", "Ayşe", "--role", "admin", "--json")
    assert added.code == 0, added.err
    assert added.json == {"people": [{"name": "Ayşe", "role": "admin"}], "on": False}
    assert "482910" not in added.out + added.err
    typed(typing, "1234")
    station("people", "add", "Bo")
    listed = station("people", "list", "--json").json
    assert listed["people"] == [{"name": "Ayşe", "role": "admin"}, {"name": "Bo", "role": "operator"}]
    assert station("people", "list").out.splitlines()[-1].startswith("People need not sign in")
    assert station("people", "remove", "Bo", "--json").json["people"] == [{"name": "Ayşe", "role": "admin"}]


def test_bad_input_is_one_sentence_and_changes_nothing(station: Station, typing: pytest.MonkeyPatch) -> None:
    typed(typing, "1234")
    station("people", "add", "Bo", "--role", "qa")
    for words, lines, why in (
        (("add", "Cem"), (), "No PIN came"),
        (("add", "Cem"), ("12",), "A PIN has at least 4 signs"),
        (("add", "Bo"), ("1234",), "There is a person Bo already"),
        (("add", "a\tb"), ("1234",), "not a name"),
        (("remove", "Cem"), (), "There is no person 'Cem'; known: Bo"),
        (("on",), (), "There is no admin"),
    ):
        typed(typing, *lines)
        outcome = station("people", *words)
        assert outcome.code == 1, words
        assert why in outcome.sentence
    assert station("people", "add", "Cem", "--role", "king").code == 2
    assert [one["name"] for one in station("people", "list", "--json").json["people"]] == ["Bo"]


def test_once_people_sign_in_only_an_admin_with_the_pin_manages_them(
    station: Station, typing: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, role in (("Ayşe", "admin"), ("Bo", "engineer")):
        typed(typing, "1234")
        station("people", "add", name, "--role", role)
    assert station("people", "on", "--json").json["on"] is True
    assert "say with --by who wants to add people" in station("people", "add", "Cem").sentence
    typed(typing, "0000", "4321")
    assert "do not go together" in station("people", "add", "Cem", "--by", "Ayşe").sentence
    typed(typing, "1234", "4321")
    assert station("people", "add", "Cem", "--by", "Bo").sentence == "Bo (engineer) may not add people; admin may."
    typed(typing, "1234", "4321")
    added = station("people", "add", "Cem", "--by", "Ayşe", "--json")
    assert [one["name"] for one in added.json["people"]] == ["Ayşe", "Bo", "Cem"]
    typed(typing, "1234")
    assert "last admin" in station("people", "remove", "Ayşe", "--by", "Ayşe").sentence
    typed(typing, "1234")
    assert station("people", "off", "--by", "Ayşe", "--json").json["on"] is False
    assert station("audit", "verify").code == 0
    database = (tmp_path / "home" / "station.db").read_bytes()
    assert b"4321" not in database


def test_the_list_is_one_json_object_on_the_last_line(station: Station, typing: pytest.MonkeyPatch) -> None:
    typed(typing, "1234")
    station("people", "add", "名 前", "--role", "qa")
    last = station("people", "list", "--json").out.splitlines()[-1]
    assert json.loads(last)["people"] == [{"name": "名 前", "role": "qa"}]
