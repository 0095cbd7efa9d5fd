"""This module measures how fast the records answer with years of rolls in them, and what writing costs:
``make bench-records`` writes docs/results/records.md.

Each question is asked ``ROUNDS`` times after one that warms up; the 95th percentile counts, against its limit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from benchmarks.figures import commit
from benchmarks.many_rolls import TRAINEE, Made, counted, fabric_name, fill, loom_name
from station.commands.bench.processor import processor
from station.contract import Defect, DefectChanged, DefectKind, Event
from station.recipe import Recipe
from station.records.defects.marks import marks
from station.records.defects.search import DefectQuery, DefectSearch, Page
from station.records.defects.summaries import Span, Summaries
from station.records.engine import default_url, make_engine
from station.records.history import History
from station.records.rolls import Entry, keep
from station.records.rows import RollFilter, Verdict
from station.records.schema import now
from station.records.store import Store

PAGE = Path("docs/results/records.md")
ROUNDS = 40
PAGES_IN = 20
DEFECTS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Measured:
    """A question with its limit, the median and the 95th percentile, all in ms, and how many rows it gave."""

    name: str
    limit_ms: float
    median_ms: float
    p95_ms: float
    rows: int

    @property
    def keeps(self) -> bool:
        """Say whether the limit is kept."""
        return self.p95_ms <= self.limit_ms


def named_queries(newest: datetime) -> dict[str, DefectQuery]:
    """Return ten combinations of filters as people use them; ``newest`` is the time of the last defect."""
    month, quarter = newest - timedelta(days=30), newest - timedelta(days=90)
    fabric, loom = fabric_name(3), loom_name(4)
    return {
        "newest rejects": DefectQuery(rejects=True),
        "needs review": DefectQuery(needs_review=True),
        "needs review on one loom": DefectQuery(needs_review=True, loom=loom),
        "one fabric, last month": DefectQuery(fabric=fabric, since=month),
        "weft lines of one loom": DefectQuery(loom=loom, kind=DefectKind.WEFT_LINE),
        "rejects of the night shift, a quarter": DefectQuery(rejects=True, hours=(22, 6), since=quarter),
        "false alarms of one fabric": DefectQuery(fabric=fabric, verdict=Verdict.FALSE_ALARM),
        "unsure, by one reviewer": DefectQuery(reviewer=TRAINEE, verdict=Verdict.UNSURE),
        "longer than 230 mm and faint": DefectQuery(least=230.0, rejects=True, most_score=0.55),
        "all at once": DefectQuery(
            since=newest - timedelta(days=365), until=month, hours=(14, 22), fabric=fabric, loom=loom,
            kind=DefectKind.SPOT, least=20.0, least_score=0.6, most_score=0.8, verdict=Verdict.CONFIRMED,
        ),
    }  # fmt: skip


def measure(home: Path, rounds: int = ROUNDS) -> list[Measured]:
    """Ask all questions of a home that :func:`benchmarks.many_rolls.fill` made."""
    opening = [_seconds(lambda: _opened(home)) for _ in range(6)]
    done = [_of("opening the home", 1000.0, opening[1:], 1)]
    with Store.open(home) as store:
        history, search = History(store), DefectSearch(store.read_engine, home)
        newest = search.page(DefectQuery(), size=1).rows[0].found_at
        for name, query in named_queries(newest).items():
            done.append(_asked(name, 100.0, lambda query=query: len(search.page(query).rows), rounds))  # type: ignore[misc]
        deep = _deep(search, DefectQuery(rejects=True))
        done.append(_asked(f"page {PAGES_IN} of the newest rejects", 100.0, lambda: len(deep().rows), rounds))
        rolls = history.rolls(RollFilter(limit=50))
        fullest = max(rolls, key=lambda roll: roll.defects)
        engine = store.read_engine
        done.append(_asked("a roll's map", 50.0, lambda: len(marks(engine, fullest.id)), rounds))
        done.append(_asked("first 50 rolls", 100.0, lambda: len(history.rolls(RollFilter(limit=50))), rounds))
        sums = Summaries(engine)
        done.append(_asked("Pareto of all rolls", 300.0, lambda: len(sums.pareto()), rounds))
        span = Span(since=newest - timedelta(days=90), fabric=fabric_name(3))
        done.append(_asked("Pareto of a fabric's quarter", 300.0, lambda: len(sums.pareto(span)), rounds))
        done.append(_asked("trend by day, all rolls", 300.0, lambda: len(sums.trend()), rounds))
        done.append(_asked("loom table, all rolls", 300.0, lambda: len(sums.looms()), rounds))
        done.append(_asked("review counts of all recipes", 300.0, lambda: len(sums.recipes()), rounds))
    return done


def _opened(home: Path) -> int:
    with Store.open(home) as store:
        return len(History(store).rolls(RollFilter(limit=50)))


def _deep(search: DefectSearch, query: DefectQuery) -> Callable[[], Page]:
    after = None
    for _ in range(PAGES_IN - 1):
        after = search.page(query, after).next
        if after is None:
            break
    return lambda: search.page(query, after)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _asked(name: str, limit_ms: float, run: Callable[[], int], rounds: int) -> Measured:
    rows = run()
    return _of(name, limit_ms, [_seconds(run) for _ in range(rounds)], rows)


def _of(name: str, limit_ms: float, seconds: list[float], rows: int) -> Measured:
    took_ms = 1000 * np.array(seconds)
    return Measured(name, limit_ms, float(np.median(took_ms)), float(np.percentile(took_ms, 95)), rows)


# ---------------------------------------------------------------------- writing


@dataclass(frozen=True)
class Written:
    """What it took to write so many defects in one commit: as the station does, and a raw ``executemany`` of the rows
    it made, in s."""

    defects: int
    station_s: float
    raw_s: float

    @property
    def ratio(self) -> float:
        """Give how many times as long the station takes."""
        return self.station_s / self.raw_s


def write_many(home: Path, defects: int = DEFECTS_AT_ONCE, rounds: int = 5) -> Written:
    """Write so many defects in one commit, by turns as the station does and as raw rows; the medians count."""
    recipe = Recipe(fabric="written", model_sha256="cd" * 32, encoder="light", threshold=2.0, mm_per_px=0.5)
    station, raw = [], []
    engine = make_engine(default_url(home), read_only=False)
    for turn in range(rounds):
        with Store.open(home) as store:
            roll_id = History(store).roll(store.begin_roll(None, recipe, "cam")).id
            entries = [Entry(roll_id, event, now()) for event in _many(defects, turn)]
            started = time.perf_counter()
            with Session(engine, expire_on_commit=False) as session, session.begin():
                keep(session, entries, {})
            station.append(time.perf_counter() - started)
            other_id = History(store).roll(store.begin_roll(None, recipe, "cam")).id
        with closing(sqlite3.connect(home / "station.db", isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            raw.append(_raw(database, roll_id, other_id))
    return Written(defects, float(np.median(station)), float(np.median(raw)))


def _raw(database: sqlite3.Connection, roll_id: int, other_id: int) -> float:
    """Write the rows of a roll again, as those of another one; return how long that took, in s."""
    cursor = database.execute("SELECT * FROM defect WHERE roll_id = ? ORDER BY id", (roll_id,))
    names = [column[0] for column in cursor.description]
    rows = [(None, other_id, *row[2:]) for row in cursor]
    assert names[:2] == ["id", "roll_id"]
    marks_ = ", ".join("?" * len(names))
    started = time.perf_counter()
    database.execute("BEGIN IMMEDIATE")
    database.executemany(f"INSERT INTO defect VALUES ({marks_})", rows)
    database.execute("COMMIT")
    return time.perf_counter() - started


def _many(defects: int, seed: int) -> Iterator[Event]:
    rng = np.random.default_rng(seed)
    for number in range(1, defects + 1):
        line, column = 4 * number, int(rng.integers(0, 3_000))
        defect = Defect(
            number=number, first_line=line, end_line=line + 6, first_px=column, end_px=column + 8, length_mm=3.0,
            width_mm=4.0, area_mm2=9.5, position_mm=line * 0.5, across_mm=column * 0.5,
            score=float(rng.uniform(1.5, 4.0)), threshold=2.0, kind=DefectKind.SPOT,
            is_reject=bool(rng.random() < 0.7), closed=True,
        )  # fmt: skip
        yield DefectChanged(defect)


# ---------------------------------------------------------------------- the page


def as_page(made: Made, done: list[Measured], written: Written) -> str:
    """Return the results page."""
    size_mb = (made.home / "station.db").stat().st_size / 1e6
    rows = [
        f"| {one.name} | {one.rows} | {one.median_ms:.1f} | {one.p95_ms:.1f} | {one.limit_ms:.0f} | "
        f"{'yes' if one.keeps else '**no**'} |"
        for one in done
    ]
    kept = "kept" if written.ratio <= 3.0 else "**not kept**"
    return "\n".join(
        [
            "# How fast the records answer",
            "",
            f"By `make bench-records` at commit {commit()}, on {processor()}, load average "
            f"{os.getloadavg()[0]:.1f} at the end, {datetime.now(UTC):%Y-%m-%d}.  A home with "
            f"{made.defects:,} defects and {made.reviews:,} reviews on {made.rolls:,} rolls "
            f"(`benchmarks/many_rolls.py`; {size_mb:.0f} MB).  Each question is asked {ROUNDS} times "
            "after one that warms up; opening five times.  A page has 100 defects, found by the one before (time "
            "and number), without a count of all.",
            "",
            "| question | rows | median ms | 95th percentile ms | limit ms | kept |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"{written.defects:,} defects in one commit take {written.station_s * 1000:.0f} ms, with alarms and "
            "counts; a raw `executemany` of the same rows into the same table takes "
            f"{written.raw_s * 1000:.0f} ms in the same run: {written.ratio:.2f} times as long (limit 3: {kept}).",
            "",
        ]
    )


@contextmanager
def _scratch(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home
        return
    folder = Path(tempfile.mkdtemp(prefix="bench-records-"))
    try:
        yield folder / "home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Fill, measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rolls", type=int, default=10_000)
    parser.add_argument("--defects", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="a home to make, or made so; default: a scratch folder that goes")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    with _scratch(given.home) as home:
        made = counted(home) if (home / "station.db").exists() else fill(home, given.rolls, given.defects)
        done = measure(home)
        text = as_page(made, done, write_many(home))
    given.page.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
