"""This module lays stretches that were told over those on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from station.contract import Stretch, UninspectedReason


def laid_over(there: Sequence[Stretch], told: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches without overlap, in order, in which each line has what was told of it last, else what is
    ``there``; neighbours with one outcome are one."""
    apart: list[Stretch] = []
    for new in (*there, *told):
        if new.end_line <= new.first_line:
            continue
        left = []
        for old in apart:
            left += [
                Stretch(first, end, old.reason)
                for first, end in (
                    (old.first_line, min(old.end_line, new.first_line)),
                    (max(old.first_line, new.end_line), old.end_line),
                )
                if first < end
            ]
        apart = [*left, new]
    joined: list[Stretch] = []
    for one in sorted(apart, key=lambda stretch: stretch.first_line):
        if joined and (joined[-1].end_line, joined[-1].reason) == (one.first_line, one.reason):
            joined[-1] = Stretch(joined[-1].first_line, one.end_line, one.reason)
        else:
            joined.append(one)
    return joined


def without_gaps(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield stretches in the order of the cloth, with what lies between them, and before the first, as not recorded: of
    that cloth the events waited in memory when the program was killed, those after it in a file."""
    reach = 0
    for stretch in stretches:
        if stretch.first_line > reach:
            yield Stretch(reach, stretch.first_line, UninspectedReason.NOT_RECORDED)
        yield stretch
        reach = stretch.end_line
