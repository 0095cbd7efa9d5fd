"""This module holds a home that a killed program left against what must be true of it, once it was opened as a start
does.  Each law yields a sentence for every breach of it."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.endurance_station import SIDE
from station.quality.roll_grade import grade_roll
from station.records.audit import verify
from station.records.engine import DATABASE
from station.records.history import History
from station.records.images import FOLDER, ORPHANS
from station.records.keeping.dropping import DROPPED
from station.records.moving.files import read_back
from station.records.moving.manifest import FILE, listed
from station.records.rows import DefectFilter, RollFilter
from station.records.safety.copies import FOLDER as COPIES
from station.records.safety.copies import damage_in
from station.records.store import Store

ALL = 10_000_000


@dataclass(slots=True)
class Said:
    """What the killed programs were told is done, in order, and what the last of them was doing."""

    done: list[dict[str, Any]] = field(default_factory=list)
    doing: Counter[str] = field(default_factory=Counter)

    def of(self, what: str) -> list[dict[str, Any]]:
        """Return all that was done of a kind."""
        return [row for row in self.done if row["done"] == what]


def said_in(folder: Path, since: int = 0) -> Said:
    """Read the side file; what is being done is counted from byte ``since`` on.  A line that was cut off says
    nothing."""
    said = Said()
    file = folder / SIDE
    place = 0
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
        if not line.endswith(b"\n"):
            break
        row = json.loads(line)
        if "done" in row:
            said.done.append(row)
        elif place >= since:
            said.doing[row.get("in") or row["out"]] += 1 if "in" in row else -1
        place += len(line)
    said.doing = +said.doing
    return said


@dataclass(frozen=True, slots=True)
class Opened:
    """A home that was opened as a start does; ``side`` is the folder with side file and backups."""

    store: Store
    database: sqlite3.Connection
    said: Said
    side: Path

    @property
    def home(self) -> Path:
        """Give the home folder."""
        return self.store.home

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, past all of the station's own code."""
        return self.database.execute(query).fetchall()

    def counts(self, query: str) -> dict[Any, Any]:
        """Return the second column of a query by the first."""
        return dict(self.rows(query))


Law = Callable[[Opened], Iterator[str]]


def whole(opened: Opened) -> Iterator[str]:
    """The database is whole, and each row points to rows that are there."""
    for (found,) in opened.rows("PRAGMA integrity_check"):
        if found != "ok":
            yield f"integrity_check: {found}"
    for row in opened.rows("PRAGMA foreign_key_check"):
        yield f"row {row[1]} of {row[0]} points nowhere in {row[2]}"
    if aside := list(opened.home.glob("station-damaged-*")):
        yield f"the database was put aside: {aside}"


def chain(opened: Opened) -> Iterator[str]:
    """The audit's chain is whole."""
    found = verify(opened.store.read_engine)
    if not found.ok:
        yield f"audit: {found}"


def lines_acknowledged(opened: Opened) -> Iterator[str]:
    """Cloth, defects, marks and answers that the records said are on disk are there."""
    rolls = {row[0]: row[1:] for row in opened.rows("SELECT id, lines_inspected, lines_uninspected FROM roll")}
    profiles: Counter[int] = Counter()
    for roll_id, size in opened.rows("SELECT roll_id, length(rows) / 24 FROM profile"):
        profiles[roll_id] += size
    dropped = {row[0] for row in opened.rows("SELECT roll_id FROM roll_evidence WHERE profile_dropped")}
    defects = {(row[0], row[1]): row[2:] for row in opened.rows("SELECT roll_id, number, closed FROM defect")}
    marks = opened.counts("SELECT roll_id, count(*) FROM roll_mark GROUP BY roll_id")
    answers = opened.counts("SELECT why, count(*) FROM event WHERE action = 'alarms acknowledged' GROUP BY why")
    for row in opened.said.of("told"):
        roll_id = row["roll"]
        if roll_id not in rolls:
            yield f"roll number {roll_id} is gone"
            continue
        if rolls[roll_id][0] < row["inspected"] or rolls[roll_id][1] < row["uninspected"]:
            yield f"roll number {roll_id} has {rolls[roll_id]} lines, and more were acknowledged: {row}"
        if roll_id not in dropped and profiles[roll_id] < row["rows"]:
            yield f"roll number {roll_id} has {profiles[roll_id]} rows of its profile, not {row['rows']}"
        if marks.get(roll_id, 0) < row["marks"]:
            yield f"roll number {roll_id} has {marks.get(roll_id, 0)} marks, not {row['marks']}"
        if answers.get(f"roll number {roll_id}", 0) < row["answers"]:
            yield f"roll number {roll_id} lacks answers to alarms"
        for number, closed in row["defects"]:
            if (roll_id, number) not in defects:
                yield f"defect {number} of roll number {roll_id} is gone"
            elif closed and not defects[roll_id, number][0]:
                yield f"defect {number} of roll number {roll_id} is open again"


