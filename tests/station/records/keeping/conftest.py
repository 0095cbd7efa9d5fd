"""Rolls with pictures that were judged and reviewed in every way, and the recordings of two of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import EncoderReading, LineBlock
from drivers.recording.format import Entry, RecordingMetadata, What
from drivers.recording.writer import RecordingWriter
from station.contract import DefectChanged, Ledger, RollEnded, RowJudged, Severity
from station.records import audit
from station.records.history import RECORDED_IN, History
from station.records.keeping.round import Round
from station.records.keeping.settings import RetentionSettings
from station.records.rolls import place_of
from station.records.rows import DefectFilter, Verdict
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe, picture


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


def weave(store: Store, name: str, rejects: str, *, is_open: bool = False) -> int:
    """Put a roll on record; each sign is a defect with a picture: . passes, x is a reject.  Returns the roll's
    number."""
    store.begin_roll(name, make_recipe(), "cam")
    store.write(RowJudged(0, 100, np.ones(50, np.float32), width_px=512))
    for number, sign in enumerate(rejects, start=1):
        scores = np.full((20, 20), 2.0, np.float32)
        store.write(DefectChanged(make_defect(number, is_reject=sign == "x", crop=picture(40, 40), crop_scores=scores)))
    if not is_open:
        store.write(RollEnded(name, Ledger(100, 100, 0)))
    assert store.flush()
    return History(store).roll(name).id


def review(store: Store, roll_id: int, number: int, verdict: Verdict) -> None:
    row = next(row for row in History(store).defects(DefectFilter(roll_id)) if row.number == number)
    store.review(row.id, verdict, "ann")


def pictures(home: Path, roll_id: int) -> set[str]:
    """Names of the pictures of a roll that lie there: ``1-crop`` and so on."""
    return {file.stem for file in (home / "images" / str(roll_id)).glob("*.png")}


def record_cloth(
    shelf: Path, name: str, roll: str | None, hours_ago: float, lines: int = 400, told: Store | None = None
) -> Path:
    """Record cloth of a roll; ``told`` is told of it, as the line does."""
    folder = shelf / name
    folder.mkdir(parents=True)
    started = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
    metadata = RecordingMetadata(camera_id="cam", width_px=512, channels=1, started_at=started, roll=roll)
    writer = RecordingWriter(folder, metadata)
    noise = np.random.default_rng(1).integers(0, 255, (lines, 512), np.uint8)
    block = LineBlock(pixels=noise, first_line=0, ticks_per_line=1.0, captured_ns=0, camera_id="cam")
    writer.write(Entry(What.BLOCK, 0, EncoderReading(0, 0.0), block))
    writer.close()
    for segment in folder.iterdir():
        when = time.time() - 3600 * hours_ago
        os.utime(segment, (when, when))
    if told is not None and roll is not None:
        notice, place = f"Roll {roll}{RECORDED_IN}{folder}.", place_of(History(told).roll(roll).id)
        told.call(lambda session: audit.append(session, f"notice: {Severity.INFO}", "", notice, "line", place))
    return folder


Look = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def look(store: Store, home: Path) -> Look:
    """Look once at a disk of so many bytes; return kind and text of what is told."""

    def run(
        disk: int = 10**12,
        settings: RetentionSettings | None = None,
        days_later: float = 0.0,
        shelf: Path | None = None,
    ) -> list[tuple[str, str]]:
        made = Round(
            store,
            settings or RetentionSettings(disk_share=0.5),
            shelf or home / "recordings",
            disk=lambda _: disk,
            at=lambda: datetime.now(UTC) + timedelta(days=days_later),
            go_on=lambda: True,
        )
        return [(kind, f"{notice.severity}: {notice.text}") for kind, notice in made.run()]

    return run
