"""Taking in counts nothing twice, places nothing wrongly, bars no start and removes only what went in whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from station.contract import DefectChanged, Event, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.records.history import History
from station.records.rolls import Entry
from station.records.rows import RollMeasures
from station.records.safety.spill import RollHeader, Spill
from station.records.safety.take_in import roll_header
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe


def left(home: Path, events: list[Event], header: RollHeader | None = None, lost: int = 0) -> Path:
    """An earlier run left a file with these events of its roll number 1."""
    spill = Spill([home / "unrecorded"], lambda _: header)
    for number, event in enumerate(events):
        assert spill.append(number, Entry(1, event, datetime.now(UTC)))
    if lost:
        assert spill.note_loss(1, lost, "no room")
    (file,) = spill.files
    spill.close()
    return file


def header_of(name: str, started_at: datetime, threshold: float = 2.0) -> RollHeader:
    recipe = make_recipe(threshold=threshold)
    return roll_header(name, recipe, "cam", "here", started_at, RollMeasures.uncalibrated(recipe))


def told_at_start(home: Path) -> str:
    with Store.open(home) as store:
        return " ".join(notice.text for notice in store.take_notices())


def begun(home: Path, *events: Event) -> datetime:
    with Store.open(home) as store:
        store.begin_roll("a", make_recipe(), "cam")
        for event in events:
            store.write(event)
        assert store.flush()
        return History(store).roll("a").started_at


def cloth(*ends: int) -> list[Event]:
    return [StretchClosed(Stretch(first, end)) for first, end in zip((0, *ends), ends, strict=False)]


def test_what_a_break_off_inferred_gives_way_to_what_was_told(home: Path) -> None:
    judged = [RowJudged(first, first + 70, np.ones(2, np.float32)) for first in (0, 70, 140)]
    started = begun(home, *cloth(70), *judged)
    with Store.open(home) as store:
        assert History(store).roll("a").ledger == Ledger(210, 140, 70)
    left(home, [*cloth(70, 330), *judged, RollEnded("a", Ledger(330, 330, 0))], header_of("a", started))
    told_at_start(home)
    with Store.open(home) as store:
        roll = History(store).roll("a")
        assert (roll.ledger, roll.events_lost, roll.broken_off) == (Ledger(330, 330, 0), 0, False)
        assert History(store).profile(roll.id)[0].tolist() == [0, 0, 70, 70, 140, 140]


def test_another_roll_of_the_same_name_is_not_touched(home: Path) -> None:
    started = begun(home, *cloth(40), RollEnded("a", Ledger(40, 40, 0)))
    events = [*cloth(90), RollEnded("a", Ledger(90, 90, 0))]
    for _ in range(2):
        left(home, events, header_of("a", started - timedelta(days=1)))
        assert "roll a is a (2) here" in told_at_start(home)
    with Store.open(home) as store:
        history = History(store)
        assert [roll.name for roll in history.rolls()] == ["a (2)", "a"]
        assert (history.roll("a").ledger, history.roll("a").events_lost) == (Ledger(40, 40, 0), 0)
        assert history.roll("a (2)").events_lost > 0


def test_files_that_went_in_already_are_not_counted_again(home: Path) -> None:
    started = begun(home)
    file = left(home, cloth(50), header_of("a", started), lost=4)
    content = file.read_bytes()
    told_at_start(home)
    file.write_bytes(content)
    assert told_at_start(home) == ""
    assert not file.exists()
    with Store.open(home) as store:
        assert History(store).roll("a").events_lost == 4


def test_one_unfit_event_costs_only_itself(home: Path) -> None:
    started = begun(home)
    defects = [DefectChanged(make_defect(n, score=float("nan") if n == 3 else 3.0)) for n in range(1, 8)]
    file = left(home, defects, header_of("a", started))
    assert "1 do not fit" in told_at_start(home)
    assert Path(f"{file}.kept").exists()
    with Store.open(home) as store:
        assert (History(store).roll("a").defects, History(store).roll("a").events_lost) == (6, 1)


def spoil_header(line: bytes) -> bytes:
    return line.replace(b'"camera_id"', b'"camera-id"')


@pytest.mark.parametrize(("copies", "known"), [(1, True), (2, False)])
def test_a_damaged_header_costs_no_event_and_no_file(home: Path, copies: int, known: bool) -> None:
    begun(home)
    file = left(home, cloth(60, 80), header_of("b", datetime.now(UTC) + timedelta(days=1)))
    lines = file.read_bytes().splitlines(keepends=True)
    for number in [number for number, line in enumerate(lines) if b'"header"' in line][:copies]:
        lines[number] = spoil_header(lines[number])
    file.write_bytes(b"".join(lines))
    told = told_at_start(home)
    assert Path(f"{file}.kept").exists()
    with Store.open(home) as store:
        assert ("b" in [roll.name for roll in History(store).rolls()]) is known
    assert "lines are damaged" in told


def test_a_recipe_of_another_content_is_put_under_the_next_version(home: Path) -> None:
    begun(home, *cloth(10))
    left(home, cloth(20), header_of("b", datetime(2026, 1, 1, tzinfo=UTC), threshold=3.5))
    assert "1 events of roll b" in told_at_start(home)
    with Store.open(home) as store:
        assert History(store).roll("b").recipe_version == 2


def header_without_recipe() -> RollHeader:
    return header_of("b", datetime(2026, 1, 1, tzinfo=UTC)) | {"recipe": "{}"}


def header_without_name() -> RollHeader:
    return {"started_at": "2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize("header", [header_without_recipe, header_without_name])
def test_a_file_that_fits_no_record_bars_no_start(home: Path, header: Callable[[], RollHeader]) -> None:
    file = left(home, cloth(20), header())
    assert f"{file}.refused" in told_at_start(home)
    assert told_at_start(home) == ""
