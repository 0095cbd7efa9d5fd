"""This module puts into a report what a roll is to the mill and what people did along its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from station.records.history import History
from station.records.reading.values import SpoiltRowError
from station.records.roll_life.marks import MarkRow
from station.records.rows import RollRow
from station.state.roll import UNKNOWN, MarkKind, RollIdentity

LABELS = {
    "order": "Order",
    "article": "Article",
    "lot": "Lot",
    "loom": "Loom",
    "operator": "Operator",
    "target_m": "Target length",
    "ticket_m": "Ticket length",
    "ticket_width_mm": "Ticket width",
}


@dataclass(frozen=True, slots=True)
class ReportPause:
    """A pause has its place, from when to when it was (None: until the roll's end), why, and who asked for it."""

    line: int
    end_line: int | None
    at_m: float | None
    paused_at: datetime
    resumed_at: datetime | None
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class ReportSplice:
    """A splice joins two cloths at a place; ``at_m`` is None without a scale."""

    line: int
    at_m: float | None
    at: datetime
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class RollWay:
    """The way holds a roll's identity, its pauses and splices, why it was broken off, how often it was resumed."""

    identity: RollIdentity = UNKNOWN
    pauses: tuple[ReportPause, ...] = ()
    splices: tuple[ReportSplice, ...] = ()
    ended_why: str = ""
    resumed: int = 0

    def reason_of(self, first_line: int, end_line: int, reason: str | None) -> str | None:
        """Return why a stretch was not inspected: ``paused: shift change`` where people said why they paused it.

        A line counts to the pause that was in force when it came, which may be a block before the line noted then.
        """
        if reason != str(MarkKind.PAUSED):
            return reason
        over = [one for one in self.pauses if one.line < end_line and (one.end_line or end_line) > first_line]
        near = over or sorted(self.pauses, key=lambda one: abs(one.line - end_line))[:1]
        said = dict.fromkeys(one.why for one in near if one.why)
        return ": ".join(filter(None, (reason, "; ".join(said))))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON: the facts of the identity beside the rest; times are ISO 8601, in UTC as on record."""
        data = asdict(self)
        facts = data.pop("identity")
        for name in ("pauses", "splices"):
            data[name] = [{key: _plain(value) for key, value in one.items()} for one in data[name]]
        return {**facts, **data}

    def facts(self) -> list[tuple[str, str]]:
        """Return label and value of each fact that is known."""
        shown = [(LABELS[one.name], _fact(one.name, getattr(self.identity, one.name))) for one in fields(self.identity)]
        resumed = [("Resumed", f"{self.resumed} × after a crash")] if self.resumed else []
        return [(label, value) for label, value in shown if value] + resumed

    def lines(self) -> list[str]:
        """Return pauses and splices as lines of text, by their place."""
        told = [(one.line, f"{_place(one)}  spliced{_after(one.note, one.by)}") for one in self.splices]
        told += [(one.line, f"{_place(one)}  paused{_after(one.why, one.by)}") for one in self.pauses]
        return [text for _, text in sorted(told)]


NO_WAY = RollWay()
"""Nothing is known of such a roll's way."""


def way_of(history: History, roll: RollRow, told: list[str]) -> RollWay:
    """Read a roll's way; ``told`` gets a sentence for each row of it that is spoilt."""

    def spoilt(error: SpoiltRowError) -> None:
        told.append(str(error))

    marks, scale = history.marks(roll.id, spoilt), roll.mm_per_line
    splices = [
        ReportSplice(one.line, _metres(one.line, scale), one.at, one.note, one.by)
        for one in marks
        if one.kind is MarkKind.SPLICED
    ]
    return RollWay(roll.identity, _pauses(marks, scale), tuple(splices), roll.ended_why, roll.resumed)


def _pauses(marks: Sequence[MarkRow], scale: float | None) -> tuple[ReportPause, ...]:
    pauses: list[ReportPause] = []
    begun: MarkRow | None = None
    for one in [*marks, None]:
        if one is not None and one.kind is MarkKind.SPLICED:
            continue
        if begun is not None:
            end = (None, None) if one is None else (one.line, one.at)
            place = _metres(begun.line, scale)
            pauses.append(ReportPause(begun.line, end[0], place, begun.at, end[1], begun.note, begun.by))
        begun = one if one is not None and one.kind is MarkKind.PAUSED else None
    return tuple(pauses)


def _metres(line: int, scale: float | None) -> float | None:
    return None if scale is None else line * scale / 1000


def _fact(name: str, value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:g} {'mm' if name.endswith('_mm') else 'm'}"


def _place(one: ReportPause | ReportSplice) -> str:
    return f"line {one.line}" if one.at_m is None else f"{one.at_m:.3f} m"


def _after(note: str, by: str) -> str:
    return "".join((f": {note}" if note else "", f" ({by})" if by else ""))


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
