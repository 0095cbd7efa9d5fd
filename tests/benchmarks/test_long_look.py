"""A small sample of the study of the long look: what is plain is found, good cloth is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.long_look import Bench, Line, curve, page_of

SURE_D = 10.0


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("plain", teach_m=8.0)


@pytest.mark.slow
def test_long_flaws_that_are_plain_enough_are_found_and_told_as_one(bench: Bench) -> None:
    cells = curve([bench], [SURE_D], 1)
    assert sum(cell.found for cell in cells) >= 0.85 * sum(cell.laid for cell in cells)
    assert sum(cell.pieces for cell in cells) <= 1.3 * sum(cell.found for cell in cells)
    assert "| missing end | 3/3 |" in page_of(["plain"], [0], 1.0, cells, "By hand.")


@pytest.mark.slow
def test_good_cloth_under_drift_dust_and_wander_raises_none(bench: Bench) -> None:
    assert [defect for defect in bench.play(5, 0, 6.0) if defect.is_reject] == []


@pytest.mark.slow
def test_longer_flaws_are_held_against_a_smaller_spread(bench: Bench) -> None:
    spreads = [bench.spread(Line("missing end", 5.0, length)) for length in (50.0, 300.0, 1600.0, 4000.0)]
    assert np.all(np.diff(spreads[:3]) < 0)
    assert spreads[3] == spreads[2]
