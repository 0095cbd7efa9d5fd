"""What stands large over the picture, and the sentence under it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from station.contract import FeedState, Ledger, LineSnapshot, LineState
from ui import actions
from ui.banner import BANNER, BEHIND_S, DETAIL, is_behind, picture_words

RUNNING = LineSnapshot(
    state=LineState.CONTINUOUS_EXECUTION,
    feed=FeedState.LIVE,
    fabric="demo",
    recipe_version=1,
    roll="r-1",
    ledger=Ledger(224, 224, 0),
)


def words(
    snapshot: LineSnapshot, *, roll_open: bool = True, seen: bool = True, ended: bool = False, taught: bool = True
) -> tuple[str, str]:
    return picture_words(snapshot, roll_open=roll_open, seen=seen, ended=ended, taught=taught)


def test_a_live_picture_has_no_banner() -> None:
    assert words(RUNNING) == ("", "")


@pytest.mark.parametrize("feed", [feed for feed in FeedState if feed is not FeedState.LIVE])
def test_every_feed_that_is_not_live_is_named_with_what_to_do(feed: FeedState) -> None:
    banner, detail = words(replace(RUNNING, feed=feed))
    assert (banner, detail) == (BANNER[feed], DETAIL[feed])
    assert banner.isupper()
    assert detail.endswith(".")


@pytest.mark.parametrize("feed", list(FeedState))
def test_a_failure_is_said_whatever_the_feed_and_its_cause_first(feed: FeedState) -> None:
    banner, detail = words(replace(RUNNING, feed=feed, state=LineState.ERROR, message="The disk is full"))
    assert banner == "INSPECTION FAILED"
    assert detail.startswith("The disk is full. Cloth is not inspected any more. Fix this, then")


def test_an_old_picture_is_behind_although_the_camera_is_live() -> None:
    assert not is_behind(replace(RUNNING, behind_s=BEHIND_S))
    assert words(replace(RUNNING, behind_s=7.2)) == (
        "INSPECTION BEHIND",
        "The picture is 7 s old: the cloth on the machine is not judged yet.",
    )


def test_sentences_name_the_keys_that_are_bound() -> None:
    ready = replace(RUNNING, state=LineState.READY, feed=FeedState.NO_PICTURE, roll=None)
    assert actions.key("start_roll") in words(ready, roll_open=False, seen=False)[1]
    assert actions.key("open_history") in words(ready, roll_open=False, ended=True)[1]
    paused = replace(RUNNING, state=LineState.HALTED, feed=FeedState.NO_PICTURE)
    assert words(paused)[0] == "PAUSED"
    assert actions.key("start_roll") in words(paused)[1]
    assert words(ready, roll_open=False, taught=False)[1].startswith("No fabric has been taught yet.")


def test_a_roll_without_cloth_yet_is_starting() -> None:
    begun = replace(RUNNING, feed=FeedState.NO_PICTURE, message="The model loads")
    assert words(begun, seen=False) == ("STARTING", "The model loads.")
