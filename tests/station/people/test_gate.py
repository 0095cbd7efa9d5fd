"""The gate before core and records: for every call and every role it does what the table says."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from station.contract import Acknowledged, Core, StationError
from station.people.gate import Gate, guarded
from station.people.rights import CORE, RECORDS, may
from station.quality.report import sign
from station.records.history import History
from station.records.people import pins
from station.records.people.pins import Cost
from station.records.rating.rating import RollFigures
from station.records.rows import DefectFilter, Verdict
from station.records.store import Store
from station.state.person import Role
from station.state.roll import RollIdentity
from tests.rigs.reported_roll import recipe, record


class HeardCore:
    """A core that only notes which call it heard, by whom."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        signature = inspect.signature(getattr(Core, name))
        names = list(signature.parameters)[1:]

        def call(*args: Any, **kwargs: Any) -> None:
            bound = dict(zip(names, args, strict=False)) | kwargs
            self.heard.append((name, bound.get("by")))

        call.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
        return call


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "COST", Cost(n=4, r=1, p=1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        for role in Role:
            opened.people.add(f"the {role}", role, "1234", "ann")
        opened.people.switch(on=True, by="ann")
        yield opened


def audited(store: Store) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(store.home / "station.db")) as connection:
        return list(connection.execute("SELECT who, new, why FROM event WHERE action = 'refused' ORDER BY id"))


CALLS = [name for name in CORE if name != "home"]


def words_for(call: str) -> dict[str, Any]:
    """An argument for each of a call's parameters."""
    parameters = list(inspect.signature(getattr(Core, call)).parameters)[1:]
    return {name: "somebody else" if name == "by" else "x" for name in parameters}


@pytest.mark.parametrize("role", [None, *Role])
def test_each_call_of_the_core_reaches_it_only_for_those_who_may(store: Store, role: Role | None) -> None:
    core, gate = HeardCore(), Gate(store)
    if role is not None:
        gate.sign_in(f"the {role}", "1234")
    face = guarded(core, gate)
    refused = []
    for call in CALLS:
        try:
            getattr(face, call)(**words_for(call))
        except StationError as error:
            refused.append((call, str(error)))
    heard = dict(core.heard)
    assert heard.keys() == {call for call in CALLS if may(role, call)}
    assert {call for call, _ in refused} == {call for call in CALLS if not may(role, call)}
    for call, by in heard.items():
        if "by" in words_for(call) and role is not None:
            assert by == f"the {role}", "who is signed in did it, whoever else was named"
    for _, sentence in refused:
        assert sentence.startswith(
            "Nobody is signed in; sign in to" if role is None else f"the {role} ({role}) may not"
        )
        assert sentence.endswith(".")
    assert [who for who, _, _ in audited(store)] == [f"the {role}"] * (0 if role is None else len(refused))


@pytest.mark.parametrize("role", Role)
def test_so_do_writes_to_the_records(store: Store, role: Role) -> None:
    gate = Gate(store)
    gate.sign_in(f"the {role}", "1234")
    for call in RECORDS:
        if not may(role, call):
            with pytest.raises(StationError, match="may not"):
                getattr(guarded(store, gate), call)("anything")
    assert guarded(store, gate).flush(), "what has no row in the table is not people's"


def test_an_answer_to_alarms_is_that_of_who_is_signed_in(store: Store) -> None:
    answers: list[Acknowledged] = []

    class Answered:
        def acknowledge(self, answer: Acknowledged) -> None:
            answers.append(answer)

    gate = Gate(store)
    face = guarded(Answered(), gate)
    with pytest.raises(StationError, match="Nobody is signed in; sign in to answer alarms"):
        face.acknowledge(Acknowledged("the computer", (1,)))
    gate.sign_in("the qa", "1234")
    face.acknowledge(Acknowledged("the computer", (1,), ("The lamp fades.",)))
    assert answers == [Acknowledged("the qa", (1,), ("The lamp fades.",))]


def test_signatures_figures_and_the_register_stand_behind_the_guard_too(store: Store) -> None:
    gate, history = Gate(store), History(store)
    face = guarded(store, gate)
    record(store, "R1", recipe())
    for defect in history.defects(DefectFilter(1)):
        store.review(defect.id, Verdict.CONFIRMED, "ann")
    writes: list[Callable[[], object]] = [
        lambda: sign(face, history, "R1", "the boss"),
        lambda: face.rating.give("R1", RollFigures(cuttable_mm=1400.0), "anybody"),
        lambda: face.rolls.correct_ended("R1", RollIdentity(order="PO 7"), "anybody", "typo"),
        lambda: face.people.add("evil", Role.ADMIN, "1234", "anybody"),
        lambda: face.people.switch(on=False, by="anybody"),
        lambda: face.people.remove("the admin", "anybody"),
    ]
    for write in writes:
        with pytest.raises(StationError, match="Nobody is signed in; sign in to"):
            write()
    assert face.people.is_on(), "whoever only asks needs nobody signed in"
    assert len(face.people.people()) == len(Role)
    gate.sign_in("the qa", "1234")
    for write in writes[3:]:
        with pytest.raises(StationError, match=r"the qa \(qa\) may not"):
            write()
    assert [one.by for one in sign(face, history, "R1", "the boss").signatures] == ["the qa"]
    face.rating.give("R1", RollFigures(cuttable_mm=1400.0), "anybody")
    face.rolls.correct_ended("R1", RollIdentity(order="PO 7"), "anybody", "typo")
    with closing(sqlite3.connect(store.home / "station.db")) as connection:
        query = "SELECT who FROM event WHERE action IN ('roll figures', 'roll corrected')"
        assert connection.execute(query).fetchall() == [("the qa",), ("the qa",)]


def test_while_people_are_off_everybody_may_everything(store: Store) -> None:
    store.people.switch(on=False, by="ann")
    core = HeardCore()
    for call in CALLS:
        getattr(guarded(core, Gate(store)), call)(**words_for(call))
    assert [call for call, _ in core.heard] == CALLS
    assert dict(core.heard)["splice"] == "somebody else"


def test_who_was_removed_meanwhile_has_to_sign_in_again(store: Store) -> None:
    core, gate = HeardCore(), Gate(store)
    gate.sign_in("the operator", "1234")
    store.people.remove("the operator", "ann")
    with pytest.raises(StationError, match="Nobody is signed in"):
        guarded(core, gate).end_roll()
    assert gate.person is None
    assert core.heard == []


def test_a_wrong_pin_leaves_signed_in_who_was(store: Store) -> None:
    gate = Gate(store)
    gate.sign_in("the qa", "1234")
    with pytest.raises(StationError):
        gate.sign_in("the admin", "0000")
    assert gate.person is not None
    assert gate.person.role is Role.QA
    gate.sign_out()
    assert gate.person is None
    with closing(sqlite3.connect(store.home / "station.db")) as connection:
        query = "SELECT action FROM event WHERE action LIKE 'sign%' ORDER BY id"
        assert [action for (action,) in connection.execute(query)] == ["signed in", "sign-in refused", "signed out"]
