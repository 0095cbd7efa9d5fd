"""This module fills a home with years of a mill's rolls, for measuring how fast the records answer; the same seed gives
the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from station.contract import DefectKind
from station.local_time import local
from station.recipe import Recipe
from station.records.rows import Verdict
from station.records.schema import now
from station.records.store import Store

FABRICS, VERSIONS, LOOMS = 20, 3, 12
LINES, WIDTH_PX, MM = 20_000, 3_200, 0.5
EVERY_MIN = 100.0
"""A roll begins every so many minutes, so 10,000 are about two years."""
PEOPLE = ("ann", "bob", "chen", "dora", "emil")
TRAINEE = "trainee"
KINDS = tuple(map(str, DefectKind))[:4]
SHARES = (0.2, 0.25, 0.45, 0.1)
LATE = 0.9
"""The rolls after this share of them wait for their review."""
SHA = "ab" * 32


@dataclass(frozen=True)
class Made:
    """This is what was made: the home, and how many rows of what."""

    home: Path
    rolls: int
    defects: int
    reviews: int


def fabric_name(number: int) -> str:
    """Return the name of a fabric by its number from 0."""
    return f"style-{number:02d}"


def loom_name(number: int) -> str:
    """Return the name of a loom by its number from 0."""
    return f"loom {number + 1}"


def fill(home: Path, rolls: int = 10_000, defects: int = 1_000_000, seed: int = 0) -> Made:
    """Make a home with so many rolls and defects, and reviews of most; its folder must not have records yet."""
    rng = np.random.default_rng(seed)
    with Store.open(home) as store:
        for number in range(FABRICS):
            for version in range(1, VERSIONS + 1):
                recipe = Recipe(
                    fabric=fabric_name(number), model_sha256=SHA, encoder="light", threshold=2.0, mm_per_px=MM
                )
                store.save_recipe(recipe, "ann", f"version {version}")
    began = now().replace(microsecond=0) - timedelta(minutes=EVERY_MIN * rolls)
    counts = np.bincount(rng.integers(0, rolls, defects), minlength=rolls)
    with closing(sqlite3.connect(home / "station.db", isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -262144")
        database.execute("BEGIN")
        _insert(database, "roll", _rolls(rng, rolls, began))
        _insert(database, "stretch", _stretches(rolls))
        rows = _defects(rng, counts, began)
        _insert(database, "defect", rows)
        reviews = _reviews(database)
        for statement in COUNTS:
            database.execute(statement)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Made(home, rolls, defects, reviews)


def counted(home: Path) -> Made:
    """Return what a home that was made before has."""
    with closing(sqlite3.connect(home / "station.db")) as database:
        numbers = [
            database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("roll", "defect", "review")
        ]
    return Made(home, *map(int, numbers))


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    marks = ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"

    def values() -> Iterator[tuple[Any, ...]]:
        yield tuple(first.values())
        for row in rows:
            yield tuple(row.values())

    database.executemany(statement, values())


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _rolls(rng: np.random.Generator, rolls: int, began: datetime) -> Iterator[dict[str, Any]]:
    fabrics, looms = rng.integers(0, FABRICS, rolls).tolist(), rng.integers(0, LOOMS, rolls).tolist()
    for index in range(rolls):
        start = began + timedelta(minutes=EVERY_MIN * index)
        version = 1 + index * VERSIONS // rolls
        yield {
            "id": index + 1, "name": f"R{index + 1:06d}", "recipe_id": fabrics[index] * VERSIONS + version,
            "camera_id": "cam", "station": "here", "started_at": _text(start),
            "touched_at": _text(start + timedelta(minutes=90)), "ended_at": _text(start + timedelta(minutes=90)),
            "ended_how": "ended", "lines_acquired": LINES, "lines_inspected": LINES - 200, "lines_uninspected": 200,
            "lines_repeated": 0, "judged_lines": LINES - 200, "judged_line_px": (LINES - 200) * WIDTH_PX,
            "mm_per_px": MM, "mm_per_line": MM, "unverified": "", "events_lost": 0, "clock_shift_s": 0.0,
            "loom": loom_name(looms[index]), "keep": 0,
        }  # fmt: skip


def _stretches(rolls: int) -> Iterator[dict[str, Any]]:
    for roll_id in range(1, rolls + 1):
        for first, end, reason in ((0, 9_000, None), (9_000, 9_200, "overload"), (9_200, LINES, None)):
            yield {"roll_id": roll_id, "first_line": first, "end_line": end, "reason": reason}


def _defects(rng: np.random.Generator, counts: np.ndarray, began: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of all rolls in the order of the cloth; of the late ones nobody has reviewed any."""
    for index, count in enumerate(counts.tolist()):
        start = began + timedelta(minutes=EVERY_MIN * index)
        lines = np.sort(rng.integers(0, LINES - 700, count)).tolist()
        columns = rng.integers(0, WIDTH_PX - 700, count).tolist()
        lengths, widths = rng.lognormal(2.2, 1.1, count).clip(1, 320), rng.lognormal(1.6, 0.9, count).clip(1, 320)
        ratios = rng.lognormal(0.25, 0.35, count).tolist()
        kinds = rng.choice(len(KINDS), count, p=SHARES).tolist()
        chances, whos = rng.random(count).tolist(), rng.integers(0, len(PEOPLE), count).tolist()
        is_late = index >= LATE * len(counts)
        for at in range(count):
            found = start + timedelta(seconds=90 * 60 * lines[at] / LINES)
            length, width = float(lengths[at]), float(widths[at])
            is_reject = ratios[at] >= 1.0 and chances[at] < 0.95
            verdict = None if is_late or not is_reject else _verdict(chances[at])
            trainee = chances[at] < 0.0005
            yield {
                "roll_id": index + 1, "number": at + 1, "first_line": lines[at],
                "end_line": lines[at] + int(2 * length) + 1, "first_px": columns[at],
                "end_px": columns[at] + int(2 * width) + 1, "length_mm": length, "width_mm": width,
                "area_mm2": length * width, "position_mm": lines[at] * MM, "across_mm": columns[at] * MM,
                "score": 2.0 * ratios[at], "kind": KINDS[kinds[at]], "is_reject": int(is_reject), "closed": 1,
                "found_at": _text(found), "changed_at": _text(found), "verdict": verdict,
                "reviewed_by": None if verdict is None else TRAINEE if trainee else PEOPLE[whos[at]],
                "needs_review": int(is_reject and verdict in (None, str(Verdict.UNSURE))),
                "hour": local(found).hour, "ratio": ratios[at], "extent": max(length, width),
            }  # fmt: skip


