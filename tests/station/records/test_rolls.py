"""What the line tells of a roll is what the history gives back."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.contract import (
    DefectChanged,
    DefectKind,
    Ledger,
    Notice,
    RollEnded,
    RollStarted,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.recipe import NO_DECISION
from station.records import rolls
from station.records.engine import make_engine
from station.records.history import History
from station.records.rows import DefectFilter, RecordsError, StretchRow
from station.records.store import Store
from station.state.defect import Look
from tests.rigs.records import make_defect, make_recipe, picture


def audit_rows(home: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(home / "station.db") as connection:
        return connection.execute("SELECT action, new FROM event ORDER BY id").fetchall()


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_home_and_database_are_their_owners_only(store: Store, home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for name in ("station.db", "station.db-wal"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def test_pragmas_of_the_writer_and_of_readers(store: Store, home: Path) -> None:
    writer = make_engine(f"sqlite:///{home / 'station.db'}", read_only=False)
    with writer.connect() as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert told == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    writer.dispose()
    with store.read_engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM roll")


def test_default_names_count_within_the_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = rolls.now()
    monkeypatch.setattr(rolls, "now", lambda: moment)  # midnight may be near
    day = f"{moment.astimezone():%Y-%m-%d}"
    names = [store.begin_roll(None, make_recipe(), "cam") for _ in range(2)]
    store.begin_roll(f"{day}-041", make_recipe(), "cam")
    store.begin_roll(f"{day}-x", make_recipe(), "cam")
    names.append(store.begin_roll(None, make_recipe(), "cam"))
    assert names == [f"{day}-001", f"{day}-002", f"{day}-042"]


@pytest.mark.parametrize("name", ["", "  ", "a\n", "-x", "x" * 65, "a\x00b", "a\u202eb", "\ufeffa"])
def test_unfit_names_are_refused(store: Store, name: str) -> None:
    with pytest.raises(RecordsError, match="is not a name for a roll"):
        store.begin_roll(name, make_recipe(), "cam")


def test_a_taken_name_is_refused_and_the_next_roll_still_opens(store: Store, history: History) -> None:
    store.begin_roll("../../4711", make_recipe(), "cam")  # never a path, so no harm
    with pytest.raises(RecordsError, match="already a roll"):
        store.begin_roll("../../4711", make_recipe(), "cam")
    assert store.begin_roll("4712", make_recipe(), "cam") == "4712"
    assert [roll.name for roll in history.rolls()] == ["4712", "../../4711"]


def test_a_growing_defect_is_one_row_with_its_last_state(store: Store, history: History, home: Path) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    crop, heat = picture(), np.linspace(0, 1.2, 96, dtype=np.float32).reshape(8, 12)
    for end in (20, 400):
        store.write(DefectChanged(make_defect(1, end_line=end, closed=False, is_reject=False)))
        assert store.flush()
    closed = make_defect(1, end_line=9000, kind=DefectKind.WARP_LINE, crop=crop, crop_scores=4 * heat, parts=7)
    store.write(DefectChanged(closed))
    assert store.flush()

    roll = history.roll(name)
    assert (roll.defects, roll.rejects) == (1, 1)
    (row,) = history.defects(DefectFilter(roll.id))
    for field in ("number", "first_line", "first_px", "end_px", "length_mm", "area_mm2", "score", "across_mm", "parts"):
        assert getattr(row, field) == getattr(closed, field)
    assert (row.end_line, row.kind, row.closed, row.unit) == (9000, DefectKind.WARP_LINE, True, "mm")
    assert row.found_at.tzinfo is not None
    assert row.crop_file is not None
    assert row.heat_file is not None
    assert row.crop_file.is_relative_to(home / "images")
    assert np.array_equal(cv2.imread(str(row.crop_file))[:, :, ::-1], crop)
    grey = cv2.imread(str(row.heat_file), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(grey >= 128, heat >= 0.498)
    assert grey.max() == 255
    assert not list(home.glob("images/*/*.tmp"))


@pytest.mark.parametrize("look", Look)
def test_a_defect_is_on_record_with_the_look_that_saw_it_best_and_that_looks_threshold(
    store: Store, history: History, look: Look
) -> None:
    name = store.begin_roll("a", make_recipe(), "cam")
    own = 2.0 if look is Look.FINE else 0.75
    store.write(DefectChanged(make_defect(1, look=Look.FINE, closed=False)))
    store.write(DefectChanged(make_defect(1, look=look, threshold=own)))
    assert store.flush()
    (row,) = history.defects(DefectFilter(history.roll(name).id))
    assert (row.look, row.threshold) == (look, own)


def test_pictures_survive_a_later_change_without_them(store: Store, history: History) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    store.write(DefectChanged(make_defect(1, crop=picture())))
    store.flush()
    store.write(DefectChanged(make_defect(1)))
    store.flush()
    (row,) = history.defects(DefectFilter(history.roll("a").id))
    assert row.crop_file is not None


def test_a_defect_merged_into_another_is_listed_nowhere(store: Store, history: History) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    for number in (1, 2):
        store.write(DefectChanged(make_defect(number, closed=False)))
    store.flush()
    store.write(DefectChanged(make_defect(2, merged_into=1, is_reject=False)))
    store.flush()
    roll = history.roll("a")
    assert [row.number for row in history.defects(DefectFilter(roll.id))] == [1]
    assert (roll.defects, roll.rejects) == (1, 1)


def test_stretches_that_continue_are_one_and_the_ledger_follows(store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    lost = UninspectedReason.LOST_BY_CAMERA
    for stretch in (Stretch(0, 100), Stretch(100, 250), Stretch(250, 260, lost), Stretch(260, 300)):
        store.write(StretchClosed(stretch))
        store.flush()
    assert history.roll(name).ledger == Ledger(300, 290, 10)
    assert history.roll(name).ended_at is None
    store.write(RollEnded(name, Ledger(300, 290, 10, 7)))
    store.flush()
    roll = history.roll(name)
    assert roll.ledger == Ledger(300, 290, 10, 7)
    assert roll.ended_at is not None
    assert not roll.broken_off
    expected = [StretchRow(0, 250, None), StretchRow(250, 260, lost), StretchRow(260, 300, None)]
    assert history.stretches(roll.id) == expected


def test_a_ledger_that_its_stretches_do_not_bear_out_is_told(store: Store, home: Path) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    store.write(StretchClosed(Stretch(0, 100)))
    store.write(RollEnded(name, Ledger(110, 110, 0)))
    store.flush()
    assert "ledger disagrees" in [action for action, _ in audit_rows(home)]


def test_notices_go_to_the_audit_with_and_without_a_roll(store: Store, home: Path) -> None:
    store.write(Notice(Severity.WARNING, "lamp is ageing"))
    name = store.begin_roll(None, make_recipe(), "cam")
    store.write(Notice(Severity.ERROR, "camera gone"))
    store.write(Notice(Severity.INFO, "camera back"))
    store.write(RollStarted(name, "linen", 1))
    store.flush()
    told = [row for row in audit_rows(home) if row[0].startswith("notice")]
    assert told == [
        ("notice: warning", "lamp is ageing"),
        ("notice: error", "camera gone"),
        ("notice: info", "camera back"),
    ]


def test_nothing_is_recorded_without_a_roll(store: Store) -> None:
    with pytest.raises(RecordsError, match="No roll is open"):
        store.write(StretchClosed(Stretch(0, 10)))


def test_the_web_width_is_the_mean_over_judged_lines(store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    peaks = np.ones(3, np.float32)
    assert history.roll(name).web_width_px is None
    for row in (RowJudged(0, 100, peaks, width_px=1000), RowJudged(100, 400, peaks, width_px=1400)):
        store.write(row)
    store.write(RowJudged(400, 500, peaks))
    store.flush()
    assert history.roll(name).web_width_px == pytest.approx(1300)


def test_beginning_a_roll_breaks_off_the_open_one(store: Store, history: History) -> None:
    store.begin_roll("one", make_recipe(), "cam")
    store.write(StretchClosed(Stretch(0, 10)))
    store.begin_roll("two", make_recipe(), "cam")
    one = history.roll("one")
    assert one.broken_off
    assert one.ended_at is not None
    assert one.ledger == Ledger(10, 10, 0)
    assert not history.roll("two").broken_off


def test_closing_breaks_off_the_open_roll(home: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("one", make_recipe(), "cam")
        store.write(StretchClosed(Stretch(0, 10, UninspectedReason.OVERLOAD)))
    with Store.open(home) as store:
        roll = History(store).roll("one")
    assert roll.broken_off
    assert roll.ledger == Ledger(10, 0, 10)


def test_a_closed_store_says_so(home: Path) -> None:
    store = Store.open(home)
    store.close()
    store.close()
    with pytest.raises(RecordsError, match="closed"):
        store.audit("x", "", "", "me", "")


def test_a_recipe_comes_on_record_with_its_first_roll_and_stays_what_it_was(store: Store, history: History) -> None:
    recipe = make_recipe(version=7, fabric="shipped")
    store.begin_roll("a", recipe, "cam")
    store.begin_roll("b", recipe, "cam")
    assert history.recipe("shipped") == recipe
    assert history.roll("b").recipe_version == 7
    with pytest.raises(RecordsError, match="Another recipe is on record as version 7"):
        store.begin_roll("c", recipe.model_copy(update={"threshold": 9.0}), "cam")


def test_a_draft_that_decides_nothing_is_never_on_record(store: Store, history: History) -> None:
    draft = make_recipe(fabric="new", threshold=NO_DECISION)
    with pytest.raises(RecordsError, match="has no threshold yet"):
        store.save_recipe(draft, "me", "too early")
    with pytest.raises(RecordsError, match="has no threshold yet"):
        store.begin_roll("a", draft, "cam")
    assert history.recipes("new") == []
