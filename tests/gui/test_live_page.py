"""The operator's page, as the operator meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from scripted_core import STRIP, ScriptedCore

from station.control import Defect, DefectChanged, DefectKind, FeedState, LineState, UninspectedReason
from ui import theme
from ui.live.web_view import GUTTER, LEFT, TOP
from ui.shell import MainWindow
from ui.words import BEHIND_S

OpenWindow = Callable[..., MainWindow]


def pixels_of(image: QImage) -> np.ndarray:
    """``[h, w, 3]`` RGB of an image."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def cloth_of(window: MainWindow) -> np.ndarray:
    """What is seen of the cloth."""
    return pixels_of(window.live.web.grab().toImage())[TOP:, LEFT + GUTTER :]


def has_colour(pixels: np.ndarray, name: str, least: int = 40) -> bool:
    colour = theme.colour(name)
    return int((pixels == (colour.red(), colour.green(), colour.blue())).all(axis=2).sum()) >= least


def started(window: MainWindow, core: ScriptedCore, qtbot: QtBot, strips: int = 8) -> None:
    """A roll is under way and its cloth on the screen."""
    core.start_roll("demo")
    core.play(strips)
    qtbot.waitUntil(lambda: window.status.text("Picture") == "live" and window.live.web.camera_px > 0)
    qtbot.waitUntil(lambda: not core._events and window.live.web.lines_in_sight is not None)
    window.live.web.advance(0.25)