def rolls_acknowledged(opened: Opened) -> Iterator[str]:
    """Rolls that were begun, renamed or ended are on record as it was said."""
    rolls = {row[0]: row for row in opened.rows("SELECT id, name, order_number, ended_how, lines_acquired FROM roll")}
    renamed = {row["roll"] for row in opened.said.of("renaming")}
    for row in opened.said.of("begun"):
        found = rolls.get(row["roll"])
        if found is None or found[2] != row["order"] or (row["roll"] not in renamed and found[1] != row["name"]):
            yield f"begun was {row}, on record is {found}"
    for row in opened.said.of("renamed"):
        if row["roll"] not in rolls or rolls[row["roll"]][1] != row["name"]:
            yield f"renamed was {row}, on record is {rolls.get(row['roll'])}"
    for row in opened.said.of("ended"):
        found = rolls.get(row["roll"])
        if found is None or not found[3] or found[4] != row["lines"]:
            yield f"ended was {row}, on record is {found}"


def words_acknowledged(opened: Opened) -> Iterator[str]:
    """What people said, took back, found missed and keep is on record."""
    stands_for = _survivors(opened)
    query = "SELECT act, defect_id, verdict, undone_at FROM review"
    reviews = {(act, stands_for.get(number, number)): said for act, number, *said in opened.rows(query)}
    back = {row["act"] for row in opened.said.of("taken back")}
    begun = {row["act"] for row in opened.said.of("taking back")}
    for row in opened.said.of("said"):
        for number in row["ids"]:
            verdict, undone_at = reviews.get((row["act"], stands_for.get(number, number)), (None, None))
            if verdict != row["verdict"]:
                yield f"the review {row['act']} of defect {number} says {verdict}, not {row['verdict']}"
            if (undone_at is not None) != (row["act"] in back) and row["act"] not in begun - back:
                yield f"the review {row['act']} of defect {number} was taken back {undone_at}"
    defects = {row[0]: row[1:] for row in opened.rows("SELECT id, missed, keep FROM defect")}
    for row in opened.said.of("missed"):
        if not defects.get(row["id"], (False,))[0]:
            yield f"the missed defect {row['id']} is gone"
    for row in opened.said.of("kept"):
        if not defects.get(row["id"], (False, False))[1]:
            yield f"defect {row['id']} is not kept any more"


def _survivors(opened: Opened) -> dict[int, int]:
    """Return, by id, the defect that each turned out to be a part of in the end: what people said goes on to it."""
    rows = opened.rows("SELECT id, roll_id, number, merged_into FROM defect")
    ids = {(roll_id, number): row_id for row_id, roll_id, number, _ in rows}
    into = {row_id: ids.get((roll_id, merged), row_id) for row_id, roll_id, _, merged in rows if merged is not None}
    survivors = {}
    for first in into:
        last, passed = first, {first}
        while into.get(last, last) not in passed:
            last = into[last]
            passed.add(last)
        survivors[first] = last
    return survivors


def pictures(opened: Opened) -> Iterator[str]:
    """Each picture has its row, each row its pictures, but for those that retention says it removed."""
    named: set[str] = set()
    query = "SELECT id, crop_file, heat_file, closed, merged_into, missed, pictures_dropped, keep FROM defect"
    for number, crop, heat, closed, merged, missed, dropped, keep in opened.rows(query):
        named |= {file for file in (crop, heat) if file is not None}
        has_all = crop is not None and (missed or heat is not None)
        if closed and merged is None and not has_all and not dropped:
            yield f"defect {number} names no pictures, and retention did not remove them"
        if dropped and (crop or heat):
            yield f"defect {number} names pictures that retention removed"
        if dropped and keep and number not in _kept_late(opened):
            yield f"defect {number} is kept, and its pictures are gone"
    there = {
        file.relative_to(opened.home).as_posix()
        for file in (opened.home / FOLDER).glob("*/*")
        if file.parent.name != ORPHANS
    }
    for file in sorted(named - there):
        yield f"there is no picture {file}, which a row names"
    for file in sorted(there - named):
        yield f"no row names the picture {file}"
    told = "SELECT count(*) FROM event WHERE action = '" + DROPPED + "' AND new LIKE '%pictures%'"
    if opened.rows("SELECT count(*) FROM defect WHERE pictures_dropped")[0][0] and not opened.rows(told)[0][0]:
        yield "pictures were removed, and the audit does not say so"
    for (roll_id,) in opened.rows("SELECT roll_id FROM roll_evidence WHERE is_removing"):
        yield f"pictures of roll number {roll_id} are still being removed"


