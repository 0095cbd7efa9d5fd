"""The ledger law, against a book that keeps one entry per line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.contract import Stretch, UninspectedReason
from station.line.errors import LineError
from station.line.ledger import GAPS_KEPT, LineLedger

LOST, OVERLOAD, GONE = UninspectedReason.LOST_BY_CAMERA, UninspectedReason.OVERLOAD, UninspectedReason.CAMERA_GONE
IN_FLIGHT = "in flight"


class Book:
    """One entry per line: the law written down in the plainest way."""

    def __init__(self) -> None:
        self.fate: dict[int, object] = {}
        self.due_line = 0
        self.taken = 0
        self.seen: set[int] = set()
        self.repeated = 0

    def arrive(self, first: int, end: int, gap: object, fate: object = IN_FLIGHT) -> None:
        for line in range(self.taken, first):
            self.fate[line] = gap
        for line in range(first, end):
            self.repeated += line in self.seen
            self.seen.add(line)
            if line >= self.taken:
                self.fate[line] = fate
        self.taken = max(self.taken, end, first if end > first else 0)

    def runs_in_flight(self) -> list[int]:
        return [line for line, fate in sorted(self.fate.items()) if fate is IN_FLIGHT]

    def counts(self) -> tuple[int, int, int, int]:
        lines = set(range(self.due_line)) | set(self.fate)
        inspected = sum(fate is None for fate in self.fate.values())
        uninspected = sum(isinstance(fate, UninspectedReason) for fate in self.fate.values())
        return len(lines), inspected, uninspected, self.repeated


def check(ledger: LineLedger, book: Book) -> None:
    totals = ledger.totals()
    counts = (totals.lines_acquired, totals.lines_inspected, totals.lines_uninspected, totals.lines_repeated)
    assert counts == book.counts()
    due_not_come = max(0, book.due_line - book.taken)
    assert totals.lines_in_flight == len(book.runs_in_flight()) + due_not_come


steps = st.lists(
    st.one_of(
        st.tuples(st.just("due"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("arrive"), st.integers(-20, 20), st.integers(1, 15)),
        st.tuples(st.just("discard"), st.integers(-20, 20), st.integers(1, 15)),
        st.tuples(st.just("skip"), st.integers(-5, 20), st.just(0)),
        st.tuples(st.just("judge"), st.integers(0, 100), st.integers(1, 12)),
        st.tuples(st.just("overload"), st.integers(0, 100), st.integers(1, 12)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_counts_are_exact_at_any_moment_and_stretches_tile_the_roll(plan: list[tuple[str, int, int]]) -> None:
    ledger, book = LineLedger(), Book()
    stretches: list[Stretch] = []
    for what, where, lines in plan:
        if what == "due":
            ledger.due(book.taken + where)
            book.due_line = max(book.due_line, book.taken + where)
        elif what in ("arrive", "discard"):
            first = max(0, book.taken + where)
            if what == "arrive":
                before = book.taken
                new = ledger.arrive(first, first + lines, LOST)
                assert new == ((max(first, before), first + lines) if first + lines > before else None)
                book.arrive(first, first + lines, LOST)
            else:
                ledger.discard(first, first + lines, GONE)
                book.arrive(first, first + lines, GONE, GONE)
        elif what == "skip":
            end = book.taken + where
            assert ledger.skip(end, GONE) == max(0, where)
            book.arrive(end, end, GONE)
            book.taken = max(book.taken, end)
        elif flying := book.runs_in_flight():
            first = flying[where % len(flying)]
            end = first
            while end < first + lines and book.fate.get(end) is IN_FLIGHT:
                end += 1
            if what == "judge":
                ledger.judged(first, end)
            else:
                ledger.given_up(first, end, OVERLOAD)
            book.fate.update(dict.fromkeys(range(first, end), None if what == "judge" else OVERLOAD))
        check(ledger, book)
        stretches += ledger.take_stretches()
    totals = ledger.close()
    assert totals == ledger.totals()
    assert totals.lines_in_flight == 0
    assert totals.lines_acquired == book.counts()[0]
    stretches += ledger.take_stretches()
    line = 0
    for stretch, following in zip(stretches, [*stretches[1:], None], strict=False):
        assert stretch.first_line == line < stretch.end_line
        assert following is None or following.reason is not stretch.reason
        for n in range(stretch.first_line, stretch.end_line):
            fate = book.fate.get(n, IN_FLIGHT)
            assert stretch.reason is (UninspectedReason.ABORTED if fate is IN_FLIGHT else fate)
        line = stretch.end_line
    assert line == totals.lines_acquired


def test_a_late_block_stays_uninspected_and_is_repeated_only_when_it_comes_again() -> None:
    ledger = LineLedger()
    assert ledger.arrive(0, 10, LOST) == (0, 10)
    assert ledger.arrive(20, 30, LOST) == (20, 30)
    assert ledger.arrive(10, 20, LOST) is None
    totals = ledger.totals()
    assert (totals.lines_uninspected, totals.lines_repeated, totals.lines_in_flight) == (10, 0, 20)
    assert ledger.arrive(5, 25, LOST) is None
    assert ledger.totals().lines_repeated == 20


def test_only_so_many_gaps_are_remembered() -> None:
    ledger = LineLedger()
    for first in range(10, 10 + 20 * (GAPS_KEPT + 1), 20):
        ledger.arrive(first, first + 10, LOST)
    ledger.arrive(0, 10, LOST)
    assert ledger.totals().lines_repeated == 10  # forgotten: taken for lines seen before
    ledger.arrive(20, 30, LOST)
    assert ledger.totals().lines_repeated == 10


@pytest.mark.parametrize(("first", "end"), [(0, 10), (5, 15), (28, 31), (30, 40)])
def test_counting_lines_twice_is_refused(first: int, end: int) -> None:
    ledger = LineLedger()
    ledger.arrive(0, 30, LOST)
    ledger.judged(0, 12)
    with pytest.raises(LineError, match="not in flight"):
        ledger.judged(first, end)


def test_nothing_counts_after_the_end() -> None:
    ledger = LineLedger()
    ledger.arrive(0, 10, LOST)
    totals = ledger.close(UninspectedReason.ABORTED)
    assert ledger.arrive(10, 20, LOST) is None
    ledger.due(99)
    ledger.discard(10, 20, GONE)
    ledger.judged(0, 10)
    assert ledger.totals() == totals
    assert ledger.take_stretches() == [Stretch(0, 10, UninspectedReason.ABORTED)]
