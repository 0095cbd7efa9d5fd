"""This module answers what people ask of the station about the open roll and about themselves.

It is the lower half of :class:`station.core.Station`, which runs the line.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from drivers.camera import Camera
from station.attending.label import FACT_LIMIT, LabelSettings, read_label
from station.contract import (
    Event,
    Fault,
    LineSnapshot,
    MarkKind,
    Notice,
    RollIdentity,
    RollMark,
    Severity,
    StationError,
)
from station.local_time import clock
from station.machine.machine import Machine
from station.people.gate import Gate
from station.recipe import Recipe
from station.recipe.names import NameFault, visible_text
from station.records.history import History
from station.records.rows import RecordsError
from station.records.store import Store
from station.state.person import Person
from station.state.roll import UNKNOWN, UnfinishedRoll
from station.telling import Telling

NOTE_SIGNS = 500


def kept_note(note: str) -> str:
    """Return what a person noted as it is kept.  Raises StationError if it is too long or has a sign nobody sees."""
    try:
        return visible_text(note, "a note", NOTE_SIGNS)
    except NameFault as fault:
        raise StationError(str(fault)) from None


class Attended:
    """A station that people attend has a roll's identity and marks, and knows who is signed in.

    Args:
        home: folder with database, models and images.
        store, history: the open records.
        camera: where cloth comes from.
        label: how the text of a roll's label is split.
        usual: what is known of every roll begun here, such as the loom.
    """

    def __init__(
        self,
        home: Path,
        store: Store,
        history: History,
        camera: Camera,
        label: LabelSettings | None,
        usual: RollIdentity,
    ) -> None:
        self._home = home
        self._store = store
        self._history = history
        self._camera = camera
        self._label = label or LabelSettings()
        self._usual = usual
        self.gate = Gate(store)
        self._tell = Telling(store)
        self._machine: Machine | None = None
        self._recipe: Recipe | None = None
        self._identity = UNKNOWN
        self._roll: str | None = None
        self._naming = threading.Lock()
        # An event, not a join of the thread: an interrupt inside a join can make a running thread look ended.
        self._roll_over = threading.Event()
        self._roll_over.set()

    @property
    def home(self) -> Path:
        """Give the folder with the database, models and images."""
        return self._home

    def fabrics(self) -> list[str]:
        """Return the fabrics that can be inspected."""
        return self._history.fabrics()

    def recipe(self) -> Recipe | None:
        """Return the recipe in force on the open roll."""
        return self._recipe

    def drain(self, limit: int = 256) -> list[Event]:
        """Take the next events for the screen, oldest first."""
        return self._tell.drain(limit)

    # ------------------------------------------------------------------ the roll

    @property
    def events_lost(self) -> int:
        """Give the number of events of the open or last roll that are not on record for good."""
        return 0 if self._roll is None else self._store.lost_of(self._roll)

    def start_scanned(self, text: str, fabric: str = "") -> None:
        """Start a roll by what a scanner read from its label; ``fabric`` counts where the label names none.

        Raises:
            StationError: the text does not fit the pattern of the settings, no fabric is named, or as ``start_roll``.
        """
        label = read_label(text, self._label, self._usual)
        chosen = label.fabric or fabric
        if not chosen:
            raise StationError("The label names no fabric; choose one, or name it in the pattern (label.pattern).")
        self.start_roll(chosen, label.roll, label.identity)

    def start_roll(self, fabric: str, roll: str | None = None, identity: RollIdentity | None = None) -> None:
        """Open a roll and start to inspect it."""
        raise NotImplementedError

    def rename_roll(self, name: str, by: str) -> None:
        """Give the open roll another name.

        Raises:
            StationError: no roll is open, or the name is unfit or another roll's.
        """
        with self._naming:
            self._check_open("rename")
            self._roll = self._store.rolls.rename(name, by)

    def correct_roll(self, identity: RollIdentity, by: str, why: str = "") -> None:
        """Put other facts of the open roll on record; the audit has old and new.

        Raises:
            StationError: no roll is open, or a fact is unfit.
        """
        with self._naming:
            self._check_open("correct")
            self._identity = self._store.rolls.correct(identity, by, why)
            self._store.rating.refresh()

    def correct_ended(self, roll: str, identity: RollIdentity, by: str, why: str = "") -> None:
        """Put other facts of a roll that has ended on record, with the grade that follows; the audit has old and new.

        Raises:
            StationError: there is no such roll, it is open, or a fact is unfit.
        """
        with self._naming:
            known = self._store.rolls.correct_ended(roll, identity, by, why)
            if roll == self._roll:
                self._identity = known
                self._store.rating.refresh()

    def splice(self, by: str, note: str = "") -> None:
        """Note that two cloths are joined at the place under the camera.

        Raises:
            StationError: no roll is open, or the note has a sign that cannot be seen.
        """
        self._check_open("mark a splice on")
        self._mark(MarkKind.SPLICED, by, kept_note(note))

    def unfinished_roll(self) -> UnfinishedRoll | None:
        """Return the roll that a crash left on this camera and that may still be resumed, None if there is none."""
        return self._store.rolls.unfinished(self._camera.camera_id) if self._roll_over.is_set() else None

    def tell_unfinished(self, left: UnfinishedRoll) -> None:
        """Show that a crash left a roll, and what people may do with it."""
        length = "" if left.length_m is None else f" after {left.length_m:.1f} m"
        when = f"by a crash at {clock(left.crashed_at)}"
        self._tell.screen(
            Notice(
                Severity.WARNING,
                f"Roll {left.roll} of {left.fabric} was left unfinished{length} {when}: "
                "resume it, or close it by starting another.",
            )
        )

    def close_unfinished(self, roll: str, by: str, why: str = "") -> None:
        """Leave the roll that a crash left as it is: closed.  Raises StationError if it is not there any more."""
        self._store.rolls.close_unfinished(roll, self._camera.camera_id, by, why)

    # ------------------------------------------------------------------ the machine

    def veto_stop(self, by: str, cause_number: int) -> None:
        """Let the machine run on despite the announced cause with this number.  Raises StationError."""
        self._machine_or_refusal().veto(by, cause_number)

    def release_stop(self, by: str) -> None:
        """Take back the requested stop.  Raises StationError."""
        self._machine_or_refusal().release(by)

    def report_fault(self, fault: Fault) -> None:
        """Show a bug on the screen and keep it in the audit; never waits."""
        self._tell.fault(fault)

    # ------------------------------------------------------------------ people

    def people_on(self) -> bool:
        """Say whether people have to sign in."""
        return self.gate.is_on()

    def person(self) -> Person | None:
        """Return who is signed in."""
        return self.gate.person

    def sign_in(self, name: str, pin: str) -> Person:
        """Sign a person in instead of whoever was.  Raises StationError, also where it is too early for another try."""
        return self.gate.sign_in(name, pin)

    def sign_out(self) -> None:
        """Sign out whoever is signed in."""
        self.gate.sign_out()

    # ------------------------------------------------------------------ inside

    def _machine_or_refusal(self) -> Machine:
        if self._machine is None:
            raise StationError("No machine is set up, so no stop can be wanted; see [machine] in the settings.")
        return self._machine

    def _line_snapshot(self) -> LineSnapshot:
        raise NotImplementedError

    def _attending(self, identity: RollIdentity) -> tuple[str, RollIdentity]:
        """Return who begins a roll, and the identity with the person signed in as its operator if none is named."""
        person = self.gate.person
        if person is None:
            return "station", identity
        named = identity.operator or len(person.name) > FACT_LIMIT
        return person.name, identity if named else replace(identity, operator=person.name)

    def _mark(self, kind: MarkKind, by: str, note: str = "") -> None:
        """Note what a person did to the open roll; once told, it waits like all that the line tells."""
        line = self._line_snapshot().ledger.lines_acquired
        if not self._store.write(RollMark(kind, line, note, by)):
            raise self._store.failure or RecordsError("The records are too slow; try again.")

    def _refuse_open(self) -> None:
        if not self._roll_over.is_set():
            raise StationError(f"Roll {self._roll} is still open; end it before starting another.")

    def _check_open(self, what: str) -> None:
        if self._roll_over.is_set():
            raise StationError(f"No roll is open to {what}; start one first.")

    def _named(self, line: LineSnapshot) -> LineSnapshot:
        """Return a snapshot with the roll's name and identity of now: it may have been renamed since it began."""
        return replace(line, roll=line.roll and self._roll, identity=self._identity)
