"""A small sample of the study of the broad looks: a plain stain is found as one, good cloth is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.broad_look import Bench, Stain, is_found, page_of

SURE_D = 14.0


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench("plain", teach_m=8.0, minutes=1.5)
    yield made
    made.close()


@pytest.mark.slow
def test_soft_stains_that_are_plain_enough_are_found_and_good_cloth_is_left_alone(bench: Bench) -> None:
    stains = [Stain(50.0, SURE_D, 600, 900), Stain(100.0, SURE_D, 1300, 1900), Stain(100.0, SURE_D, 500, 3000)]
    told = bench.play(21, 7000, 2.0, stains)
    assert all(any(is_found(stain, one) for one in told) for stain in stains)
    assert len(told) <= 4
    assert "| 50 mm | 1/1 |" in page_of(["plain"], [0], 1.0, {(50.0, SURE_D): [1]}, "By hand.")


@pytest.mark.slow
def test_the_larger_a_stain_the_smaller_the_spread_it_is_held_against(bench: Bench) -> None:
    spreads = [bench.spread(size) for size in (20.0, 50.0, 100.0)]
    assert spreads == sorted(spreads, reverse=True)
