"""This module holds people to the table of rights: who is signed in, and a guard before whatever they use."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

from station.contract import Acknowledged, StationError
from station.people.rights import PARTS, RIGHTS, WORDS, may, who_may
from station.records.rows import RecordsError
from station.records.store import Store
from station.state.person import Person

T = TypeVar("T")

log = logging.getLogger("station.people")


class Gate:
    """The gate knows who is signed in and refuses what they may not do; it stands open while people are off.

    Args:
        store: the open records, with the register of people.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._person: Person | None = None

    @property
    def person(self) -> Person | None:
        """Give who is signed in."""
        return self._person

    def is_on(self) -> bool:
        """Say whether people have to sign in.  Raises RecordsError."""
        return self._store.people.is_on()

    def sign_in(self, name: str, pin: str) -> Person:
        """Sign a person in instead of whoever was.  Raises RecordsError; whoever was signed in then still is."""
        person = self._store.people.sign_in(name, pin)
        with self._lock:
            before = self._person
            self._person = person
        if before is not None and before != person:
            self._note("signed out", f"{before.name}: {before.role}", "", before)
        return person

    def sign_out(self) -> None:
        """Sign out whoever is signed in."""
        with self._lock:
            before = self._person
            self._person = None
        if before is not None:
            self._note("signed out", f"{before.name}: {before.role}", "", before)

    def check(self, call: str) -> Person | None:
        """Let a call pass that may be made.  Returns who makes it, None while people are off or nobody is asked.

        Somebody who was removed, or whose role is another by now, is asked to sign in again.

        Raises:
            StationError: nobody is signed in, or this person may not; the audit has it then.
        """
        if call in RIGHTS and may(None, call):
            return None
        if not self.is_on():
            return None
        what = WORDS.get(call, f"call {call}")
        person = self._person
        if person is not None and person not in self._store.people.people():
            self.sign_out()
            person = None
        if person is None:
            raise StationError(f"Nobody is signed in; sign in to {what}.")
        if not may(person.role, call):
            who = who_may(call) if call in RIGHTS else "nobody"
            self._note("refused", "", what, person, f"the role {person.role} may not")
            raise StationError(f"{person.name} ({person.role}) may not {what}; {who} may.")
        return person

    def _note(self, action: str, old: str, new: str, person: Person, why: str = "") -> None:
        """Put on record what became of a person; the gate does not wait for a disk that takes nothing."""
        try:
            self._store.audit(action, old, new, person.name, why)
        except RecordsError as error:
            log.error("%s (%s) of %s is not in the audit: %s", action, new or old, person.name, error)


class _Guard:
    """The guard stands before an object: each of its calls that has a row in the table is checked, and on record is
    made by who is signed in, whoever else it was said to be by."""

    def __init__(self, guarded: object, gate: Gate) -> None:
        self._guarded = guarded
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        """Return the object's own attribute, a call of it with the guard before it."""
        value = getattr(self._guarded, name)
        if name in PARTS and not callable(value):
            return _Guard(value, self._gate)
        return _checked(self._gate, name, value) if name in RIGHTS and callable(value) else value


def guarded(target: T, gate: Gate) -> T:
    """Return the core, or the records, as people may use it: what they may not do raises StationError."""
    return cast(T, _Guard(target, gate))


def _checked(gate: Gate, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(call)

    @wraps(call)
    def made(*args: Any, **kwargs: Any) -> Any:
        person = gate.check(name)
        if person is None:
            return call(*args, **kwargs)
        bound = signature.bind_partial(*args, **kwargs)
        for given, value in bound.arguments.items():
            if isinstance(value, Acknowledged):
                bound.arguments[given] = replace(value, by=person.name)
        if "by" in signature.parameters:
            bound.arguments["by"] = person.name
        return call(*bound.args, **bound.kwargs)

    return made
