"""The register: people, the switch, and wrong tries that cost time over restarts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from station.records.people import pins, register
from station.records.people.pins import Cost
from station.records.people.register import FIRST_WAIT_S, FREE_TRIES, LONGEST_WAIT_S, wait_s
from station.records.rows import RecordsError
from station.records.schema import now
from station.records.store import Store
from station.state.person import Person, Role


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """PINs are kept at next to no cost."""
    monkeypatch.setattr(pins, "COST", Cost(n=4, r=1, p=1))


def actions(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "station.db")) as connection:
        return [f"{action}: {new or old}" for action, new, old in connection.execute(
            "SELECT action, new, old FROM event WHERE action LIKE 'person%' OR action LIKE 'sign%' ORDER BY id"
        )]  # fmt: skip


def test_people_are_added_listed_and_removed_and_the_audit_has_no_pin(home: Path, store: Store) -> None:
    store.people.add(" Ayşe ", Role.ADMIN, "482910", "ann")
    store.people.add("Bo", Role.QA, "739156", "ann")
    assert store.people.people() == [Person("Ayşe", Role.ADMIN), Person("Bo", Role.QA)]
    assert store.people.remove("Bo", "ann") == Person("Bo", Role.QA)
    assert store.people.people() == [Person("Ayşe", Role.ADMIN)]
    assert actions(home) == ["person added: Ayşe: admin", "person added: Bo: qa", "person removed: Bo: qa"]
    whole = (home / "station.db").read_bytes() + (home / "station.db-wal").read_bytes()
    assert b"482910" not in whole
    assert b"739156" not in whole


def test_what_is_unfit_is_refused_and_changes_nothing(store: Store) -> None:
    store.people.add("Ayşe", Role.ADMIN, "1234", "ann")
    with pytest.raises(RecordsError, match="already"):
        store.people.add("Ayşe", Role.QA, "1234", "ann")
    with pytest.raises(RecordsError, match="not a name"):
        store.people.add("a\nb", Role.QA, "1234", "ann")
    with pytest.raises(RecordsError, match="at least 4"):
        store.people.add("Bo", Role.QA, "12", "ann")
    with pytest.raises(RecordsError, match="no person 'Bo'; known: Ayşe"):
        store.people.remove("Bo", "ann")
    assert store.people.people() == [Person("Ayşe", Role.ADMIN)]


def test_people_need_not_sign_in_until_that_is_switched_on_and_an_admin_is_there(store: Store) -> None:
    assert not store.people.is_on()
    with pytest.raises(RecordsError, match="no admin"):
        store.people.switch(on=True, by="ann")
    store.people.add("Bo", Role.ADMIN, "1234", "ann")
    store.people.switch(on=True, by="ann")
    assert store.people.is_on()
    with pytest.raises(RecordsError, match="last admin"):
        store.people.remove("Bo", "ann")
    assert [one.name for one in store.people.people()] == ["Bo"]
    store.people.switch(on=False, by="ann")
    store.people.remove("Bo", "ann")
    assert store.people.people() == []


def test_name_and_pin_sign_in_and_nothing_else_does(home: Path, store: Store) -> None:
    store.people.add("Bo", Role.QA, "1234", "ann")
    assert store.people.sign_in("Bo", "1234") == Person("Bo", Role.QA)
    for name, pin in (("Bo", "1235"), ("bo", "1234"), ("Ann", "1234"), ("Bo", "")):
        with pytest.raises(RecordsError, match="do not go together"):
            store.people.sign_in(name, pin)
    assert actions(home)[1:] == [
        "signed in: Bo: qa",
        *(f"sign-in refused: {name}" for name in ("Bo", "bo", "Ann", "Bo")),
    ]


def test_after_some_wrong_tries_the_right_pin_must_wait_too_also_after_a_restart(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        store.people.add("Bo", Role.QA, "1234", "ann")
        store.people.sign_in("Bo", "1234")
        for _ in range(FREE_TRIES):
            with pytest.raises(RecordsError, match="do not go together"):
                store.people.sign_in("Bo", "0000")
    with Store.open(home) as store:
        with pytest.raises(RecordsError, match=rf"{FREE_TRIES} wrong PINs were given for Bo; try again at"):
            store.people.sign_in("Bo", "1234")
        later = now() + timedelta(seconds=FIRST_WAIT_S + 1)
        monkeypatch.setattr(register, "now", lambda: later)
        with pytest.raises(RecordsError, match="do not go together"):
            store.people.sign_in("Bo", "0000")
        with pytest.raises(RecordsError, match="4 wrong PINs"):
            store.people.sign_in("Bo", "1234")
        monkeypatch.setattr(register, "now", lambda: later + timedelta(seconds=2 * FIRST_WAIT_S + 1))
        assert store.people.sign_in("Bo", "1234").name == "Bo"
        with pytest.raises(RecordsError, match="do not go together"):  # the count begins anew
            store.people.sign_in("Bo", "0000")


def test_a_clock_that_was_set_back_makes_nobody_wait_longer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.people.add("Bo", Role.QA, "1234", "ann")
    for _ in range(FREE_TRIES):
        with pytest.raises(RecordsError):
            store.people.sign_in("Bo", "0000")
    long_ago = now() - timedelta(days=300)
    monkeypatch.setattr(register, "now", lambda: long_ago)
    with pytest.raises(RecordsError, match="try again at") as told:
        store.people.sign_in("Bo", "1234")
    until = register.clock(long_ago + timedelta(seconds=FIRST_WAIT_S))
    assert until in str(told.value)


def test_a_try_counts_before_its_pin_is_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.people.add("Bo", Role.QA, "1234", "ann")

    def killed(*_: str) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(pins, "matches", killed)
        for _ in range(FREE_TRIES):
            with pytest.raises(KeyboardInterrupt):
                store.people.sign_in("Bo", "0000")
    with pytest.raises(RecordsError, match="try again at"):
        store.people.sign_in("Bo", "1234")


def test_waits_double_and_end_at_an_hour() -> None:
    waits = [wait_s(tries) for tries in range(60)]
    assert waits[:FREE_TRIES] == [0.0] * FREE_TRIES
    assert waits[FREE_TRIES : FREE_TRIES + 3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_people_outlive_a_database_that_was_put_aside(home: Path) -> None:
    with Store.open(home) as store:
        store.people.add("Bo", Role.ADMIN, "1234", "ann")
        store.people.switch(on=True, by="ann")
    with closing(sqlite3.connect(home / "station.db")) as connection:
        connection.execute("DROP TABLE stretch")
    with Store.open(home) as store:
        assert store.people.is_on()
        assert store.people.sign_in("Bo", "1234") == Person("Bo", Role.ADMIN)