def test_the_cloth_on_the_screen_is_the_cloth_of_the_camera(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    for _ in range(80):
        window.live.web.advance(0.1)
    seen = cloth_of(window).astype(float).mean(axis=2)
    web_grey = core.loop.pixels[:, 40:-40].mean()
    assert seen[-60:-10, 60:-60].mean() == pytest.approx(web_grey, abs=3)
    assert window.live.web.lines_in_sight is not None
    assert window.live.web.lines_in_sight[1] == pytest.approx(8 * STRIP, abs=2)


def test_cloth_moves_up_and_every_frame_is_painted(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    core.speed_m_per_min = 30
    core.start_roll("demo")
    core.run()
    qtbot.waitUntil(lambda: window.live.web.lines_in_sight is not None, timeout=5000)
    before = window.live.web.lines_in_sight
    frames = window.live.web.frames_painted
    qtbot.wait(800)
    after = window.live.web.lines_in_sight
    assert before is not None
    assert after is not None
    assert after[1] > before[1]
    assert window.live.web.frames_painted > frames + 3


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
    qtbot.waitUntil(lambda: window._answer.isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.open_alarms == set()
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
    core._tell_defect(defect)
    qtbot.waitUntil(lambda: not core._events)
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
        position_mm=50, across_mm=140, score=1.0, kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
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
    assert {1, 2} <= live.web._defects.keys()
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
    window.live.web._defects.clear()
    without = cloth_of(window).astype(int)
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert window.live.heat_button.isChecked()
    seen = cloth_of(window).astype(int)
    reddened = (seen[:, :, 0] - seen[:, :, 2] > 40).mean()
    assert 0 < reddened < 0.2
    assert (without[:, :, 0] == without[:, :, 2]).all()
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert (cloth_of(window) == without).all()


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        (FeedState.STOPPED, "MACHINE STOPPED"),
        (FeedState.STALLED, "CAMERA STALLED"),
        (FeedState.GONE, "CAMERA GONE"),
        (FeedState.ENDED, "END OF CLOTH"),
        (FeedState.NO_PICTURE, "NO PICTURE"),
    ],
)
def test_a_picture_that_is_not_live_says_so_large(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, feed: FeedState, words: str
) -> None:
    window = open_window()
    started(window, core, qtbot)
    assert window.live.web.shout == ""
    assert window.badge.text == "LIVE"
    core.feed = feed
    qtbot.waitUntil(lambda: window.live.web.shout == words)
    assert window.badge.text == words
    middle = cloth_of(window)
    middle = middle[middle.shape[0] // 2 - 40 : middle.shape[0] // 2 + 10]
    assert has_colour(middle, "frame_text", 400), "the words are not seen"
    if feed in (FeedState.GONE, FeedState.STALLED):
        assert middle[..., 0].mean() > middle[..., 2].mean() + 60, "cloth that passes unseen must be red"


def test_a_picture_that_lies_back_is_not_called_live(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.behind_s = BEHIND_S
    window.bridge.refresh()
    assert window.badge.text == "LIVE"
    core.behind_s = 7.2
    window.bridge.refresh()
    assert window.badge.text == window.live.web.shout == "INSPECTION BEHIND"
    assert "The picture is 7 s old" in window.live.web.accessibleDescription()
    assert window.status.text("Picture") == "7 s old"
    middle = cloth_of(window)
    middle = middle[middle.shape[0] // 2 - 40 : middle.shape[0] // 2 + 10]
    assert middle[..., 0].mean() > middle[..., 2].mean() + 60, "cloth judged late must be amber"
    assert has_colour(pixels_of(window.badge.grab().toImage()), "warning")
    core.feed = FeedState.GONE  # what is graver is said
    window.bridge.refresh()
    assert window.live.web.shout == "CAMERA GONE"
    core.feed, core.behind_s = FeedState.LIVE, 0.1
    window.bridge.refresh()
    assert window.badge.text == "LIVE"
    assert window.status.text("Picture") == "live"


def test_lost_cloth_stays_a_gap_with_its_reason(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot, strips=4)
    core.lose(2 * STRIP, UninspectedReason.OVERLOAD)
    core.play(2)
    qtbot.waitUntil(lambda: not core._events)
    qtbot.waitUntil(lambda: window.live.figures.uninspected.text != "0.00\u2009m")
    for _ in range(80):
        window.live.web.advance(0.1)
    assert window.live.figures.uninspected.text == "0.22\u2009m"
    assert window.live.web._ring.end_row == window.live.web._ring.row_of(8 * STRIP)
    assert has_colour(pixels_of(window.live.web.grab().toImage()), "warning")


def test_buttons_and_keys_start_pause_resume_and_end(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    controls = window.live.controls
    left = Qt.MouseButton.LeftButton
    assert controls.start_button.isEnabled()
    assert not controls.end_button.isEnabled()
    controls.fabric.setCurrentText("twill-3")
    qtbot.mouseClick(controls.start_button, left)
    assert core.commands == ["start twill-3"]
    qtbot.waitUntil(lambda: window.status.text("Fabric") == "twill-3 · v1")
    assert not controls.fabric.isEnabled()
    core.play(2)
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert core.commands[-1] == "pause"
    assert core.state is LineState.HALTED
    qtbot.waitUntil(lambda: window.badge.text == "PAUSED")
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands[-1] == "resume"
    qtbot.keyClick(window, Qt.Key.Key_F8)
    assert core.commands[-1] == "resume", "one touch must not end a roll"
    assert controls.end_button.text().startswith("Sure?")
    qtbot.mouseClick(controls.end_button, left)
    assert core.commands[-1] == "end"
    qtbot.waitUntil(lambda: window.status.text("Roll") == "none open")
    assert controls.start_button.isEnabled()


def test_a_refusal_is_told_in_the_alarm_row_not_in_a_dialog(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo", "A-1")
    window.live._ended = "A-1"  # the window believes the roll has ended
    window.live.on_snapshot(core.snapshot())
    qtbot.mouseClick(window.live.controls.start_button, Qt.MouseButton.LeftButton)
    assert "still open" in window.alarms.text
    assert QApplication.activeModalWidget() is None


def test_a_new_roll_begins_with_an_empty_picture(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.end_roll()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: window.live.defects.rowCount() == 0)
    assert window.live.web.lines_in_sight is None
    assert window.alarms.open_alarms == set()
    assert window.live.empty.isVisible()


def test_every_command_has_a_key_a_tooltip_and_a_name(open_window: OpenWindow) -> None:
    window = open_window()
    for made in window.findChildren(QPushButton):
        assert made.toolTip(), made.text()
        assert made.accessibleName(), made.text()
        assert "(" in made.toolTip(), f"{made.text()} has no key"


def test_pages_are_reached_by_keys_and_keep_the_frame(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window()
    place = window.alarms.geometry(), window.status.geometry(), window.badge.geometry()
    for key, page in ((Qt.Key.Key_2, window.tuning), (Qt.Key.Key_3, window.history), (Qt.Key.Key_1, window.live)):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.stack.currentWidget() is page
        assert (window.alarms.geometry(), window.status.geometry(), window.badge.geometry()) == place


def test_the_gravest_notice_is_shown_and_none_is_lost(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo")
    core.say("error", "Camera 1 does not answer.")
    core.say("info", "A backup was made.")
    qtbot.waitUntil(lambda: "and 1 more" in window.alarms.text)
    assert window.alarms.text.startswith("Camera 1 does not answer.")
    assert "A backup was made." in window.alarms._text.toolTip()
    qtbot.waitUntil(lambda: window._answer.isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.text == "A backup was made.", "what was not shown is not answered"
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.text == "No unanswered alarms"


def test_a_window_opened_on_a_roll_under_way_knows_its_scale(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    core.start_roll("demo")
    core.drain(100)  # an earlier window has had the start of the roll
    core.play(3)
    window = open_window()
    qtbot.waitUntil(lambda: window.live.web.camera_px > 0)
    assert window.live.web._mm_per_px == 0.5
    assert window.live.roll_open


def test_a_defect_that_grows_is_one_row_and_its_outline_grows(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot, strips=3)
    grown = Defect(
        number=900, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
    )  # fmt: skip
    heights = []
    for end in (200, 400, 600):
        core._tell(DefectChanged(replace(grown, end_line=end, length_mm=(end - 100) / 2)))
        qtbot.waitUntil(lambda end=end: end in [d.end_line for d in window.live.web._defects.values()])  # type: ignore[misc]
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
        position_mm=50, across_mm=140, score=1.0, kind=DefectKind.WARP_LINE, is_reject=True, closed=False,
    )  # fmt: skip
    younger = replace(older, number=901, first_line=150, first_px=330, end_px=340)
    core._tell(DefectChanged(older))
    core._tell(DefectChanged(younger))
    qtbot.waitUntil(lambda: {900, 901} <= window.alarms.open_alarms)
    rows = window.live.defects.rowCount()
    core._tell(DefectChanged(replace(older, end_px=340, width_mm=20)))
    core._tell(DefectChanged(replace(younger, is_reject=False, closed=True, merged_into=900)))
    qtbot.waitUntil(lambda: 901 not in window.alarms.open_alarms)
    assert 900 in window.alarms.open_alarms
    assert "No. 901" not in window.alarms.text
    assert "901" not in window.alarms._text.toolTip()
    assert [row.defect.number for row in window.live.defects.rows].count(901) == 0
    assert window.live.defects.rowCount() == rows - 1
    assert 901 not in window.live.web._defects
    qtbot.waitUntil(lambda: 900 in {mark.key for mark in window.live.roll_map._defects}, timeout=3000)
    assert 901 not in {mark.key for mark in window.live.roll_map._defects}


def test_a_defect_first_heard_of_when_merged_is_never_shown(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo")
    part = Defect(
        number=2, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
        position_mm=50, across_mm=140, score=1.0, kind=DefectKind.SPOT, is_reject=False, closed=True, merged_into=1,
    )  # fmt: skip
    core._tell(DefectChanged(part))
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
    qtbot.waitUntil(lambda: bool(window.live.roll_map._defects), timeout=3000)
    marks = {mark.key: mark.across for mark in window.live.roll_map._defects}
    for row in window.live.defects.rows:
        middle = (row.defect.first_px + row.defect.end_px) / 2
        assert marks[row.defect.number] == pytest.approx((middle - left) / (right - left))


def test_a_new_roll_closes_the_alarms_of_the_last_but_keeps_notices(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.say("error", "Camera 1 does not answer.")
    qtbot.waitUntil(lambda: window.alarms.has_notice)
    assert window.alarms.open_alarms
    core.end_roll()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: not window.alarms.open_alarms)
    assert window.alarms.text == "Camera 1 does not answer."


def test_the_first_fabric_is_chosen_from_the_start_and_one_taught_later_too(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[str] = []
    monkeypatch.setattr(core, "fabrics", lambda: list(known))
    window = open_window()
    controls = window.live.controls
    qtbot.waitUntil(lambda: "No fabric has been taught yet" in window.live.web.accessibleDescription())
    assert not controls.start_button.isEnabled()
    known.append("demo")
    window.open_page("live")
    assert controls.fabric.currentText() == "demo"
    qtbot.waitUntil(controls.start_button.isEnabled)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands == ["start demo"]


def test_words_over_the_picture_follow_the_roll(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    web = window.live.web
    qtbot.waitUntil(lambda: web.shout == "NO PICTURE")
    assert "No roll is open" in web.accessibleDescription()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: web.shout == "STARTING")
    core.play(3)
    qtbot.waitUntil(lambda: web.shout == "")
    core.pause()
    core.feed = FeedState.NO_PICTURE  # a core that looks away has no picture
    qtbot.waitUntil(lambda: web.shout == "PAUSED")
    assert window.badge.text == "PAUSED"
    core.resume()
    core.feed = FeedState.LIVE
    qtbot.waitUntil(lambda: web.shout == "")
    core.end_roll()
    qtbot.waitUntil(lambda: web.shout == "ROLL ENDED")
    assert "NO PICTURE" not in web.accessibleDescription()
    assert window.status.text("State") == "ready"


def test_a_roll_paused_while_its_model_loads_can_be_resumed(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    controls = window.live.controls
    core.start_roll("demo")
    core.state = LineState.INITIALIZED
    qtbot.waitUntil(lambda: window.live.web.shout == "STARTING")
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert core.commands[-1] == "pause"
    qtbot.waitUntil(lambda: window.live.web.shout == "PAUSED")
    assert controls.start_button.text().startswith("Resume")
    assert controls.start_button.isEnabled()
    assert not controls.pause_button.isEnabled()
    assert controls.end_button.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands[-1] == "resume"
    qtbot.waitUntil(lambda: window.live.web.shout == "STARTING")


def test_what_passes_is_listed_only_if_wanted(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    live = window.live
    started(window, core, qtbot, strips=1)
    passed = Defect(
        number=900, first_line=100, end_line=120, first_px=300, end_px=310, length_mm=10, width_mm=5, area_mm2=50,
        position_mm=50, across_mm=140, score=0.1, kind=DefectKind.SPOT, is_reject=False, closed=True,
    )  # fmt: skip
    live.defects.clear()
    core._tell(DefectChanged(passed))
    qtbot.waitUntil(lambda: live.defects.rowCount() == 1)
    assert live.listed.rowCount() == 0
    assert live.empty.text() == "No rejects on this roll yet"
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert live.listed.rowCount() == 1
    assert live.list.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert live.empty.isVisible()
    core._tell(DefectChanged(replace(passed, score=1.0, is_reject=True)))
    qtbot.waitUntil(lambda: live.listed.rowCount() == 1)
