"""This module says what people may ask of the core about the roll that is open and about themselves.

Both protocols are parts of :class:`station.contract.Core`; whatever is refused raises its StationError.
"""

from __future__ import annotations

from typing import Protocol

from station.state.person import Person
from station.state.roll import RollIdentity, UnfinishedRoll


class RollCommands(Protocol):
    """These calls are about the identity of a roll and about what happens along it."""

    def start_scanned(self, text: str, fabric: str = "") -> None:
        """Start a roll by what a scanner read from its label; ``fabric`` counts where the label names none."""

    def rename_roll(self, name: str, by: str) -> None:
        """Give the open roll another name."""

    def correct_roll(self, identity: RollIdentity, by: str, why: str = "") -> None:
        """Put other facts of the open roll on record."""

    def correct_ended(self, roll: str, identity: RollIdentity, by: str, why: str = "") -> None:
        """Put other facts of a roll that has ended on record, with the grade that follows."""

    def splice(self, by: str, note: str = "") -> None:
        """Note that two cloths are joined at the place under the camera."""

    def unfinished_roll(self) -> UnfinishedRoll | None:
        """Return the roll that a crash left and that may still be resumed, None if there is none."""

    def resume_unfinished(self, roll: str, by: str) -> None:
        """Go on with the roll that a crash left."""

    def close_unfinished(self, roll: str, by: str, why: str = "") -> None:
        """Leave the roll that a crash left as it is: closed."""


class PeopleCommands(Protocol):
    """These calls are about who works at the station."""

    def people_on(self) -> bool:
        """Say whether people have to sign in."""

    def person(self) -> Person | None:
        """Return who is signed in."""

    def sign_in(self, name: str, pin: str) -> Person:
        """Sign a person in instead of whoever was."""

    def sign_out(self) -> None:
        """Sign out whoever is signed in."""
