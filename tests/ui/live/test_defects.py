"""Defects on the operator's page: outlines, list, map, alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from station.contract import Defect, DefectChanged, DefectKind, LookView
from station.current_user import login
from station.state.defect import Look
from tests.rigs.live_page import OpenWindow, cloth_of, has_colour, pixels_of, started
from tests.rigs.scripted_core import ScriptedCore
from ui.live.web_view import GUTTER, LEFT


def test_rejects_are_outlined_listed_and_alarm_until_answered(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    rejects = [row.defect for row in window.live.defects.rows if row.defect.is_reject]
    assert rejects
    assert window.live.list.isVisible()
    assert all(row.thumb is not None for row in window.live.defects.rows)
    assert window.alarms.open_alarms == {defect.number for defect in rejects}
    assert f"{len(rejects)} unanswered reject" in window.alarms.text
    assert has_colour(pixels_of(window.alarms.grab().toImage()), "critical") or has_colour(
        pixels_of(window.alarms.grab().toImage()), "critical_deep"
    )
    qtbot.waitUntil(lambda: window.answer.isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.open_alarms == set()
    assert core.commands[-1].startswith("rejects 1")
    assert core.commands[-1].endswith(f" acknowledged by {login()}")
    assert not any(row.open_alarm for row in window.live.defects.rows)
    assert not has_colour(pixels_of(window.alarms.grab().toImage()), "critical")


def test_an_outline_lies_on_its_flaw(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    for _ in range(80):
        window.live.web.advance(0.1)
    window.alarms.acknowledge()
    web = window.live.web
    height = web.height()
    shown = [
        row.defect
        for row in window.live.defects.rows
        if row.defect.is_reject and 40 < web.outline(row.defect.number).bottom() < height - 10
    ]
    assert shown
    picture = pixels_of(web.grab().toImage())
    for defect in shown:
        box = web.outline(defect.number).toRect()
        edge = picture[max(box.bottom() - 2, 0) : box.bottom() + 3, box.left() : box.right()]
        assert has_colour(edge, "overlay_reject", 8)
        middle = (defect.first_px + defect.end_px) / 2 * (web.width() - LEFT - GUTTER) / web.camera_px + LEFT + GUTTER
        assert box.center().x() == pytest.approx(middle, abs=2)


def test_an_answered_defect_that_grows_does_not_alarm_again(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    defect = next(row.defect for row in window.live.defects.rows if row.defect.is_reject)
    window.alarms.acknowledge()
    core.tell_defect(defect)
    qtbot.waitUntil(lambda: not core.events)
    qtbot.wait(60)
    assert window.alarms.open_alarms == set()
    assert sum(row.defect.number == defect.number for row in window.live.defects.rows) == 1


def test_an_answered_defect_that_grows_stays_answered_behind_many_others(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo")
    core.play(1)
    long = Defect(
        number=1, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, threshold=0.12,
        kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
    )  # fmt: skip
    live = window.live
    for number in (1, 2):
        live.on_defect(DefectChanged(replace(long, number=number)))
    for number in range(3, 500):
        live.on_defect(DefectChanged(replace(long, number=number, closed=True)))
        if number == 300:
            window.alarms.acknowledge()
    assert window.alarms.open_alarms == set(range(301, 500))
    rows = [row.defect.number for row in live.defects.rows]
    assert rows == [*range(499, 301, -1), 2, 1], "what still grows stays listed"
    assert {1, 2} <= live.web.defects.keys()
    live.on_defect(DefectChanged(replace(long, end_line=900)))
    assert window.alarms.open_alarms == set(range(301, 500))
    assert not live.defects.rows[-1].open_alarm
    assert [row.defect.number for row in live.defects.rows] == rows
    window.alarms.acknowledge()
    live.on_defect(DefectChanged(replace(long, number=301, closed=True)))  # no longer listed when it was answered
    assert window.alarms.open_alarms == set()
    assert live.defects.rows[0].defect.number == 499


def test_heat_is_laid_over_the_flaws_only_when_asked(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    window.live.web.defects.clear()
    without = cloth_of(window).astype(int)
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert window.live.heat_button.isChecked()
    seen = cloth_of(window).astype(int)
    reddened = (seen[:, :, 0] - seen[:, :, 2] > 40).mean()
    assert 0 < reddened < 0.2
    assert (without[:, :, 0] == without[:, :, 2]).all()
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert (cloth_of(window) == without).all()


def test_a_defect_that_grows_is_one_row_and_its_outline_grows(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot, strips=3)
    grown = Defect(
        number=900, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, threshold=0.12,
        kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
    )  # fmt: skip
    heights = []
    for end in (200, 400, 600):
        core.tell(DefectChanged(replace(grown, end_line=end, length_mm=(end - 100) / 2)))
        qtbot.waitUntil(lambda end=end: end in [d.end_line for d in window.live.web.defects.values()])  # type: ignore[misc]
        heights.append(window.live.web.outline(900).height())
    assert heights[0] < heights[1] < heights[2]
    assert [row.defect.number for row in window.live.defects.rows].count(900) == 1
    assert window.live.defects.rows[0].thumb is not None, "cropped from the cloth still in sight"


def test_a_defect_that_is_part_of_an_older_one_is_seen_nowhere(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot, strips=3)
    older = Defect(
        number=900, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, threshold=0.12,
        kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
    )  # fmt: skip
    younger = replace(older, number=901, first_line=150, first_px=330, end_px=340)
    core.tell(DefectChanged(older))
    core.tell(DefectChanged(younger))
    qtbot.waitUntil(lambda: {900, 901} <= window.alarms.open_alarms)
    rows = window.live.defects.rowCount()
    core.tell(DefectChanged(replace(older, end_px=340, width_mm=20)))
    core.tell(DefectChanged(replace(younger, is_reject=False, closed=True, merged_into=900)))
    qtbot.waitUntil(lambda: 901 not in window.alarms.open_alarms)
    assert 900 in window.alarms.open_alarms
    assert "No. 901" not in window.alarms.text
    assert "901" not in window.alarms._text.toolTip()
    assert [row.defect.number for row in window.live.defects.rows].count(901) == 0
    assert window.live.defects.rowCount() == rows - 1
    assert 901 not in window.live.web.defects
    listed = {row.defect.number for row in window.live.defects.rows}
    qtbot.waitUntil(lambda: {mark.key for mark in window.live.roll_map.defects} == listed)


def test_a_defect_first_heard_of_when_merged_is_never_shown(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo")
    part = Defect(
        number=2, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, threshold=0.12,
        kind=DefectKind.SPOT, is_reject=False, closed=True, merged_into=1,
    )  # fmt: skip
    core.tell(DefectChanged(part))
    core.play(1)
    qtbot.waitUntil(lambda: window.live.web.camera_px > 0)
    assert window.live.defects.rowCount() == 0
    assert window.live.empty.isVisible()


def test_marks_of_the_roll_map_lie_across_the_web_not_across_the_camera(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    left, right = core.loop.web
    listed = {row.defect.number for row in window.live.defects.rows}
    assert listed
    qtbot.waitUntil(lambda: {mark.key for mark in window.live.roll_map.defects} == listed)
    marks = {mark.key: mark.across for mark in window.live.roll_map.defects}
    for row in window.live.defects.rows:
        middle = (row.defect.first_px + row.defect.end_px) / 2
        assert marks[row.defect.number] == pytest.approx((middle - left) / (right - left))


def test_what_passes_is_listed_only_if_wanted(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    live = window.live
    started(window, core, qtbot, strips=1)
    passed = Defect(
        number=900, first_line=100, end_line=120, first_px=300, end_px=310, length_mm=10, width_mm=5, area_mm2=50,
        position_mm=50, across_mm=140, score=0.1, threshold=0.12, kind=DefectKind.SPOT, is_reject=False, closed=True,
    )  # fmt: skip
    live.defects.clear()
    core.tell(DefectChanged(passed))
    qtbot.waitUntil(lambda: live.defects.rowCount() == 1)
    assert live.listed.rowCount() == 0
    assert live.empty.text() == "No rejects on this roll yet"
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert live.listed.rowCount() == 1
    assert live.list.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert live.empty.isVisible()
    core.tell(DefectChanged(replace(passed, score=1.0, is_reject=True)))
    qtbot.waitUntil(lambda: live.listed.rowCount() == 1)


def test_what_another_look_saw_is_named_so_wherever_it_is_shown(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot, strips=3)
    window.alarms.acknowledge()
    line = Defect(
        number=900, first_line=100, end_line=600, first_px=300, end_px=306, length_mm=250, width_mm=3, area_mm2=750,
        position_mm=50, across_mm=140, score=2.0, threshold=1.0,
        kind=DefectKind.WARP_LINE, is_reject=True, closed=False, look=Look.LONG,
    )  # fmt: skip
    core.tell(DefectChanged(line))
    qtbot.waitUntil(lambda: 900 in window.live.web.defects)
    words = "long, faint: warp-wise line"
    assert words in window.alarms.text
    row = window.live.defects.index(0)
    assert row.data(Qt.ItemDataRole.AccessibleTextRole).startswith(f"900: {words}, ")
    assert row.data(Qt.ItemDataRole.ToolTipRole).startswith(f"900: {words}, ")
    window.alarms.acknowledge()
    assert has_colour(pixels_of(window.live.web.grab().toImage()), "overlay_reject", 8)
    cells = np.zeros((125, 256), np.float32)
    cells[:, 72:80] = 1.5
    without = cloth_of(window).astype(int)
    qtbot.keyClick(window, Qt.Key.Key_H)
    fine = cloth_of(window).astype(int)
    core.tell(LookView(Look.LONG, 100, 600, cells, 1.0, 4))
    qtbot.waitUntil(lambda: not core.events)
    qtbot.waitUntil(lambda: bool((cloth_of(window) != fine).any()))
    more = cloth_of(window).astype(int) - without
    assert (more[:, :, 0] > 20).sum() > ((fine - without)[:, :, 0] > 20).sum(), "its heat lies on the cloth, too"
