"""This module writes what people say of defects, each act in one transaction and one row of the audit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from station.records import audit
from station.records.defects.missed import put_missed, withdraw
from station.records.defects.standing import stand_anew
from station.records.defects.tables import KeptRecordingTable
from station.records.defects.words import Keep, Missed, Word, person
from station.records.rows import RecordsError
from station.records.schema import DefectTable, ReviewTable, RollTable, now, storable

T = TypeVar("T")
MOST_AT_ONCE = 10_000
"""Nobody is shown more at once; SQLite takes 32,766 values in one query."""


class Reviews:
    """The reviews take people's words on defects, from any thread.

    Args:
        home: the home folder, where pictures lie.
        call: runs a function in a write transaction and returns its answer once that is on disk; raises RecordsError.
    """

    def __init__(self, home: Path, call: Callable[[Callable[[Session], Any]], Any]) -> None:
        self._home = home
        self._call = call

    def say(self, shown: Iterable[int], word: Word, by: str) -> int:
        """Say the same of all defects that were shown, by their ids: all of them or, where one is unknown, none.

        Returns the number of this act, by which :meth:`undo` takes it back.

        Raises:
            RecordsError: no such defect, nothing said, no name, or too many at once.
        """
        ids = list(dict.fromkeys(shown))
        who = person(by)
        word.checked()
        if not 1 <= len(ids) <= MOST_AT_ONCE:
            raise RecordsError(
                f"{len(ids)} defects cannot be reviewed at once: 1 to {MOST_AT_ONCE} that were shown can."
            )
        return int(self._call(lambda session: _say(session, ids, word, who)))

    def undo(self, by: str, act: int | None = None) -> list[int]:
        """Take back all that the person said in one act; default: the last one not taken back yet.  What was said
        before counts again; what it put on record as missed is withdrawn.  Returns the ids of the defects.

        Raises:
            RecordsError: the person said nothing, or somebody else did.
        """
        who = person(by)
        return list(self._call(lambda session: _undo(session, who, act)))

    def put_missed(self, missed: Missed, by: str) -> int:
        """Put a defect on record that the station missed, confirmed by the person; return its id.

        Raises:
            RecordsError: no such roll, a place that it does not have, sizes that cannot be, or no name.
        """
        who = person(by)
        missed.checked()
        return put_missed(self._home, self._call, missed, who)

    def keep(self, what: Keep, by: str, why: str = "", *, keep: bool = True) -> None:
        """Say that something is never thrown away, or may be again.  Raises RecordsError if it is not on record."""
        who = person(by)
        self._call(lambda session: _keep(session, self._home, what, who, why, keep=keep))


def _say(session: Session, ids: Sequence[int], word: Word, who: str) -> int:
    rows = _rows(session, ids)
    note = storable(word.note.strip())
    old = _words_of(rows)
    act = audit.append(session, "defect reviewed", old, f"defect {ranges(ids)}: {word}", who, note)
    at = now()
    values = {
        "verdict": str(word.verdict or ""),
        "kind": None if word.kind is None else str(word.kind),
        "severity": word.severity,
        "note": note,
        "at": at,
        "who": who,
        "act": act,
    }
    session.execute(insert(ReviewTable), [{"defect_id": number, **values} for number in ids])
    stand_anew(session, rows)
    return act


def _undo(session: Session, who: str, act: int | None) -> list[int]:
    said = select(ReviewTable).where(ReviewTable.undone_at.is_(None))
    if act is None:
        last = session.scalar(said.where(ReviewTable.who == who).order_by(ReviewTable.id.desc()).limit(1))
        if last is None:
            raise RecordsError(f"{who} has said nothing that is not taken back.")
        act = last.act
    reviews = session.scalars(said.where(ReviewTable.act == act).order_by(ReviewTable.id)).all()
    if not reviews:
        raise RecordsError(f"There is nothing to take back under number {act}; load the list again.")
    if reviews[0].who != who:
        raise RecordsError(
            f"Only {reviews[0].who} can take back what {reviews[0].who} said; say your own word instead."
        )
    ids = list(dict.fromkeys(review.defect_id for review in reviews))  # two may be one defect by now
    rows = _rows(session, ids)
    old = _words_of(rows)
    session.execute(update(ReviewTable).where(ReviewTable.act == act).values(undone_at=now()))
    gone = withdraw(session, rows, act)
    stand_anew(session, rows)
    new = f"defect {ranges(ids)}: {'missed' if gone else reviews[0].verdict or 'note'} taken back"
    action = "missed defect taken back" if gone else "review taken back"
    audit.append(session, action, old, new, who, f"row {act}" if act > 0 else "")
    return ids


def _rows(session: Session, ids: Sequence[int]) -> list[DefectTable]:
    found = {row.id: row for row in session.scalars(select(DefectTable).where(DefectTable.id.in_(ids)))}
    gone = [number for number in ids if number not in found]
    if gone:
        raise RecordsError(f"There is no defect number {ranges(gone)}; load the list again.")
    return [found[number] for number in ids]


def _words_of(rows: Sequence[DefectTable]) -> str:
    """Say how defects stand before, for the audit."""
    standing: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        said = [
            row.verdict,
            row.kind_found and f"kind {row.kind}",
            row.said_severity and f"severity {row.said_severity}",
        ]
        standing[", ".join(map(str, filter(None, said)))].append(row.id)
    if len(standing) == 1:
        return next(iter(standing))
    return "; ".join(f"defect {ranges(ids)}: {words or 'nothing'}" for words, ids in standing.items())


def ranges(ids: Iterable[int]) -> str:
    """Write numbers in a few words: ``3, 5–9``."""
    runs = groupby(enumerate(sorted(ids)), key=lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in run] for _, run in runs]
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}–{span[-1]}" for span in spans)


def _keep(session: Session, home: Path, what: Keep, who: str, why: str, *, keep: bool) -> None:
    action = "kept for ever" if keep else "no longer kept for ever"
    if what.roll is not None:
        roll = session.scalar(select(RollTable).where(RollTable.name == what.roll))
        if roll is None:
            raise RecordsError(f"There is no roll {what.roll!r} on record; `station rolls` lists those that are.")
        roll.keep = keep
        audit.append(session, action, "", f"roll {roll.name}", who, why)
    if what.defect_id is not None:
        [row] = _rows(session, [what.defect_id])
        row.keep = keep
        audit.append(session, action, "", f"defect {row.id}", who, why)
    if what.recording is not None:
        folder = recording_name(home, what.recording)
        if keep and not what.recording.is_dir():
            raise RecordsError(f"There is no recording {what.recording}; name its folder.")
        session.execute(delete(KeptRecordingTable).where(KeptRecordingTable.folder == folder))
        if keep:
            session.add(KeptRecordingTable(folder=folder, at=now(), who=who, why=storable(why)))
        audit.append(session, action, "", f"recording {folder}", who, why)


def recording_name(home: Path, folder: Path) -> str:
    """Return how a recording's folder is called on record: relative to the home where it lies in it."""
    path, house = folder.absolute(), home.absolute()
    return path.relative_to(house).as_posix() if path.is_relative_to(house) else str(path)
