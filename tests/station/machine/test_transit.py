"""Defects on their way to the marker and to the cloth roll."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from station.machine.transit import Arrival, Transit


def test_a_defect_arrives_when_its_beginning_has_come_so_far_and_only_once() -> None:
    way = Transit(1000)
    assert way.put((1, 1), (500, 520), 600, closed=False) is Arrival.AHEAD
    assert way.nearest(600) == ((1, 1), 900)
    assert way.advance(1499) == []
    assert way.advance(1500) == [(1, 1)]
    assert way.put((1, 1), (500, 700), 1600, closed=True) is None
    assert way.advance(9999) == []
    assert way.nearest(9999) is None


def test_a_late_defect_is_there_as_long_as_it_or_the_grace_behind_it_is_under_the_marker() -> None:
    way = Transit(1000, late_lines=50)
    assert way.put((1, 1), (100, 200), 1100, closed=True) is Arrival.AHEAD
    assert way.put((1, 2), (100, 200), 1101, closed=True) is Arrival.LATE
    assert way.put((1, 3), (100, 200), 1250, closed=True) is Arrival.LATE
    assert way.put((1, 4), (100, 200), 1251, closed=True) is Arrival.MISSED


def test_parts_of_one_defect_are_marked_once() -> None:
    way = Transit(1000)
    way.put((1, 1), (100, 200), 300, closed=False)
    way.put((1, 2), (150, 400), 500, closed=False)
    assert way.advance(1100) == [(1, 1)]
    way.join((1, 2), (1, 1))
    assert way.advance(5000) == []
    way.put((1, 3), (4900, 5000), 5000, closed=False)
    way.put((1, 4), (4800, 5000), 5000, closed=False)
    assert way.advance(5800) == [(1, 4)]
    way.join((1, 4), (1, 3))
    assert way.advance(9000) == [], "the part that was marked was of this one"


def test_a_restart_of_the_counting_says_what_is_lost() -> None:
    way = Transit(1000)
    way.put((1, 1), (100, 200), 300, closed=True)
    way.put((1, 2), (150, 200), 300, closed=True)
    assert len(way) == 2
    assert way.clear() == 2
    assert way.advance(9999) == []


@given(
    distance=st.integers(0, 3000),
    defects=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 500), st.integers(0, 800)), max_size=20),
    stride=st.integers(1, 700),
)
def test_every_defect_arrives_once_in_order_and_never_too_soon(
    distance: int, defects: list[tuple[int, int, int]], stride: int
) -> None:
    way = Transit(distance)
    told = sorted((first + length + delay, first, first + length) for first, length, delay in defects)
    firsts = {(1, number): first for number, (_, first, _) in enumerate(told)}
    late, came, before = [], [], 0
    for due in range(0, 10_000 + stride, stride):
        for number, (at, first, end) in enumerate(told):
            if before <= at < due:
                arrival = way.put((1, number), (first, end), due, closed=True)
                assert (arrival is Arrival.AHEAD) == (first + distance >= due)
                late += [] if arrival is Arrival.AHEAD else [(1, number)]
        arrived = way.advance(due)
        assert all(firsts[key] + distance <= due for key in arrived)
        assert [firsts[key] for key in arrived] == sorted(firsts[key] for key in arrived)
        came += arrived
        before = due
    assert sorted(came + late) == sorted(firsts)
