"""This module says what a roll is to a mill, what people note along it, and what a crash left of one: plain data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RollIdentity:
    """An identity holds what a mill knows of a roll beside its number; '' and None where nobody said.

    Attributes:
        order, article, lot: what the cloth is made for, which article it is, of which lot.
        loom: the loom, or the table, it is inspected at.
        operator: who looks after it.
        target_m: length it shall have.
        ticket_m, ticket_width_mm: length and width by the supplier's ticket.
    """

    order: str = ""
    article: str = ""
    lot: str = ""
    loom: str = ""
    operator: str = ""
    target_m: float | None = None
    ticket_m: float | None = None
    ticket_width_mm: float | None = None


UNKNOWN = RollIdentity()
"""Nobody said anything of such a roll."""

WORDS = ("order", "article", "lot", "loom", "operator")
"""These facts of an identity are words, the others are measures."""

MEASURES = tuple(one.name for one in fields(RollIdentity) if one.name not in WORDS)


class MarkKind(StrEnum):
    """The kind says what happened to a roll at a line."""

    PAUSED = "paused"
    RESUMED = "resumed"
    SPLICED = "spliced"


@dataclass(frozen=True, slots=True)
class RollMark:
    """The event says what a person did to the open roll, and where.

    ``line`` is the roll's line that was due then, ``note`` why (a pause) or which cloths (a splice), ``by`` the person,
    '' if nobody is known.
    """

    kind: MarkKind
    line: int
    note: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class UnfinishedRoll:
    """A roll that a crash left unfinished: it is closed, and may be resumed as long as no other was begun on its
    camera.

    Attributes:
        roll, fabric, recipe_version: its name and what it was inspected with.
        crashed_at: when the last of it went on record, UTC-aware.
        length_m: how much of it is on record, None without a scale.
        identity: what is known of it.
    """

    roll: str
    fabric: str
    recipe_version: int
    crashed_at: datetime
    length_m: float | None
    identity: RollIdentity = UNKNOWN
