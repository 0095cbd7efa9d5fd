"""This module manages the people of a home: who may sign in, and whether they have to."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from station.commands.session import Records, say
from station.contract import StationError
from station.people.rights import WORDS, may, who_may
from station.records.reading.home import open_history
from station.records.store import Store
from station.state.person import Person, Role


def list_people(home: Path) -> dict[str, object]:
    """Return the people of a home for JSON, and whether they have to sign in.

    Raises:
        RecordsError: there are no records, or they cannot be read.
    """
    with open_history(home) as history:
        return _listed(history.people(), on=history.people_on())


def add_person(records: Records, name: str, role: Role, by: str | None, login: str) -> dict[str, object]:
    """Put a person on the register; the PIN is asked for.

    Raises:
        StationError: the name is taken or unfit, the PIN is unfit or missing, or who asks may not.
    """
    who = _who(records.store, "add", by, login)
    records.store.people.add(name, role, ask_pin(f"PIN for {name}", twice=True), who)
    return _of(records.store)


def remove_person(records: Records, name: str, by: str | None, login: str) -> dict[str, object]:
    """Take a person off the register.  Raises StationError: there is none, it is the last admin, who asks may not."""
    who = _who(records.store, "remove", by, login)
    records.store.people.remove(name, who)
    return _of(records.store)


def switch_people(records: Records, *, on: bool, by: str | None, login: str) -> dict[str, object]:
    """Say that people have to sign in, or need not.  Raises StationError: there is no admin, or who asks may not."""
    who = _who(records.store, "switch", by, login)
    records.store.people.switch(on=on, by=who)
    return _of(records.store)


def as_text(listed: dict[str, object]) -> str:
    """Format the people for a terminal."""
    people = listed["people"]
    assert isinstance(people, list)
    state = "have to sign in" if listed["on"] else "need not sign in (`station people on` asks them to)"
    lines = [f"{one['role']:9} {one['name']}" for one in people] or ["Nobody is on the register."]
    return "\n".join([*lines, f"People {state}."])


def ask_pin(what: str, *, twice: bool = False) -> str:
    """Ask for a PIN: unseen at a terminal, twice if it is new, else as the next line of standard input.

    It is never an argument, as every user of a computer sees those of all programs.

    Raises:
        StationError: none came, or the second is another one.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        pin = getpass.getpass(f"{what}: ", stream=sys.stderr)
        if twice and getpass.getpass("The same again: ", stream=sys.stderr) != pin:
            raise StationError("The two PINs differ; try again.")
        return pin
    say(f"{what} is read from standard input.")
    line = "" if sys.stdin is None else sys.stdin.readline()
    pin = line.rstrip("\r\n")
    if not pin:
        raise StationError("No PIN came; type it, or give it as a line of standard input.")
    return pin


def _who(store: Store, call: str, by: str | None, login: str) -> str:
    """Return who manages people: while they need not sign in the one named, else an admin, whose PIN is asked for."""
    if not store.people.is_on():
        return by or login
    if by is None:
        raise StationError(f"People have to sign in here; say with --by who wants to {WORDS[call]}.")
    person = store.people.sign_in(by, ask_pin(f"PIN of {by}"))
    if not may(person.role, call):
        store.audit("refused", "", WORDS[call], person.name, f"the role {person.role} may not")
        raise StationError(f"{person.name} ({person.role}) may not {WORDS[call]}; {who_may(call)} may.")
    return person.name


def _of(store: Store) -> dict[str, object]:
    return _listed(store.people.people(), on=store.people.is_on())


def _listed(people: list[Person], *, on: bool) -> dict[str, object]:
    return {"people": [{"name": one.name, "role": str(one.role)} for one in people], "on": on}
