"""``station report`` and ``station rolls`` as typed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from station.records import rolls
from station.records.store import Store
from station.state.roll import RollIdentity
from tests.rigs.command_line import Station
from tests.rigs.places import ROOT
from tests.rigs.reported_roll import recipe, record

KEYS = {
    "roll", "fabric", "started", "ended", "length_m", "inspected_m", "uninspected_m", "defects", "rejects", "grade",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three rolls of two fabrics; the clock was far ahead when the second began."""
    home = tmp_path / "home"
    with Store.open(home) as store:
        for name, fabric, days in (("first", "Köper 7", 0), ("ahead", "linen", 3650), ("third", "Köper 7", 0)):
            at = datetime.now(UTC) + timedelta(days=days)
            monkeypatch.setattr(rolls, "now", lambda at=at: at)
            record(store, name, recipe(fabric=fabric))
    monkeypatch.undo()
    return home


def spoil(home: Path, sql: str) -> None:
    with closing(sqlite3.connect(home / "station.db")) as connection, connection:
        connection.execute(sql)


@pytest.mark.usefixtures("home")
def test_rolls_are_listed_newest_first_by_number_whatever_the_clock_said(station: Station) -> None:
    told = station("rolls", "--json").json["rolls"]
    assert [roll["roll"] for roll in told] == ["third", "ahead", "first"]
    assert [roll["number"] for roll in told] == [3, 2, 1]
    assert all(roll.keys() >= KEYS for roll in told)
    assert (told[0]["length_m"], told[0]["inspected_m"], told[0]["uninspected_m"]) == (100.0, 90.0, 10.0)
    assert (told[0]["defects"], told[0]["rejects"], told[0]["grade"]) == (4, 3, "pass")
    text = station("rolls").out.splitlines()
    assert text[0].split() == [
        "roll",
        "fabric",
        "started",
        "(local)",
        "inspected",
        "not",
        "inspected",
        "rejects",
        "grade",
    ]
    assert text[1].startswith("third")


@pytest.mark.usefixtures("home")
def test_rolls_of_a_fabric_however_it_is_spelled_and_since_a_day(station: Station) -> None:
    spelled = unicodedata.normalize("NFD", "Köper  7")
    assert [roll["roll"] for roll in station("rolls", "--fabric", spelled, "--json").json["rolls"]] == [
        "third",
        "first",
    ]
    tomorrow = f"{datetime.now().astimezone() + timedelta(days=1):%Y-%m-%d}"
    assert [roll["roll"] for roll in station("rolls", "--since", tomorrow, "--json").json["rolls"]] == ["ahead"]
    today = f"{datetime.now().astimezone() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    assert len(station("rolls", "--since", today, "--json").json["rolls"]) == 3
    assert station("rolls", "--fabric", "silk").out.strip() == "No such rolls on record."
    assert station("rolls", "--since", "last week").code == 2


def test_rolls_are_listed_with_what_the_mill_knows_of_them_and_found_by_it(station: Station, home: Path) -> None:
    known = RollIdentity("PO 7", "Köper", "lot 3", "loom 9", "Ayşe", 120.0, 118.5, 1500.0)
    with Store.open(home) as store:
        store.begin_roll("left open", recipe(), "cam", identity=known)
    listed = station("rolls", "--json").json["rolls"]
    assert {key: listed[0][key] for key in asdict(known)} == asdict(known)
    assert (listed[0]["state"], listed[0]["ended_why"], listed[0]["resumed"]) == (
        "broken off", "the station was closed", 0,
    )  # fmt: skip
    assert (listed[1]["state"], listed[1]["order"], listed[1]["target_m"]) == ("ended", "", None)
    for word in ("order", "article", "lot", "loom", "operator"):
        found = station("rolls", f"--{word}", getattr(known, word).upper(), "--json").json["rolls"]
        assert [roll["roll"] for roll in found] == ["left open"], word
    assert [roll["roll"] for roll in station("rolls", "--state", "ended", "--json").json["rolls"]] == [
        "third",
        "ahead",
        "first",
    ]
    assert len(station("rolls", "--state", "broken-off", "--json").json["rolls"]) == 1
    assert station("rolls", "--state", "lost").code == 2
    head, first, *_ = station("rolls").out.splitlines()
    assert head.split()[:7] == ["roll", "fabric", "order", "article", "lot", "loom", "operator"]
    assert "PO 7" in first
    report = station("report", "left open", "--json").json
    assert (report["order"], report["ticket_m"], report["ended_why"]) == ("PO 7", 118.5, "the station was closed")
    assert "Ticket width   1500 mm" in station("report", "left open").out


