"""The feed of the screen: bounded, pictures are dropped first, every loss counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.contract import Event, LookView, Notice, Severity, StripView
from station.event_queue import EventQueue
from station.state.defect import Look


def picture(of_another_look: bool = False) -> StripView | LookView:
    scores = np.zeros((1, 1), np.float32)
    if of_another_look:
        return LookView(Look.BROAD, 0, 4, scores, 1.0, 4)
    return StripView(0, np.zeros((4, 4), np.uint8), scores, 1.0, 4, 0, 4)


def word(number: int) -> Notice:
    return Notice(Severity.INFO, str(number))


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 10), st.integers(1, 6))
def test_nothing_is_lost_uncounted_and_words_keep_their_order(kinds: list[bool], limit: int, pictures: int) -> None:
    feed = EventQueue(limit=limit, pictures=pictures)
    for number, is_picture in enumerate(kinds):
        feed.put(picture(number % 2 > 0) if is_picture else word(number))
    events: list[Event] = []
    while part := feed.drain(7):
        events += part
    told = [event for event in events if isinstance(event, Notice) and event.severity is Severity.WARNING]
    events = [event for event in events if event not in told]
    assert [f"{feed.events_dropped} messages" in notice.text for notice in told] == [True] * bool(feed.events_dropped)
    words = [int(event.text) for event in events if isinstance(event, Notice)]
    assert words == sorted(words)
    assert len(events) + feed.pictures_dropped + feed.events_dropped == len(kinds)
    assert sum(isinstance(event, StripView | LookView) for event in events) <= pictures
    assert len(events) <= limit + pictures


def test_pictures_alone_never_push_out_a_word() -> None:
    feed = EventQueue(limit=4, pictures=2)
    feed.put(word(1))
    for number in range(100):
        feed.put(picture(number % 2 > 0))
    assert any(isinstance(event, Notice) for event in feed.drain(100))
    assert feed.pictures_dropped == 98
    assert feed.events_dropped == 0
