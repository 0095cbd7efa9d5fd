"""QA's page over real records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from station.current_user import login
from station.records.history import History
from station.records.rows import DefectFilter, RollFilter, Verdict
from station.records.store import Store
from tests.rigs.scripted_core import ScriptedCore
from ui.history import filters
from ui.history.page import HistoryPage
from ui.shell import MainWindow
from ui.widgets import crops
from ui.widgets.crops import NO_PICTURES, PictureCache

OpenWindow = Callable[..., MainWindow]


@pytest.fixture
def page(open_window: OpenWindow, past_rolls: list[str], qtbot: QtBot) -> HistoryPage:
    """The page with the demo roll chosen and its gallery read."""
    made = open_window("history").history
    qtbot.waitUntil(lambda: made.rolls.rowCount() == 2)
    made.roll_view.setCurrentIndex(made.rolls.index(1))
    qtbot.waitUntil(lambda: made.opened is not None and made.opened.roll.name == past_rolls[0])
    qtbot.waitUntil(lambda: not made.worker.busy)
    return made


def test_rolls_are_listed_newest_first_and_say_what_nobody_saw(page: HistoryPage, past_rolls: list[str]) -> None:
    assert [roll.name for roll in page.rolls.rows] == past_rolls[::-1]
    words = page.rolls.index(1).data()
    assert "0.22\u2009m not inspected" in words
    assert "not inspected" not in page.rolls.index(0).data()
    assert "not inspected (hatched)" in page.about.text()


def test_the_map_shows_every_defect_and_every_gap(page: HistoryPage, history: History) -> None:
    roll = history.rolls(RollFilter(fabric="demo"))[0]
    recorded = history.defects(DefectFilter(roll.id))
    assert len(page.roll_map.defects) == len(recorded) > 0
    gaps = [(s.first_line, s.end_line) for s in history.stretches(roll.id) if s.reason is not None]
    assert list(page.roll_map.stretches) == gaps != []


def test_filters_narrow_the_list(
    page: HistoryPage, past_rolls: list[str], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = page.rolls.rows[-1].started_at.astimezone().date()

    class DayOfTheRolls(date):
        """However near midnight is."""

        @classmethod
        def today(cls) -> date:
            return day

    monkeypatch.setattr(filters, "date", DayOfTheRolls)
    page.filters.fabric.setCurrentText("twill-3")
    qtbot.waitUntil(lambda: [roll.name for roll in page.rolls.rows] == past_rolls[1:])
    page.filters.fabric.setCurrentIndex(0)
    qtbot.waitUntil(lambda: page.rolls.rowCount() == 2)
    qtbot.keyClicks(page.filters.text, "no such roll")
    qtbot.waitUntil(page.no_rolls.isVisible)
    assert page.detail.row is None
    assert not page.detail.confirm_button.isEnabled()
    page.filters.text.clear()
    page.filters.span.setCurrentText("Today")
    qtbot.waitUntil(lambda: page.rolls.rowCount() == 2)


def test_crop_and_heat_map_are_seen_side_by_side(page: HistoryPage, qtbot: QtBot) -> None:
    row = page.detail.row
    assert row is not None
    qtbot.waitUntil(lambda: page.pictures.get(row) is not None)
    pictures = page.pictures.get(row)
    assert pictures is not None
    assert pictures.crop is not None
    assert pictures.heat is not None
    assert pictures.crop.size() == pictures.heat.size()
    image = page.detail.pair.grab().toImage()
    crop, heat = image.pixelColor(80, 80), image.pixelColor(image.width() - 80, 80)
    assert crop.red() == crop.green() == crop.blue(), "the crop is grey cloth"
    assert heat.red() > heat.blue() + 40, "the middle of the heat map is hot"


def test_keys_review_a_defect_and_the_records_know_who(
    page: HistoryPage, history: History, store: Store, qtbot: QtBot
) -> None:
    window = page.window()
    first = page.detail.row
    assert first is not None
    qtbot.keyClick(window, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: page.detail.row is not None and page.detail.row.verdict is Verdict.CONFIRMED)
    assert f"by {login()}" in page.detail.fields.text("Review")
    qtbot.keyClick(window, Qt.Key.Key_N)
    second = page.detail.row
    assert second is not None
    assert second.id != first.id
    qtbot.keyClick(window, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: page.detail.row is not None and page.detail.row.verdict is Verdict.FALSE_ALARM)
    recorded = {row.id: row for row in history.defects(DefectFilter(first.roll_id))}
    assert recorded[first.id].verdict is Verdict.CONFIRMED
    assert recorded[second.id].verdict is Verdict.FALSE_ALARM
    assert recorded[first.id].reviewed_by == login()
    assert "1 confirmed" in page.counts.text()
    assert "1 false alarm " in page.counts.text() + " "
    assert [mark.key for mark in page.roll_map.defects if mark.dismissed] == [second.id]


def test_arrows_walk_the_gallery(page: HistoryPage, qtbot: QtBot) -> None:
    first = page.detail.row
    page.view.setFocus()
    qtbot.keyClick(page.view, Qt.Key.Key_Right)
    assert page.detail.row is not None
    assert first is not None
    assert page.detail.row.id == page.gallery.rows[1].id != first.id


def test_a_click_on_the_map_shows_the_defect(page: HistoryPage, qtbot: QtBot) -> None:
    mark = page.roll_map.defects[-1]
    at = page.roll_map.point_of(mark)
    qtbot.mouseClick(page.roll_map, Qt.MouseButton.LeftButton, pos=QPoint(round(at.x()), round(at.y())))
    assert page.detail.row is not None
    assert page.detail.row.id == mark.key


def test_only_what_nobody_has_reviewed(page: HistoryPage, qtbot: QtBot) -> None:
    every = page.gallery.rowCount()
    qtbot.mouseClick(page.detail.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "1 confirmed" in page.counts.text())
    page.which.setCurrentText("Not reviewed")
    assert page.gallery.rowCount() == every - 1


def test_a_picture_that_is_gone_leaves_a_dash_not_a_crash(
    open_window: OpenWindow, past_rolls: list[str], store: Store, qtbot: QtBot
) -> None:
    for file in (store.home / "images").rglob("*.png"):
        file.write_bytes(b"no picture")
    page = open_window("history").history
    qtbot.waitUntil(lambda: page.detail.row is not None)
    row = page.detail.row
    assert row is not None
    qtbot.waitUntil(lambda: page.pictures.get(row) is not None)
    pictures = page.pictures.get(row)
    assert pictures is not None
    assert pictures.crop is None
    page.detail.pair.grab()


def test_a_review_that_cannot_be_kept_is_told(page: HistoryPage, store: Store, qtbot: QtBot) -> None:
    store.close()
    qtbot.mouseClick(page.detail.false_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.detail.told.text() != "")
    assert page.detail.row is not None
    assert page.detail.row.verdict is None


def test_an_empty_house_says_so(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    page = open_window("history").history
    qtbot.waitUntil(page.no_rolls.isVisible)
    assert page.detail.row is None


def test_marks_lie_where_the_defects_lie_across_the_web(page: HistoryPage, core: ScriptedCore) -> None:
    assert page.opened is not None
    left, right = core.loop.web
    across = {mark.key: mark.across for mark in page.roll_map.defects}
    for defect in page.opened.defects:
        middle = (defect.first_px + defect.end_px) / 2
        assert across[defect.id] == pytest.approx((middle - left) / (right - left), abs=1e-6)


def test_next_is_offered_only_while_it_leads_somewhere(page: HistoryPage, qtbot: QtBot) -> None:
    assert page.opened is not None
    assert page.detail.next_button.isEnabled()
    first, *others = page.opened.defects
    passed = [replace(first, is_reject=False)]  # left to review, but hidden by the filter
    page._show_roll(replace(page.opened, defects=[*passed, *others]))
    page.which.setCurrentText("Rejects")
    rejects = [d.id for d in page.gallery.rows]
    for seen in range(len(rejects)):
        assert page.detail.next_button.isEnabled() == (seen < len(rejects) - 1)
        page.judge(Verdict.CONFIRMED)
        qtbot.waitUntil(lambda seen=seen: f"{seen + 1} confirmed" in page.counts.text())  # type: ignore[misc]
        page.next_unreviewed()
    assert f"{len(passed)} to review" in page.counts.text()
    assert not page.detail.next_button.isEnabled()
    page.which.setCurrentText("All defects")
    page.view.setCurrentIndex(page.gallery.index(1))
    assert page.detail.next_button.isEnabled()


def test_a_picture_that_comes_later_is_seen(page: HistoryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    row = page.detail.row
    assert row is not None
    assert row.crop_file is not None
    cache = PictureCache(page.worker, page)
    growing = replace(row, crop_file=None, heat_file=None)
    assert cache.get(growing) == NO_PICTURES
    cache.get(row)
    qtbot.waitUntil(lambda: cache.get(row) is not None)
    assert cache.get(row) != NO_PICTURES
    content = row.crop_file.read_bytes()
    late = replace(row, crop_file=row.crop_file.with_name("late.png"), heat_file=None)
    cache.get(late)
    qtbot.waitUntil(lambda: cache.get(late) == NO_PICTURES)
    assert late.crop_file is not None
    late.crop_file.write_bytes(content)
    assert cache.get(late) == NO_PICTURES, "not asked for at every paint"
    monkeypatch.setattr(crops, "AGAIN_S", 0.0)
    qtbot.waitUntil(lambda: cache.get(late) != NO_PICTURES)
    pictures = cache.get(late)
    assert pictures is not None
    assert pictures.crop is not None


def test_an_incomplete_roll_says_so(open_window: OpenWindow, past_rolls: list[str], store: Store, qtbot: QtBot) -> None:
    with sqlite3.connect(store.home / "station.db") as database:
        database.execute("UPDATE roll SET events_lost = 3 WHERE name = ?", (past_rolls[0],))
    made = open_window("history").history
    qtbot.waitUntil(lambda: made.rolls.rowCount() == 2)
    assert "incomplete" in made.rolls.index(1).data()
    assert "incomplete" not in made.rolls.index(0).data()
    made.roll_view.setCurrentIndex(made.rolls.index(1))
    qtbot.waitUntil(lambda: "INCOMPLETE: 3 events of the line lost" in made.about.text())
    qtbot.waitUntil(lambda: not made.worker.busy)
