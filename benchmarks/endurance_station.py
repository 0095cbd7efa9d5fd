"""This module is the program that ``make endurance`` kills: a station with all going on at once that records have.

One thread tells what the line tells of rolls, others review, make room, copy, back up and lock the database at times.
No model is needed for that: cloth, defects and pictures are drawn by chance.  What the records said is done goes to a
side file, on disk before anything else happens; so does, unsynced, what was being done, as a kill loses no write.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from station.contract import (
    Acknowledged,
    ColumnsInspected,
    Defect,
    DefectChanged,
    DefectKind,
    Fault,
    Ledger,
    MarkKind,
    Notice,
    RollEnded,
    RollIdentity,
    RollMark,
    RowJudged,
    Severity,
    StopChanged,
    StopStep,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.recipe import Recipe
from station.records import engine
from station.records import store as store_module
from station.records.defects.search import DefectQuery, DefectSearch
from station.records.defects.words import Keep, Missed, Word
from station.records.engine import DATABASE
from station.records.keeping.retention import Retention
from station.records.keeping.settings import RetentionSettings
from station.records.moving.backup import back_up
from station.records.rating.rating import RollFigures
from station.records.rows import RecordsError, RollMeasures, Verdict
from station.records.safety.backlog import Backlog
from station.records.safety.copies import make_copy
from station.records.safety.recovery import Call, break_off_left_open, take_in_files
from station.records.store import Store

CAMERA = "endured"
SIDE = "said.jsonl"
SHARE_BYTES = 400_000
"""Evidence may take so much; a roll has some 100 kB, so that retention always has something to do."""
WAITING = 5
"""So few events wait in memory, so that a locked database soon leaves them in a file."""
BUSY_MS = 40
"""So soon a locked database counts as one that fails."""
MM = 0.5
ROW = 200
RECIPE = Recipe(fabric="endured", model_sha256="cd" * 32, encoder="light", threshold=2.0, mm_per_px=MM)


class Side:
    """The side file holds what was said to be done, and what was being done."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / SIDE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def done(self, what: str, **facts: Any) -> None:
        """Note on disk that the records said that something is done."""
        self._write({"done": what} | facts)
        os.fsync(self._fd)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Note what is being done meanwhile."""
        self._write({"in": what})
        try:
            yield
        finally:
            self._write({"out": what})

    def bug(self) -> None:
        """Note what nobody expected."""
        self.done("bug", text=traceback.format_exc())

    def _write(self, row: dict[str, Any]) -> None:
        os.write(self._fd, json.dumps(row).encode() + b"\n")


class Line:
    """The line tells of one roll after another."""

    def __init__(self, store: Store, side: Side, random: Random, end: threading.Event) -> None:
        self._store = store
        self._side = side
        self._random = random
        self._end = end
        self._noise = np.random.default_rng(random.getrandbits(32))

    def run(self) -> None:
        """Tell of rolls until the end."""
        while not self._end.is_set():
            with suppress(RecordsError):  # the database is locked just now
                self._roll()

    def _roll(self) -> None:
        ledger, number, roll_id, name = self._begin()
        store, random = self._store, self._random
        growing: list[Defect] = []
        told: dict[int, bool] = {}
        inspected, uninspected, rows, marks, answers = ledger.lines_inspected, ledger.lines_uninspected, 0, 0, 0
        store.write(ColumnsInspected(40, 940, 1024))
        for row in range(random.randint(3, 25)):
            if self._end.is_set():
                return
            first = inspected + uninspected
            reason = random.choice(list(UninspectedReason)) if random.random() < 0.2 else None
            if reason is None:
                peaks = np.full(4, random.uniform(0.5, 3), np.float32)
                store.write(RowJudged(first, first + ROW, peaks, width_px=900, cloth_px=920 - random.randint(0, 30)))
                inspected += ROW
                rows += 1
            else:
                uninspected += ROW
            store.write(StretchClosed(Stretch(first, first + ROW, reason)))
            for defect in [*growing, *self._found(first, number)]:
                number = max(number, defect.number)
                grown = self._grown(defect, first)
                store.write(DefectChanged(grown))
                told[defect.number] = grown.closed
                growing = [one for one in growing if one.number != defect.number]
                if not grown.closed:
                    growing.append(grown)
            if random.random() < 0.3:
                store.write(RollMark(random.choice(list(MarkKind)), first, "lot 7 to 8", "ann"))
                marks += 1
            answers += self._alarms(sorted(told))
            if row % 3 == 2:
                self._settle(roll_id, inspected, uninspected, rows, told, marks, answers)
            time.sleep(random.uniform(0, 0.01))
        for defect in growing:
            store.write(DefectChanged(self._closed(defect)))
            told[defect.number] = True
        self._settle(roll_id, inspected, uninspected, rows, told, marks, answers)
        if random.random() < 0.1:
            return  # the next roll breaks it off
        lines = inspected + uninspected
        store.write(RollEnded(name, Ledger(lines, inspected, uninspected), "" if random.random() < 0.9 else "cut"))
        if store.flush(5.0):
            self._side.done("ended", roll=roll_id, lines=lines)
        if random.random() < 0.3:
            store.rating.give(name, RollFigures(cuttable_mm=random.uniform(300, 450)), "ann")

    def _begin(self) -> tuple[Ledger, int, int, str]:
        store, random = self._store, self._random
        measures = RollMeasures(MM, MM, "")
        left = store.rolls.unfinished(CAMERA)
        if left is not None and random.random() < 0.5:
            back = store.resume_roll(left.roll, RECIPE, CAMERA, measures, "ann")
            self._side.done("resumed", roll=back.id)
            return back.ledger, back.number, back.id, back.name
        order = f"A{random.randint(1, 999)}"
        identity = RollIdentity(order=order, loom=f"loom {random.randint(1, 9)}", operator="ann", target_m=3.0)
        name = store.begin_roll(None, RECIPE, CAMERA, measures=measures, identity=identity)
        roll_id = store.rolls.open_id
        self._side.done("begun", roll=roll_id, name=name, order=order)
        if random.random() < 0.3:
            self._side.done("renaming", roll=roll_id)
            name = store.rolls.rename(f"織 {roll_id}", "ann")
            self._side.done("renamed", roll=roll_id, name=name)
        return Ledger(), 0, roll_id, name

    def _found(self, first: int, number: int) -> list[Defect]:
        found = []
        for added in range(1, 1 + self._random.choice((0, 0, 1, 1, 2))):
            left = self._random.randint(40, 900)
            kind = self._random.choice(list(DefectKind))
            made = Defect(
                number=number + added, first_line=first, end_line=first + 8, first_px=left, end_px=left + 12,
                length_mm=8 * MM, width_mm=12 * MM, area_mm2=20.0, position_mm=first * MM, across_mm=(left - 40) * MM,
                score=3.0, threshold=2.0, kind=kind, is_reject=self._random.random() < 0.6, closed=False, web_mm=450.0,
            )  # fmt: skip
            found.append(made)
        return found

    def _grown(self, defect: Defect, first: int) -> Defect:
        if self._random.random() < 0.5:
            return self._closed(defect)
        end = first + ROW
        return _with(defect, end_line=end, length_mm=(end - defect.first_line) * MM)

    def _closed(self, defect: Defect) -> Defect:
        if defect.number > 1 and self._random.random() < 0.1:
            return _with(defect, closed=True, is_reject=False, merged_into=defect.number - 1)
        crop = self._noise.integers(0, 256, (24, 32, 3), np.uint8)
        return _with(defect, closed=True, crop=crop, crop_scores=np.full((24, 32), 3.0, np.float32))

    def _alarms(self, numbers: list[int]) -> int:
        store, random = self._store, self._random
        chosen, at = random.randint(0, 9), random.randint(1, 999)
        if chosen == 0:
            store.write(Notice(Severity.WARNING, f"Camera lost {at} lines.", begins="camera loses lines"))
        elif chosen == 1:
            store.write(Notice(Severity.INFO, "The camera loses no more lines.", ends="camera loses lines"))
        elif chosen == 2:
            store.write(StopChanged(random.choice(list(StopStep)), "series of rejects", "ann"))
        elif chosen == 3:
            store.write(Fault("thread line", "ValueError", f"Bug number {at}."))
        elif chosen == 4 and numbers:
            store.write(Acknowledged("ann", tuple(numbers[-2:]), ("Camera lost lines.",)))
            return 1
        return 0

    def _settle(
        self, roll_id: int, inspected: int, uninspected: int, rows: int, told: dict[int, bool], marks: int, answers: int
    ) -> None:
        """Note what was told, once the records say that it is on disk."""
        if self._store.flush(5.0):
            defects = [[number, closed] for number, closed in told.items()]
            self._side.done(
                "told", roll=roll_id, inspected=inspected, uninspected=uninspected, rows=rows, defects=defects,
                marks=marks, answers=answers,
            )  # fmt: skip


def _with(defect: Defect, **changes: Any) -> Defect:
    values = {name: getattr(defect, name) for name in Defect.__dataclass_fields__}
    return Defect(**(values | changes))


# ---------------------------------------------------------------------- what goes on beside


def review(store: Store, side: Side, random: Random) -> None:
    """Say something of some defects, take it back, put one on record that was missed, or keep one."""
    page = DefectSearch(store.read_engine, store.home).page(DefectQuery(), size=30)
    rows = page.rows
    if not rows:
        return
    by = random.choice(("ann", "bob"))
    chosen = random.sample(rows, min(len(rows), random.randint(1, 6)))
    what = random.random()
    with side.doing("a review"):
        if what < 0.7:
            severity = random.choice((None, None, "minor", "critical"))
            word = Word(random.choice(list(Verdict)), random.choice((None, DefectKind.HOLE)), severity, "seen")
            ids = [row.id for row in chosen]
            act = store.reviews.say(ids, word, by)
            side.done("said", act=act, ids=ids, verdict=str(word.verdict))
            if random.random() < 0.3:
                side.done("taking back", act=act)
                store.reviews.undo(by, act)
                side.done("taken back", act=act)
        elif what < 0.9:
            roll = store.rolls.open
            if roll is not None:
                cloth = np.random.default_rng(1).integers(0, 256, (16, 16), np.uint8)
                missed = Missed(chosen[0].roll, 5.0, 60.0, 4.0, 4.0, DefectKind.SPOT, picture=cloth)
                side.done("missed", id=store.reviews.put_missed(missed, by))
        else:
            store.reviews.keep(Keep(defect_id=chosen[0].id), by)
            side.done("kept", id=chosen[0].id)


def make_room(store: Store, side: Side, _random: Random) -> None:
    """Look once at the disk, as retention does every minute."""
    retention = Retention(store, RetentionSettings(), store.home / "recordings", disk=lambda _folder: 2 * SHARE_BYTES)
    with side.doing("a round of retention"):
        retention.look()


def copy_daily(store: Store, side: Side, random: Random) -> None:
    """Make the copy of another day."""
    day = date(2026, 1, 1) + timedelta(days=random.randint(0, 3000))
    with side.doing("a daily copy"), suppress(OSError, sqlite3.Error):
        make_copy(store.home, store.home / DATABASE, threading.Event(), day)


def backup(folder: Path, store: Store, side: Side, random: Random) -> None:
    """Back the home up; the backup before the last one goes."""
    target = folder / f"backup-{random.getrandbits(48):012x}"
    before = sorted(folder.glob("backup-*"), key=lambda one: one.stat().st_mtime_ns)
    with side.doing("a backup"):
        back_up(store.home, target)
    side.done("backed up", folder=target.name)
    for old in before[:-1]:
        side.done("backup removed", folder=old.name)
        shutil.rmtree(old)


def lock(store: Store, side: Side, random: Random) -> None:
    """Lock the database for a moment, as another program does: events wait, and go on to a file."""
    other = sqlite3.connect(store.home / DATABASE, isolation_level=None, timeout=0.5)
    with closing(other), suppress(sqlite3.OperationalError), side.doing("a locked database"):
        other.execute("BEGIN IMMEDIATE")
        time.sleep(random.uniform(0.1, 0.8))


Task = Callable[[Store, Side, Random], None]


def _again_and_again(task: Task, wait_s: float, store: Store, side: Side, random: Random, end: threading.Event) -> None:
    try:
        while not end.wait(random.uniform(0, wait_s)):
            with suppress(RecordsError):  # locked just now, or closed
                task(store, side, random)
    except BaseException:
        side.bug()
        raise


def _take_in(side: Side, folders: Sequence[Path], home: Path, call: Call) -> list[str]:
    if not any(any(folder.glob("*")) for folder in folders):
        return take_in_files(folders, home, call)
    with side.doing("taking in what waited in files"):
        told = take_in_files(folders, home, call)
    side.done("taken in")
    return told


def _close_left(side: Side, *words: Any) -> list[str]:
    with side.doing("closing what a crash left"):
        return break_off_left_open(*words)


def run(home: Path, folder: Path, seed: int) -> None:
    """Run until killed: open the home, let all go on, close it, and again.

    Args:
        home: the home folder.
        folder: takes the side file and the backups.
        seed: of all chance.
    """
    side, random = Side(folder), Random(seed)
    engine.BUSY_MS = BUSY_MS
    replaced = {
        "Backlog": partial(Backlog, limit=WAITING),
        "take_in_files": partial(_take_in, side),
        "break_off_left_open": partial(_close_left, side),
    }
    for name, mine in replaced.items():
        setattr(store_module, name, mine)
    try:
        while True:
            _session(home, folder, side, random)
    except BaseException:
        side.bug()
        raise


def _session(home: Path, folder: Path, side: Side, random: Random) -> None:
    with side.doing("opening the home"):
        store = Store.open(home)
    side.done("open")
    end = threading.Event()
    beside: list[tuple[Task, float]] = [
        (review, 0.2), (review, 0.2), (make_room, 0.5), (copy_daily, 2.0), (partial(backup, folder), 2.0), (lock, 2.0),
    ]  # fmt: skip
    threads = [
        threading.Thread(target=_again_and_again, args=(*one, store, side, Random(random.random()), end), daemon=True)
        for one in beside
    ]
    threading.Timer(random.uniform(1.0, 6.0), end.set).start()
    for thread in threads:
        thread.start()
    Line(store, side, random, end).run()
    for thread in threads:
        thread.join()
    with side.doing("closing the home"), suppress(RecordsError):  # what waits is left in a file
        store.close()
