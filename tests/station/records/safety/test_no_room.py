"""A disk without a byte left: inspection goes on, what is not saved is said, and saving goes on by itself."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from station.contract import DefectChanged, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.records import store as store_module
from station.records import writer as writer_module
from station.records.history import History
from station.records.rolls import Entry
from station.records.rows import DefectFilter
from station.records.safety.backlog import Backlog
from station.records.safety.spill import Spill
from station.records.schema import now
from station.records.store import Store
from tests.rigs.records import eventually, make_defect, make_recipe, picture, run_on_disk


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A disk that takes neither pictures nor spilled events while this list is not empty; memory for five pictures."""
    is_full: list[bool] = []
    save, write = writer_module.save_pictures, Spill.append

    def refuse(*words: object) -> object:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(writer_module, "save_pictures", refuse)
    monkeypatch.setattr(Spill, "append", lambda *words: not is_full and write(*words))
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    size = picture().nbytes
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(spill, limit_bytes=5 * size))
    return is_full


def test_with_no_room_for_pictures_anywhere_the_defects_are_still_told(home: Path, full: list[bool]) -> None:
    with Store.open(home) as store:
        name = store.begin_roll(None, make_recipe(), "cam")
        full.append(True)
        for number in range(1, 21):
            assert store.write(DefectChanged(make_defect(number, crop=picture()))), "the line goes on"
        assert eventually(lambda: (lag := store.lag()) is not None and "disk is full" in lag.why)
        lag = store.lag()
        assert lag is not None
        assert (lag.events, lag.unpictured) == (20, 15)
        assert lag.text.endswith("; pictures of 15 defects are not saved")
        assert store.lost == 0
        full.clear()
        assert store.flush()
        store.write(DefectChanged(make_defect(21, crop=picture())))
        assert store.flush()
        assert eventually(lambda: store.lag() is None)
        history = History(store)
        rows = history.defects(DefectFilter(history.roll(name).id))
        assert [row.number for row in rows] == list(range(1, 22))
        assert [row.number for row in rows if row.crop_file is not None] == [1, 2, 3, 4, 5, 21]
        assert not history.roll(name).incomplete, "no event is lost"
        assert any("pictures of 15 defects are not saved" in notice.text for notice in store.take_notices())
    with Store.open(home) as store, store.read_engine.connect() as connection:
        (resumed,) = connection.exec_driver_sql("SELECT new FROM event WHERE action = 'records resumed'").one()
    assert "pictures of 15 defects are not saved" in resumed


def row(number: int, width_px: int = 500) -> RowJudged:
    return RowJudged(20 * number, 20 * number + 24, np.full(3, number, np.float32), width_px=width_px)


def test_rows_of_the_profile_that_no_longer_fit_are_joined_and_none_of_their_scores_is_lost() -> None:
    backlog = Backlog(None, limit=400)
    entries = [
        Entry(7, DefectChanged(make_defect(number)) if number % 50 == 0 else row(number, 400 + number // 1000), now())
        for number in range(3000)
    ]
    assert all(map(backlog.put, entries))
    assert len(backlog) <= 400
    assert backlog.take_joined() == 3000 - len(backlog)
    assert backlog.take_joined() == 0
    held = []
    while batch := backlog.next_batch(100, 8):
        held += batch
        assert backlog.take_off(batch) == []
    rows = [one.event for one in held if isinstance(one.event, RowJudged)]
    told = [one.event for one in entries if isinstance(one.event, RowJudged)]
    assert np.array_equal(np.concatenate([one.peaks for one in rows]), np.concatenate([one.peaks for one in told]))
    seen = {line for one in rows for line in range(one.first_line, one.end_line)}
    assert seen == {line for one in told for line in range(one.first_line, one.end_line)}
    assert {one.width_px for one in rows} == {400, 401, 402}
    assert [one.event.defect.number for one in held if isinstance(one.event, DefectChanged)] == list(range(0, 3000, 50))


def test_a_roll_goes_on_over_more_events_than_fit_and_is_whole_once_the_disk_is_back(
    home: Path, full: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(spill, limit=300))
    monkeypatch.setattr(writer_module, "BATCH_PICTURED", 1)
    with Store.open(home) as store:
        name = store.begin_roll(None, make_recipe(), "cam")
        full.append(True)
        assert store.write(DefectChanged(make_defect(1, crop=picture())))
        assert all(store.write(row(number)) for number in range(2000))
        store.write(StretchClosed(Stretch(0, 40_004)))
        assert not store.flush(0.2)
        full.clear()
        assert store.write(RollEnded(name, Ledger(40_004, 40_004, 0)))
        assert store.flush()
        assert store.lost == 0
        history = History(store)
        roll = history.roll(name)
        firsts, peaks = history.profile(roll.id)
    assert not roll.incomplete
    assert roll.web_width_px == 500
    assert peaks.tolist() == [number for number in range(2000) for _ in range(3)]
    assert (np.diff(firsts) >= 0).all()


NO_BYTE_FREE = """
import os, shutil
from station.records.keeping.retention import Retention
from station.records.keeping.settings import RetentionSettings
store = Store.open(home)
name = store.begin_roll(None, make_recipe(), "cam")
assert store.flush()
with (home / "ballast").open("wb", buffering=0) as ballast:
    for size in (1 << 16, 1 << 12, 1):
        try:
            while True:
                ballast.write(bytes(size))
        except OSError:
            pass
    assert shutil.disk_usage(home).free == 0
    retention = Retention(store, RetentionSettings(), home / "recordings")
    try:
        retention.look()
    except Exception as error:
        print(type(error).__name__)
    for number in range(1, 61):
        assert store.write(DefectChanged(make_defect(number, crop=picture(60, 60)))), number
    assert not store.flush(1)
    print(store.lag().text, store.lag().why)
(home / "ballast").unlink()
assert store.flush() and store.lost == 0
rows = History(store).defects(DefectFilter(1, limit=10000))
print(len(rows), sum(row.crop_file is not None for row in rows))
retention.look()
store.close()
"""


@pytest.mark.slow
def test_on_a_disk_with_no_byte_left_the_line_goes_on_and_saving_resumes(tmp_path: Path) -> None:
    outcome = run_on_disk("size=12m", NO_BYTE_FREE, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    *_, lag, saved = outcome.stdout.splitlines()
    assert "The record lags: 60 events" in lag
    assert "the disk is full; free some space" in lag
    assert saved == "60 60"