def _kept_late(opened: Opened) -> set[int]:
    """Return the defects that may have been kept only after their pictures went: nobody is kept from that."""
    return {row["id"] for row in opened.said.of("kept")} | {
        int(text.split()[1]) for (text,) in opened.rows("SELECT new FROM event WHERE action = 'kept for ever'")
    }


def ledger(opened: Opened) -> Iterator[str]:
    """On every roll acquired = inspected + uninspected, as its stretches say, which do not overlap."""
    query = "SELECT id, lines_acquired, lines_inspected, lines_uninspected, ended_how, events_lost FROM roll"
    stretches: dict[int, list[tuple[int, int, str | None]]] = defaultdict(list)
    for roll_id, *stretch in opened.rows("SELECT roll_id, first_line, end_line, reason FROM stretch ORDER BY id"):
        stretches[roll_id].append((stretch[0], stretch[1], stretch[2]))
    for roll_id, acquired, inspected, uninspected, how, lost in opened.rows(query):
        if acquired != inspected + uninspected:
            yield f"roll number {roll_id}: {acquired} lines acquired are not {inspected} + {uninspected}"
        if how == "":
            yield f"roll number {roll_id} is still open"
        told = [
            sum(end - first for first, end, why in stretches[roll_id] if (why is None) == is_in) for is_in in (1, 0)
        ]
        if told != [inspected, uninspected] and not lost:  # of a roll that says so, its end alone may be known
            yield f"roll number {roll_id}: stretches say {told}, the roll {inspected} and {uninspected}"
        reach = 0
        for first, end, _ in sorted(stretches[roll_id], key=lambda one: one[:2]):
            if first != reach:
                yield f"roll number {roll_id}: a stretch begins at {first}, the one before ends at {reach}"
            reach = end


def widths(opened: Opened) -> Iterator[str]:
    """The width along a roll is of as many lines as were judged."""
    measured = opened.counts("SELECT roll_id, sum(judged_lines) FROM width GROUP BY roll_id")
    for roll_id, judged in opened.rows("SELECT id, judged_lines FROM roll"):
        if measured.get(roll_id, 0) != judged:
            yield f"roll number {roll_id}: width of {measured.get(roll_id, 0)} lines, {judged} were judged"


def tallies(opened: Opened) -> Iterator[str]:
    """The tallies, and their sums per roll and kind, equal a count over the rows."""
    counted = opened.rows(
        "SELECT roll_id, kind, coalesce(verdict, ''), is_reject, missed, count(*) FROM defect "
        "WHERE merged_into IS NULL GROUP BY 1, 2, 3, 4, 5"
    )
    kept = opened.rows("SELECT roll_id, kind, verdict, is_reject, missed, count FROM tally")
    for row in sorted(set(counted) ^ set(kept)):
        yield f"counted {'rows' if row in set(counted) else 'tally'} alone: {row}"
    counted = opened.rows(
        "SELECT roll_id, kind, count(*), sum(found), sum(found AND verdict = 'confirmed'), "
        "sum(found AND verdict = 'false alarm'), sum(missed AND verdict <> 'false alarm') FROM (SELECT roll_id, kind, "
        "missed, coalesce(verdict, '') AS verdict, is_reject AND NOT missed AS found FROM defect "
        "WHERE merged_into IS NULL) GROUP BY 1, 2"
    )
    for row in sorted(set(counted) ^ set(opened.rows("SELECT * FROM kind_tally"))):
        yield f"summed up from {'rows' if row in set(counted) else 'tallies'} alone: {row}"


def standing(opened: Opened) -> Iterator[str]:
    """How a defect stands follows from its reviews, and whether it needs one from how it stands."""
    words: dict[int, str] = {}
    persons: dict[int, dict[str, str]] = defaultdict(dict)
    query = "SELECT defect_id, who, verdict FROM review WHERE undone_at IS NULL AND verdict != '' ORDER BY id"
    for number, who, verdict in opened.rows(query):
        words[number] = verdict
        persons[number][who] = verdict
    query = "SELECT id, verdict, disputed, needs_review, is_reject, merged_into FROM defect"
    for number, verdict, disputed, needs, is_reject, merged in opened.rows(query):
        if verdict != words.get(number):
            yield f"defect {number} stands as {verdict}, its reviews say {words.get(number)}"
        if bool(disputed) != ({"confirmed", "false alarm"} <= set(persons[number].values())):
            yield f"defect {number}: disputed is {disputed} with {persons[number]}"
        wanted = bool(is_reject) and merged is None and (verdict in (None, "unsure") or bool(disputed))
        if bool(needs) != wanted:
            yield f"defect {number}: needs review is {needs}, and not {wanted}"
    opinions = {row[:2]: row[2] for row in opened.rows("SELECT defect_id, who, verdict FROM opinion") if row[2]}
    if opinions != {(number, who): one for number, by in persons.items() for who, one in by.items()}:
        yield "the opinions are not those of the reviews"