@pytest.mark.field("r05")
def test_a_spoilt_roll_is_told_with_exit_1_and_the_others_are_listed(station: Station, home: Path) -> None:
    spoil(home, "UPDATE roll SET started_at = 'yesterday' WHERE name = 'ahead'")
    outcome = station("rolls", "--json")
    assert outcome.code == 1
    assert [roll["roll"] for roll in outcome.json["rolls"]] == ["third", "first"]
    assert "Row 2 of table roll is spoilt: its started_at holds 'yesterday'" in outcome.sentence
    assert outcome.json["unreadable"][0] in outcome.sentence
    assert station("report", "third").code == 0
    assert "Row 2 of table roll" in station("report", "ahead").sentence


@pytest.mark.field("r05")
def test_a_report_with_a_spoilt_defect_shows_the_rest_and_exits_with_1(station: Station, home: Path) -> None:
    spoil(home, "UPDATE defect SET score = 'abc' WHERE roll_id = 1 AND number < 3")
    outcome = station("report", "first", "--json", "--csv", home.parent / "r.csv", "--pdf", home.parent / "r.pdf")
    assert outcome.code == 1
    assert (outcome.json["incomplete"], outcome.json["grade"], outcome.json["defects"]) == (True, "not graded", 2)
    assert "Row 1 of table defect is spoilt: its score holds 'abc'" in outcome.sentence
    assert "1 more of the kind" in outcome.sentence
    assert (home.parent / "r.csv").is_file()
    assert (home.parent / "r.pdf").is_file()
    assert station("report", "third").code == 0


@pytest.mark.field("f13")
def test_a_picture_left_out_is_told_on_stderr_and_is_no_failure(station: Station, home: Path) -> None:
    (home / "images" / "1" / "2-crop.png").write_bytes(b"")
    outcome = station("report", "first", "--pdf", home.parent / "r.pdf")
    assert outcome.code == 0
    assert "The picture of defect no 2 cannot be read and was left out" in outcome.err
    assert (home.parent / "r.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("home")
def test_separator_and_decimal_sign_are_chosen(station: Station, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    for words, row in (
        (("--separator", ";", "--decimal", ","), "first;1;500,0;300,0;20,0;5,0;spot;3,0;"),
        (("--separator", "tab", "--decimal", "."), "first\t1\t500.0\t300.0\t20.0\t5.0\tspot\t3.0\t"),
        (("--decimal", ","), "first;1;500,0;"),
        (("--separator", ","), "first,1,500.0,"),
    ):
        assert station("report", "first", "--csv", file, *words).code == 0
        assert file.read_text(encoding="utf-8-sig").splitlines()[1].startswith(row)
    assert station("report", "first", "--csv", file, "--separator", ",", "--decimal", ",").code == 2


def test_a_home_without_records_is_told_and_not_made(station: Station, tmp_path: Path) -> None:
    for words in (("rolls",), ("report", "r"), ("calibrate", "list"), ("recipe", "linen")):
        outcome = station(*words, "--home", tmp_path / "new")
        assert outcome.code == 1
        assert "There are no records in" in outcome.sentence
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("home")
def test_a_name_that_nobody_may_have_is_refused_by_the_sign(station: Station) -> None:
    outcome = station("recipe", "linen", "--gain-db", 1, "--by", "ann\u202e")
    assert outcome.code == 1
    assert "U+202E (right-to-left override) cannot be in a person's name" in outcome.sentence


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_name_that_the_terminal_has_no_signs_for_ends_no_command(home: Path) -> None:
    with Store.open(home) as store:
        record(store, "卷布 12", recipe())
    for words in (("rolls",), ("report", "卷布 12")):
        done = subprocess.run(
            [sys.executable, "-m", "station.cli", *words, "--home", home],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
        )
        assert rb"\u5377\u5e03 12" in done.stdout
