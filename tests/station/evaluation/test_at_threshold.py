"""Rejects are held against the truth as an operator would: on the flaw, beside it, in pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.evaluation.at_threshold import GROWN_PX, AtThreshold, Box, met

LINES, WIDTH = 200, 300


def truth_of(*boxes: Box) -> np.ndarray:
    truth = np.zeros((LINES, WIDTH), np.bool_)
    for box in boxes:
        truth[box.first_line : box.end_line, box.first_px : box.end_px] = True
    return truth


FLAW = Box(80, 90, 100, 140)


def test_a_reject_within_sixteen_pixels_is_on_the_flaw_and_one_further_off_is_a_stray() -> None:
    near, far = (Box(80, 90, x, x + 5) for x in (FLAW.end_px + GROWN_PX - 1, FLAW.end_px + GROWN_PX))
    assert met(truth_of(FLAW), [near]) == met(truth_of(FLAW), [FLAW])
    assert met(truth_of(FLAW), [near]).fragments == (1,)
    assert met(truth_of(FLAW), [far]) == met(truth_of(), [FLAW])
    assert met(truth_of(FLAW), [far]).strays == 1


def test_pieces_are_counted_for_each_flaw_that_is_met() -> None:
    other = Box(150, 155, 20, 60)
    missed = Box(10, 14, 10, 14)
    pieces = [Box(80, 90, 100, 110), Box(80, 90, 130, 140), other, Box(0, 5, 280, 290)]
    got = met(truth_of(FLAW, other, missed), pieces)
    assert (got.strays, sorted(got.fragments)) == (1, [1, 2])


def test_a_mask_drawn_in_dashes_is_one_flaw() -> None:
    dashes = [Box(80, 84, x, x + 6) for x in range(40, 240, 20)]
    assert met(truth_of(*dashes), dashes).fragments == (len(dashes),)


def test_counts_of_a_data_set() -> None:
    tally = AtThreshold()
    assert tally.counts()["fragments_mean"] is None
    tally.add(True, truth_of(), [])
    tally.add(True, truth_of(), [FLAW])
    tally.add(False, truth_of(FLAW), [FLAW, Box(0, 4, 0, 4)])
    tally.add(False, truth_of(FLAW), [Box(0, 4, 0, 4)])
    tally.add(False, truth_of(FLAW), [])
    assert tally.counts() == {
        "flawed": 3,
        "found_on_flaw": 1,
        "good": 2,
        "good_rejected": 1,
        "strays": 2,
        "fragments_mean": 1.0,
    }


boxes = st.tuples(st.integers(0, LINES - 20), st.integers(1, 20), st.integers(0, WIDTH - 20), st.integers(1, 20)).map(
    lambda drawn: Box(drawn[0], drawn[0] + drawn[1], drawn[2], drawn[2] + drawn[3])
)


@given(st.lists(boxes, max_size=3), st.lists(boxes, max_size=5))
def test_a_reject_is_a_stray_or_meets_a_flaw_and_order_does_not_matter(flaws: list[Box], rejects: list[Box]) -> None:
    got = met(truth_of(*flaws), rejects)
    assert 0 <= got.strays <= len(rejects)
    assert (got.strays < len(rejects)) == bool(got.fragments)
    back = met(truth_of(*flaws), rejects[::-1])
    assert (back.strays, sorted(back.fragments)) == (got.strays, sorted(got.fragments))
