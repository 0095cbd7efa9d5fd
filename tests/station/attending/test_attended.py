"""The core as people attend it, over a real model and real records: begun by a label, renamed, paused, resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.memory import MemoryCamera
from station import demo
from station.attending.label import LabelSettings
from station.commands.people.attend import start_attended
from station.commands.session import Records, open_records, open_station, run_headless
from station.contract import LineState, MarkKind, Notice, RollEnded, RollMark, StationError
from station.core import Station
from station.people.gate import guarded
from station.quality import report as reports
from station.records.audit import verify
from station.records.people import pins
from station.records.people.pins import Cost
from station.settings import LineSettings
from station.state.person import Role
from station.state.roll import RollIdentity
from tests.rigs.records import eventually, run_python

LABEL = LabelSettings(pattern=r"(?P<roll>[^;]+);(?P<fabric>[^;]*);(?P<order>[^;]*);(?P<target_m>[^;]*)")


class ScaledCamera(MemoryCamera):
    """Cloth from memory, its scale known."""

    mm_per_px = 0.5


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """A home folder that knows the shipped fabric."""
    with open_records(tmp_path / "home") as opened:
        demo.install_fabric(opened.store, opened.history)
        yield opened


def camera(lines: int | None = 1024) -> ScaledCamera:
    cloth = np.random.default_rng(3).integers(90, 160, (1024, 512), np.uint8)
    return ScaledCamera(cloth, lines=lines)


@pytest.fixture
def station(records: Records) -> Iterator[Station]:
    """A station on endless cloth that reads labels."""
    with open_station(records, camera(lines=None), label=LABEL, usual=RollIdentity(loom="9")) as opened:
        yield opened


def test_a_label_starts_a_roll_which_is_renamed_corrected_paused_spliced_and_ended(
    station: Station, records: Records
) -> None:
    for text, why in (("nonsense", "does not fit"), ("R1;;PO 7;", "names no fabric"), ("R1;silk;;", "no recipe")):
        with pytest.raises(StationError, match=why):
            station.start_scanned(text)
    assert records.history.rolls() == [], "what does not fit starts nothing"
    station.start_scanned(f"R1;{demo.FABRIC};PO 7;120\r\n")
    assert eventually(lambda: station.snapshot().ledger.lines_inspected > 0)
    station.pause("shift change", "ann")
    station.pause("again", "ann")
    with pytest.raises(StationError, match="cannot be in a note"):
        station.splice("ann", "a\nb")
    station.splice("ann", "lot 3 to 4")
    station.rename_roll("R2", "ann")
    station.correct_roll(RollIdentity(order="PO 8", loom="9", target_m=120.0), "ann", "typo")
    snapshot = station.snapshot()
    assert (snapshot.roll, snapshot.identity.order, snapshot.identity.target_m) == ("R2", "PO 8", 120.0)
    assert snapshot.grade is not None
    assert snapshot.grade.target_m == 120.0, "the running grade looks ahead to it"
    assert snapshot.state is LineState.HALTED
    station.resume("bo")
    station.end_roll()
    assert station.wait(60)
    assert records.store.flush()
    (ended,) = [event for event in station.drain(10_000) if isinstance(event, RollEnded)]
    roll = records.history.roll("R2")
    assert (ended.roll, ended.ledger, station.snapshot().roll) == ("R2", roll.ledger, "R2")
    marks = [RollMark(one.kind, 0, one.note, one.by) for one in records.history.marks(roll.id)]
    assert marks == [
        RollMark(MarkKind.PAUSED, 0, "shift change", "ann"),
        RollMark(MarkKind.SPLICED, 0, "lot 3 to 4", "ann"),
        RollMark(MarkKind.RESUMED, 0, "", "bo"),
    ]
    assert roll.identity == RollIdentity(order="PO 8", loom="9", target_m=120.0)
    assert (roll.state, station.events_lost) == ("ended", 0)
    station.correct_ended("R2", RollIdentity(order="PO 9", loom="8"), "qa", "the label was another's")
    assert records.history.roll("R2").identity == station.snapshot().identity == RollIdentity(order="PO 9", loom="8")


def test_without_a_roll_there_is_nothing_to_rename_correct_or_splice(station: Station) -> None:
    for ask in (
        lambda: station.rename_roll("R2", "ann"),
        lambda: station.correct_roll(RollIdentity(), "ann"),
        lambda: station.correct_ended("R1", RollIdentity(), "ann"),
        lambda: station.splice("ann"),
        lambda: station.resume_unfinished("R1", "ann"),
    ):
        with pytest.raises(StationError, match=r"No roll is open|[Nn]o roll 'R1'"):
            ask()
    station.pause("nothing to pause", "ann")
    station.resume("ann")
    assert station.unfinished_roll() is None


def test_who_is_signed_in_begins_the_roll_and_is_its_operator(
    station: Station, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "COST", Cost(n=4, r=1, p=1))
    records.store.people.add("Ayşe", Role.ADMIN, "1234", "ann")
    records.store.people.switch(on=True, by="ann")
    face = guarded(station, station.gate)
    with pytest.raises(StationError, match="Nobody is signed in; sign in to start a roll"):
        face.start_roll(demo.FABRIC)
    assert face.people_on()
    assert face.person() is None
    assert face.sign_in("Ayşe", "1234") == face.person()
    face.start_roll(demo.FABRIC, "R1")
    face.pause("shift change")
    assert face.snapshot().identity.operator == "Ayşe"
    face.sign_out()
    with pytest.raises(StationError, match="sign in to end a roll"):
        face.end_roll()
    station.end_roll()  # the program itself, as where the machine doffs
    assert station.wait(60)
    roll = records.history.roll("R1")
    assert roll.identity == RollIdentity(loom="9", operator="Ayşe")
    assert [(one.note, one.by) for one in records.history.marks(roll.id)] == [("shift change", "Ayşe")]


CRASHED = """
import os
from station import demo
store = Store.open(home)
recipe = demo.install_fabric(store, History(store))
store.begin_roll("doomed", recipe, "memory")
store.write(StretchClosed(Stretch(0, 512)))
store.write(DefectChanged(make_defect(3)))
assert store.flush()
os._exit(1)
"""


@pytest.fixture
def crashed(tmp_path: Path) -> Iterator[Records]:
    """A home in which a program was killed in the middle of a roll of this camera."""
    assert camera().camera_id == "memory"
    outcome = run_python(CRASHED, tmp_path / "home", check=False)
    assert outcome.returncode == 1, outcome.stderr
    with open_records(tmp_path / "home") as opened:
        yield opened


@pytest.mark.slow
def test_the_window_waits_for_people_who_go_on_with_the_roll_to_its_end(crashed: Records) -> None:
    with open_station(crashed, camera()) as station:
        start_attended(station, LineSettings(fabric=demo.FABRIC), None)
        (told,) = [event.text for event in station.drain() if isinstance(event, Notice)]
        assert told.startswith(f"Roll doomed of {demo.FABRIC} was left unfinished after 0.3 m by a crash at")
        assert len(crashed.history.rolls()) == 1
        station.resume_unfinished("doomed", "ann")
        with pytest.raises(StationError, match="Roll doomed is still open"):
            station.resume_unfinished("doomed", "ann")
        assert station.wait(60)
        assert station.failure is None
        assert crashed.store.flush()
        roll = crashed.history.roll("doomed")
        assert (roll.ledger.lines_acquired, roll.ledger.lines_inspected) == (512 + 1024, 512 + 1024)
        assert station.snapshot().ledger == roll.ledger
        assert (roll.state, roll.resumed, roll.events_lost) == ("ended", 1, 0)
        assert [(one.first_line, one.end_line) for one in crashed.history.stretches(roll.id)] == [(0, 1536)]
        first_lines, _ = crashed.history.profile(roll.id)
        assert first_lines.min() >= 512
        assert reports.report(crashed.history, "doomed").grade == "not graded"
        assert verify(crashed.store.read_engine).ok


def test_headless_it_stays_closed_with_the_reason_crash_and_the_next_roll_begins(crashed: Records) -> None:
    with open_station(crashed, camera()) as station:
        left = station.unfinished_roll()
        assert left is not None
        assert left.roll == "doomed"
        snapshot = run_headless(station, demo.FABRIC, "next")
        assert snapshot.roll == "next"
        assert station.unfinished_roll() is None
    doomed = crashed.history.roll("doomed")
    assert (doomed.ended_why, doomed.resumed) == ("crash", 0)


def test_people_leave_it_closed_and_the_settings_may_say_so_for_them(crashed: Records) -> None:
    with open_station(crashed, camera()) as station:
        start_attended(station, LineSettings(fabric=demo.FABRIC, roll="next", after_crash="close"), None)
        assert station.wait(60)
    assert crashed.history.roll("next").state == "ended"
    assert crashed.history.roll("doomed").ended_why == "crash"
