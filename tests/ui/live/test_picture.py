"""The picture of the operator's page: cloth, gaps, and whether it is live."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from station.contract import FeedState, LineState, UninspectedReason
from tests.rigs.live_page import OpenWindow, cloth_of, has_colour, pixels_of, started
from tests.rigs.scripted_core import STRIP, ScriptedCore
from ui.banner import BEHIND_S


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
    web = window.live.web
    qtbot.waitUntil(lambda: web.lines_in_sight is not None)
    frames, seen = web.frames_painted, []

    def moved() -> bool:
        seen.append(web.lines_in_sight[1])  # type: ignore[index]
        return web.frames_painted > frames + 3 and seen[-1] > seen[0]

    qtbot.waitUntil(moved)
    assert seen == sorted(seen)


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
    assert window.live.web.banner == ""
    assert window.badge.text == "LIVE"
    core.feed = feed
    qtbot.waitUntil(lambda: window.live.web.banner == words)
    assert window.badge.text == words
    middle = cloth_of(window)
    middle = middle[middle.shape[0] // 2 - 40 : middle.shape[0] // 2 + 10]
    assert has_colour(middle, "frame_text", 400), "the words are not seen"
    if feed in (FeedState.GONE, FeedState.STALLED):
        assert middle[..., 0].mean() > middle[..., 2].mean() + 60, "cloth that passes unseen must be red"


@pytest.mark.parametrize("feed", [FeedState.ENDED, FeedState.LIVE, FeedState.NO_PICTURE, FeedState.STALLED])
def test_a_line_that_failed_is_never_called_the_end_of_cloth(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, feed: FeedState
) -> None:
    window = open_window()
    started(window, core, qtbot)
    web = window.live.web
    core.state, core.feed, core.message = LineState.ERROR, feed, "The model ran out of memory: close other programs."
    window.bridge.refresh()
    said = ("INSPECTION FAILED", "INSPECTION FAILED", "critical")
    assert (web.banner, window.badge.text, web.ground) == said
    assert "ran out of memory: close other programs. Cloth is not inspected any more" in web.accessibleDescription()
    core.end_roll()
    core.state, core.feed = LineState.ERROR, FeedState.ENDED
    qtbot.waitUntil(lambda: not core.events and not window.live.roll_open)
    window.bridge.refresh()
    assert (web.banner, window.badge.text, web.ground) == said, "the roll has ended, but not in order"
    core.message = ""
    started(window, core, qtbot)
    assert web.banner == ""


def test_what_a_missing_camera_does_not_show_is_hatched_and_said(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.message = "No picture from camera right: its part of the web is not inspected."
    core.blind_px = ((520, 1000),)
    started(window, core, qtbot)
    window.bridge.refresh()
    web = window.live.web
    assert (web.banner, web.accessibleDescription()) == ("", core.message)
    assert (window.badge.text, web.ground) == ("CAMERA MISSING", "warning")
    assert window.status.text("State") == "inspecting"
    for _ in range(80):
        web.advance(0.1)
    seen = cloth_of(window).astype(int)
    assert has_colour(seen[:30], "warning", 2000)
    cloth, width = seen[-60:-10], seen.shape[1]
    is_amber = (cloth[:, :, 0] - cloth[:, :, 2]) > 100
    hatched = is_amber[:, round(width * 520 / 1024) + 2 : round(width * 1000 / 1024) - 2]
    assert 0.3 < hatched.mean() < 0.7
    assert hatched.any(axis=0).all()
    assert not is_amber[:, : round(width * 520 / 1024) - 2].any()
    core.message = ""
    window.bridge.refresh()
    assert (window.badge.text, web.ground) == ("LIVE", "frame")
    assert not has_colour(cloth_of(window)[:30], "warning", 1)


def test_a_picture_that_lies_back_is_not_called_live(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.behind_s = BEHIND_S
    window.bridge.refresh()
    assert window.badge.text == "LIVE"
    core.behind_s = 7.2
    window.bridge.refresh()
    assert window.badge.text == window.live.web.banner == "INSPECTION BEHIND"
    assert "The picture is 7 s old" in window.live.web.accessibleDescription()
    assert window.status.text("Picture") == "7 s old"
    middle = cloth_of(window)
    middle = middle[middle.shape[0] // 2 - 40 : middle.shape[0] // 2 + 10]
    assert middle[..., 0].mean() > middle[..., 2].mean() + 60, "cloth judged late must be amber"
    assert has_colour(pixels_of(window.badge.grab().toImage()), "warning")
    core.feed = FeedState.GONE  # what is graver is said
    window.bridge.refresh()
    assert window.live.web.banner == "CAMERA GONE"
    core.feed, core.behind_s = FeedState.LIVE, 0.1
    window.bridge.refresh()
    assert window.badge.text == "LIVE"
    assert window.status.text("Picture") == "live"


def test_lost_cloth_stays_a_gap_with_its_reason(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot, strips=4)
    core.lose(2 * STRIP, UninspectedReason.OVERLOAD)
    core.play(2)
    qtbot.waitUntil(lambda: not core.events)
    qtbot.waitUntil(lambda: window.live.figures.uninspected.text != "0.00\u2009m")
    for _ in range(80):
        window.live.web.advance(0.1)
    assert window.live.figures.uninspected.text == "0.22\u2009m"
    assert window.live.web.ring.end_row == window.live.web.ring.row_of(8 * STRIP)
    assert has_colour(pixels_of(window.live.web.grab().toImage()), "warning")


def test_a_new_roll_begins_with_an_empty_picture(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.end_roll()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: window.live.defects.rowCount() == 0)
    assert window.live.web.lines_in_sight is None
    assert window.alarms.open_alarms == set()
    assert window.live.empty.isVisible()


def test_a_window_opened_on_a_roll_under_way_knows_its_scale(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    core.start_roll("demo")
    core.drain(100)  # an earlier window has had the start of the roll
    core.play(3)
    window = open_window()
    qtbot.waitUntil(lambda: window.live.web.camera_px > 0)
    assert window.live.web.mm_per_px == 0.5
    assert window.live.roll_open


def test_words_over_the_picture_follow_the_roll(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    web = window.live.web
    qtbot.waitUntil(lambda: web.banner == "NO PICTURE")
    assert "No roll is open" in web.accessibleDescription()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: web.banner == "STARTING")
    core.play(3)
    qtbot.waitUntil(lambda: web.banner == "")
    core.pause()
    core.feed = FeedState.NO_PICTURE  # a core that looks away has no picture
    qtbot.waitUntil(lambda: web.banner == "PAUSED")
    assert window.badge.text == "PAUSED"
    core.resume()
    core.feed = FeedState.LIVE
    qtbot.waitUntil(lambda: web.banner == "")
    core.end_roll()
    qtbot.waitUntil(lambda: web.banner == "ROLL ENDED")
    assert "NO PICTURE" not in web.accessibleDescription()
    assert window.status.text("State") == "ready"
