"""What several looks see of one flaw is one defect; what they see of two stays two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from station.contract import Defect, DefectKind
from station.line.judging.looks.joining import LookJoiner
from station.line.judging.looks.long import RANK
from station.state.defect import Look
from tests.rigs.line import recipe

FINE, HALF, QUARTER = 1, 2, 4


def seen(
    number: int,
    box: tuple[int, int, int, int],
    *,
    ratio: float = 1.5,
    look: Look = Look.FINE,
    closed: bool = True,
    peak: tuple[int, int] | None = None,
) -> Defect:
    """A defect with a box of lines and columns; its peak is in the middle."""
    top, bottom, left, right = box
    line, px = peak or ((top + bottom) // 2, (left + right) // 2)
    return Defect(
        number=number,
        first_line=top,
        end_line=bottom,
        first_px=left,
        end_px=right,
        length_mm=(bottom - top) * 0.5,
        width_mm=(right - left) * 0.5,
        area_mm2=1.0,
        position_mm=top * 0.5,
        across_mm=left * 0.5,
        score=ratio,
        threshold=1.0,
        kind=DefectKind.SPOT,
        is_reject=ratio >= 1,
        closed=closed,
        look=look,
        peak_line=line,
        peak_px=px,
    )


def broad(number: int, box: tuple[int, int, int, int], **facts: object) -> Defect:
    return seen(number, box, look=Look.BROAD, **facts)  # type: ignore[arg-type]


def at_end(joiner: LookJoiner, *told: tuple[Defect, int]) -> list[Defect]:
    """What the roll holds once all was told: the last word on each number that was not withdrawn."""
    last: dict[int, Defect] = {}
    for defect, rank in told:
        last |= {one.number: one for one in joiner.take(defect, rank)}
    last |= {one.number: one for one in joiner.end_run()}
    return [one for one in last.values() if one.merged_into is None]


def test_a_stain_seen_whole_takes_the_bits_that_the_fine_look_sees_of_its_rim() -> None:
    bits = [(seen(1, (100, 110, 100, 110)), FINE), (seen(2, (180, 190, 190, 200)), FINE)]
    stain = (broad(1, (96, 196, 96, 204), ratio=1.2), QUARTER)
    (one,) = at_end(LookJoiner(recipe()), *bits, stain)
    assert (one.first_line, one.end_line, one.first_px, one.end_px) == (96, 196, 96, 204)
    assert one.look is Look.BROAD
    assert one.closed


def test_a_small_flaw_that_a_broad_look_sees_blurred_keeps_its_own_size() -> None:
    flaw = seen(1, (100, 110, 100, 110), ratio=2.0)
    (one,) = at_end(LookJoiner(recipe()), (flaw, FINE), (broad(1, (80, 128, 80, 128)), QUARTER))
    assert (one.first_line, one.end_line, one.look) == (100, 110, Look.FINE)
    assert one.score == 2.0


def test_two_flaws_side_by_side_that_a_broad_look_sees_as_one_stay_two() -> None:
    pair = [(seen(1, (100, 110, 100, 110), ratio=2.0), FINE), (seen(2, (100, 110, 180, 190)), FINE)]
    blurred = broad(1, (90, 120, 90, 200), peak=(105, 106))
    assert len(at_end(LookJoiner(recipe()), *pair, (blurred, QUARTER))) == 2


def test_dashes_of_a_broken_end_are_the_line_that_the_long_look_follows() -> None:
    dashes = [(seen(n, (300 * n, 300 * n + 40, 500, 506), ratio=1.3), FINE) for n in range(1, 6)]
    line = seen(1, (250, 1900, 501, 504), ratio=2.0, look=Look.LONG)
    (one,) = at_end(LookJoiner(recipe()), *dashes, (line, RANK))
    assert (one.first_line, one.end_line) == (250, 1900)
    assert one.look is Look.LONG


def test_a_number_once_told_is_withdrawn_for_the_older_one() -> None:
    joiner = LookJoiner(recipe())
    told = [one for n in (1, 2) for one in joiner.take(seen(n, (100, 110, 80 * n, 80 * n + 10)), FINE)]
    assert [one.number for one in told] == [1, 2]
    changed = list(joiner.take(broad(1, (90, 120, 70, 180), peak=(105, 125)), HALF))
    assert [(one.number, one.merged_into) for one in changed] == [(2, 1), (1, None)]


def test_a_reject_is_told_at_once_and_closed_when_all_looks_have_judged_it() -> None:
    joiner = LookJoiner(recipe())
    (told,) = joiner.take(seen(1, (100, 110, 100, 110)), FINE)
    assert told.is_reject
    assert not told.closed
    assert list(joiner.settle(109)) == []
    (closed,) = joiner.settle(110)
    assert closed.closed
    assert list(joiner.end_run()) == []


def test_what_passes_is_told_once_and_not_at_all_where_another_look_rejects_the_cloth() -> None:
    joiner = LookJoiner(recipe())
    (passed,) = joiner.take(seen(1, (0, 10, 0, 10), ratio=0.9), FINE)
    assert passed.closed
    assert not passed.is_reject
    list(joiner.take(seen(2, (100, 110, 100, 110)), FINE))
    assert list(joiner.take(broad(1, (90, 120, 90, 120), ratio=0.9), HALF)) == []


@given(st.permutations(range(6)), st.integers(0, 400))
def test_whatever_comes_first_the_looks_end_with_the_same_defects(order: list[int], shift: int) -> None:
    given = [
        (seen(1, (100 + shift, 110 + shift, 100, 110)), FINE),
        (seen(2, (180 + shift, 190 + shift, 190, 200)), FINE),
        (seen(3, (600 + shift, 610 + shift, 600, 610), ratio=3.0), FINE),
        (broad(1, (96 + shift, 196 + shift, 96, 204), ratio=1.2), HALF),
        (broad(1, (90 + shift, 200 + shift, 90, 210), ratio=1.4), QUARTER),
        (broad(2, (590 + shift, 620 + shift, 590, 620)), QUARTER),
    ]
    made = at_end(LookJoiner(recipe()), *(given[i] for i in order))
    boxes = {(one.first_line - shift, one.end_line - shift, one.first_px, one.end_px) for one in made}
    assert boxes == {(90, 200, 90, 210), (600, 610, 600, 610)}