def _verdict(chance: float) -> str | None:
    if chance < 0.62:
        return str(Verdict.CONFIRMED)
    return str(Verdict.FALSE_ALARM) if chance < 0.8 else str(Verdict.UNSURE) if chance < 0.82 else None


def _reviews(database: sqlite3.Connection) -> int:
    database.execute(
        "INSERT INTO review (defect_id, verdict, at, who, note, act) SELECT id, verdict, changed_at, reviewed_by, '', "
        "-id FROM defect WHERE verdict IS NOT NULL"
    )
    database.execute(
        "INSERT INTO opinion (defect_id, who, found_at, verdict) SELECT id, reviewed_by, found_at, verdict FROM defect "
        "WHERE verdict IS NOT NULL"
    )
    return int(database.execute("SELECT COUNT(*) FROM review").fetchone()[0])


COUNTS = (
    "INSERT INTO tally (roll_id, kind, verdict, is_reject, missed, count) SELECT roll_id, kind, COALESCE(verdict, ''), "
    "is_reject, missed, COUNT(*) FROM defect WHERE merged_into IS NULL GROUP BY 1, 2, 3, 4, 5",
    "INSERT INTO kind_tally (roll_id, kind, defects, rejects, confirmed, false_alarms, missed) SELECT roll_id, kind, "
    "SUM(count), SUM(count * (is_reject AND NOT missed)), "
    "SUM(count * (is_reject AND NOT missed AND verdict = 'confirmed')), "
    "SUM(count * (is_reject AND NOT missed AND verdict = 'false alarm')), "
    "SUM(count * (missed AND verdict <> 'false alarm')) FROM tally GROUP BY 1, 2",
)
