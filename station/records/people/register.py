"""This module keeps the register of people: who there is, in which role, and how often a wrong PIN was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.local_time import clock
from station.recipe.names import NameFault, person_name, tidy
from station.records import audit
from station.records.engine import shown
from station.records.errors import records_error
from station.records.people import pins
from station.records.people.table import PersonTable, SettingTable
from station.records.reading.values import Values, as_they_lie
from station.records.rows import RecordsError
from station.records.schema import now
from station.state.person import Person, Role

SWITCH = "people"
FREE_TRIES = 3
"""So many wrong tries in a row cost nothing; from then on each doubles the wait."""

FIRST_WAIT_S = 15.0
LONGEST_WAIT_S = 3600.0

Call = Callable[[Callable[[Session], Any]], Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""


class Register:
    """The register holds the people of one home.  All methods may be called from any thread and raise RecordsError.

    Args:
        engine: reads the database.
        call: writes to it.
    """

    def __init__(self, engine: Engine, call: Call) -> None:
        self._engine = engine
        self._call = call

    def is_on(self) -> bool:
        """Say whether people have to sign in."""
        return is_on(self._engine)

    def people(self) -> list[Person]:
        """Return all people by name."""
        return people(self._engine)

    def add(self, name: str, role: Role, pin: str, by: str) -> Person:
        """Put a person on the register.  Raises RecordsError: the name is taken or unfit, or the PIN is."""
        try:
            kept_name = person_name(name)
        except NameFault as fault:
            raise RecordsError(f"{name!r} is not a name for a person: {fault}") from None
        kept_pin = pins.kept_of(pin)

        def run(session: Session) -> None:
            if _row(session, kept_name) is not None:
                raise RecordsError(f"There is a person {kept_name} already; remove the old one first.")
            session.add(PersonTable(name=kept_name, role=str(role), pin=kept_pin, added_at=now(), added_by=by))
            audit.append(session, "person added", "", f"{kept_name}: {role}", by, "")

        self._call(run)
        return Person(kept_name, role)

    def remove(self, name: str, by: str) -> Person:
        """Take a person off the register; what they did stays on record.

        Raises:
            RecordsError: there is no such person, or nobody would be left who may manage people while they sign in.
        """

        def run(session: Session) -> Person:
            row = _row(session, name)
            if row is None:
                raise RecordsError(_unknown(name, [str(one) for one in session.scalars(select(PersonTable.name))]))
            gone = Person(row.name, Role(row.role))
            session.delete(row)
            session.flush()
            if gone.role is Role.ADMIN and _switch(session) and not _admins(session):
                raise RecordsError(f"{gone.name} is the last admin; add another first, or switch people off.")
            audit.append(session, "person removed", f"{gone.name}: {gone.role}", "", by, "")
            return gone

        removed: Person = self._call(run)
        return removed

    def switch(self, *, on: bool, by: str) -> None:
        """Say that people have to sign in, or need not.  Raises RecordsError: on, and there is no admin."""

        def run(session: Session) -> None:
            if on and not _admins(session):
                raise RecordsError("There is no admin, so nobody could manage people; add one first.")
            before = _switch(session)
            if before is not on:
                session.merge(SettingTable(name=SWITCH, value=_word(on), changed_at=now(), changed_by=by))
                audit.append(session, "people switched", _word(before), _word(on), by, "")

        self._call(run)

    def sign_in(self, name: str, pin: str) -> Person:
        """Return the person whose name and PIN these are.

        Every try counts as wrong on disk before the PIN is looked at, so neither an end of the program nor a second
        one brings another for nothing.  After a few the next must wait, each time twice as long.

        Raises:
            RecordsError: they do not go together, or it is too early for another try.
        """
        found = self._call(lambda session: _begun_try(session, name))
        if isinstance(found, RecordsError):  # raised within the call, what it wrote would be undone
            raise found
        is_right = pins.matches(pin, pins.NOBODYS if found is None else found[1])  # a name costs the same time as none
        if found is None or not is_right:
            self._call(lambda session: _refused(session, name))
            raise RecordsError("Name and PIN do not go together; try again.")
        person: Person = found[0]
        self._call(lambda session: _signed_in(session, person))
        return person


def is_on(engine: Engine) -> bool:
    """Say whether people have to sign in, by a home's database.  Raises RecordsError."""
    try:
        with Session(engine) as session:
            return _switch(session)
    except SQLAlchemyError as error:
        raise records_error(error, shown(engine.url)) from error


def people(engine: Engine) -> list[Person]:
    """Return all people on a database's register by name.  Raises RecordsError."""
    try:
        with Session(engine) as session:
            rows = session.execute(select(*as_they_lie(PersonTable)).order_by(PersonTable.name)).all()
    except SQLAlchemyError as error:
        raise records_error(error, shown(engine.url)) from error
    values = [Values(row, "person", row.id) for row in rows]
    return [Person(value.text("name"), value.one_of("role", Role)) for value in values]


def wait_s(wrong_tries: int) -> float:
    """Return for how many seconds nobody may try after so many wrong tries in a row."""
    doublings = wrong_tries - FREE_TRIES
    return 0.0 if doublings < 0 else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(doublings, 32))


def _begun_try(session: Session, name: str) -> tuple[Person, str] | RecordsError | None:
    """Count a try as wrong; return whose it is and what is kept of the PIN, None for nobody, or why it is too early."""
    row = _row(session, name)
    if row is None:
        return None
    moment = now()
    if (left_s := _left_s(row.tried_at, row.wrong_tries, moment)) > 0:
        until = clock(moment + timedelta(seconds=left_s))
        return RecordsError(f"{row.wrong_tries} wrong PINs were given for {row.name}; try again at {until}.")
    row.wrong_tries += 1
    row.tried_at = moment
    return Person(row.name, Role(row.role)), row.pin


def _left_s(tried_at: datetime | None, wrong_tries: int, moment: datetime) -> float:
    """Return how long the next try must wait; a clock that was set back makes nobody wait longer than that."""
    if tried_at is None:
        return 0.0
    wait = wait_s(wrong_tries)
    return min(wait, wait - (moment - tried_at).total_seconds())


def _refused(session: Session, name: str) -> None:
    row = _row(session, name)
    what = "an unknown name" if row is None else f"{row.wrong_tries} wrong in a row"
    audit.append(session, "sign-in refused", "", tidy(name)[:128], "station", what)


def _signed_in(session: Session, person: Person) -> None:
    row = _row(session, person.name)
    if row is None:
        raise RecordsError(f"{person.name} was removed meanwhile.")
    row.wrong_tries = 0
    audit.append(session, "signed in", "", f"{person.name}: {person.role}", person.name, "")


def _row(session: Session, name: str) -> PersonTable | None:
    return session.scalar(select(PersonTable).where(PersonTable.name == tidy(name)))


def _admins(session: Session) -> Sequence[str]:
    return session.scalars(select(PersonTable.name).where(PersonTable.role == str(Role.ADMIN))).all()


def _switch(session: Session) -> bool:
    row = session.get(SettingTable, SWITCH)
    return row is not None and row.value == _word(True)


def _word(on: bool) -> str:
    return "on" if on else "off"


def _unknown(name: str, known: list[str]) -> str:
    return f"There is no person {name!r}; known: {', '.join(sorted(known)) or 'nobody yet'}."