def alarms(opened: Opened) -> Iterator[str]:
    """Rejects are in an alarm, which counts them, and none goes on with a roll that has ended."""
    for number, is_in in opened.rows("SELECT id, alarm_id IS NOT NULL FROM defect WHERE NOT missed AND "
                                     "(is_reject AND merged_into IS NULL) != (alarm_id IS NOT NULL)"):  # fmt: skip
        yield f"defect {number} {'is' if is_in else 'is not'} in an alarm"
    counted = opened.counts("SELECT alarm_id, count(*) FROM defect WHERE alarm_id IS NOT NULL GROUP BY 1")
    query = (
        "SELECT alarm.id, what, occurrences, gone_at, ended_how FROM alarm LEFT JOIN roll ON roll.id = alarm.roll_id"
    )
    for number, what, occurrences, gone_at, how in opened.rows(query):
        if what == "reject" and counted.get(number, 0) != occurrences:
            yield f"alarm {number} says {occurrences} rejects, {counted.get(number, 0)} are in it"
        if gone_at is None and what != "stop" and how:
            yield f"alarm {number} goes on, and its roll has ended"


def grades(opened: Opened) -> Iterator[str]:
    """The grade on record of each roll is that of a grading anew."""
    history = History(opened.store)
    for roll in history.rolls(RollFilter(limit=ALL)):
        made = grade_roll(roll, history.defects(DefectFilter(roll.id, limit=ALL)), [])
        kept = roll.grading
        alike = (made.points, str(made.grade)) == (kept.points, str(kept.grade))
        if not alike or not math.isclose(made.points_per_100_m2 or 0.0, kept.points_per_100_m2 or 0.0, rel_tol=1e-9):
            anew = (made.points, made.points_per_100_m2, str(made.grade))
            yield f"roll {roll.name} is on record as {(kept.points, kept.points_per_100_m2, kept.grade)}, anew {anew}"


def backups(opened: Opened) -> Iterator[str]:
    """A backup that is one is whole, and so is each daily copy."""
    for folder in backups_in(opened):
        for one in listed(folder):
            if not (folder / one.path).is_file() or read_back(folder / one.path) != (one.bytes, one.sha256):
                yield f"the backup {folder.name} has {one.path} not as listed"
    for copy in (opened.home / COPIES).glob("station-*.db"):
        if damage := damage_in(copy, with_indexes=True):
            yield f"the daily copy {copy.name} is damaged: {damage}"


def backups_in(opened: Opened) -> list[Path]:
    """Return the backups that are whole or say so; those that were made and not removed must be among them."""
    removed = {row["folder"] for row in opened.said.of("backup removed")}
    made = {row["folder"] for row in opened.said.of("backed up")}
    there = {folder.parent.name for folder in opened.side.glob(f"backup-*/{FILE}")}
    return sorted((opened.side / name for name in (made | there) - removed), key=lambda one: one.stat().st_mtime_ns)


def tidy(opened: Opened) -> Iterator[str]:
    """Nothing lies about: no locks of rolls, no half-written pictures, no events in files, nothing left to recover."""
    left = [*opened.home.glob("locks/roll-*"), *opened.home.glob("images/*/*.tmp"), *opened.home.glob("unrecorded/*")]
    yield from (f"{file.relative_to(opened.home)} lies about" for file in left)
    if again := opened.store.recover():
        yield f"a second look recovers {again}"


LAWS: dict[str, Law] = {
    "database whole (`integrity_check`, foreign keys)": whole,
    "audit chain whole": chain,
    "cloth, defects, marks, answers acknowledged are there": lines_acknowledged,
    "rolls begun, renamed, ended are there": rolls_acknowledged,
    "reviews, undos, missed, kept are there": words_acknowledged,
    "each picture its row, each row its picture": pictures,
    "ledger law, stretches without gap or overlap": ledger,
    "width trace of all judged lines": widths,
    "tallies equal a count": tallies,
    "needs review, verdicts, opinions follow the reviews": standing,
    "alarms count their rejects, and end": alarms,
    "grades equal a grading anew": grades,
    "backups and daily copies whole": backups,
    "nothing lies about": tidy,
}


def broken(home: Path, side: Path, said: Said) -> dict[str, list[str]]:
    """Open a home as a start does and return the breaches of each law; a start that fails raises."""
    with Store.open(home) as store, closing(sqlite3.connect(home / DATABASE)) as database:
        opened = Opened(store, database, said, side)
        return {name: list(law(opened)) for name, law in LAWS.items()}
