"""Bounded queues and gauges."""

from __future__ import annotations

import threading
import time

import pytest

from station.line.channel import Channel, Closed
from station.line.gauges import Gauges


def test_an_offer_that_does_not_fit_is_refused() -> None:
    channel: Channel[int] = Channel(2)
    assert [channel.offer(i) for i in range(3)] == [True, True, False]
    assert channel.fill == 1.0
    assert channel.get() == 0
    assert channel.offer(3)
    assert [channel.get(), channel.get()] == [1, 3]
    assert channel.get(0.01) is None


def test_weights_bound_what_waits_but_one_item_always_fits() -> None:
    channel: Channel[int] = Channel(9, limit=10, weigh=float)
    assert channel.offer(50)
    assert not channel.offer(1)
    assert channel.fill == 1.0
    assert channel.get() == 50
    assert [channel.offer(n) for n in (4, 5, 2, 1, 1)] == [True, True, False, True, False]
    assert channel.get() == 4
    assert channel.offer(4)
    assert channel.fill == 1.0


def test_put_waits_for_room() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(channel.put(2)))
    thread.start()
    time.sleep(0.05)
    assert done == []
    assert channel.get() == 1
    assert channel.get(60) == 2
    thread.join(60)
    assert done == [True]


def test_closing_lets_the_reader_finish_and_aborting_does_not() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.close()
    assert not channel.offer(2)
    assert not channel.put(2)
    assert channel.get() == 1
    with pytest.raises(Closed):
        channel.get()
    channel = Channel(1)
    channel.put(1)
    thread = threading.Thread(target=channel.put, args=(2,))
    thread.start()
    channel.abort()
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(Closed):
        channel.get(60)


def test_closing_wakes_a_waiting_reader() -> None:
    channel: Channel[int] = Channel(1)
    caught: list[bool] = []

    def read() -> None:
        try:
            channel.get()
        except Closed:
            caught.append(True)

    thread = threading.Thread(target=read)
    thread.start()
    channel.close()
    thread.join(60)
    assert caught == [True]


def test_a_queue_without_room_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Channel(0)


def test_rates_and_delays() -> None:
    now = [100.0]
    gauges = Gauges(clock=lambda: now[0])
    assert gauges.tiles_per_second(overall=False) == 0.0
    assert gauges.latency_ms() == (0.0, 0.0)
    gauges.begin()
    for step in range(20):
        now[0] = 101.0 + step
        gauges.judged(10, 5.0)
    gauges.judged(0, 1e9)
    gauges.judged(2, 500.0)
    assert gauges.tiles == 202
    assert gauges.tiles_per_second(overall=True) == pytest.approx(202 / 20)
    # The last five seconds: marks at 115 to 120, the last with two tiles more.
    assert gauges.tiles_per_second(overall=False) == pytest.approx(62 / 5)
    median, high = gauges.latency_ms()
    assert median == 5.0
    assert 5.0 <= high <= 500.0
    now[0] = 200.0
    assert gauges.tiles_per_second(overall=False) == 0.0
    assert gauges.tiles_per_second(overall=True) == pytest.approx(202 / 20)
