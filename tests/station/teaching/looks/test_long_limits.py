"""The limits of the long look follow from the budget and from how high good cloth peaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.long import LongLimits
from model.long.limits import patches_per_100_m
from station.teaching.looks.long_limits import long_limits
from tests.rigs.long_cloth import WIDTH, look


def test_a_smaller_budget_asks_for_more() -> None:
    mild, strict = (long_limits(look(), WIDTH, 0.4, budget_per_100_m=budget) for budget in (10.0, 0.1))
    assert all(
        low < high for low, high in zip(mild.warp + mild.weft, strict.warp + strict.weft, strict=True) if high < 99
    )


def test_windows_that_good_cloth_never_filled_tell_nothing() -> None:
    assert long_limits(look(), WIDTH, None, budget_per_100_m=1.0).warp[-1] == float("inf")


def test_peaks_of_gaussian_cloth_are_carried_on_as_far_as_the_budget_asks() -> None:
    random = np.random.default_rng(1)
    peaks = np.abs(random.normal(size=(4000, 50))).max(1).astype(np.float32)
    drawn = replace(look(), peaks={"warp 2": peaks})
    patches = patches_per_100_m(drawn, WIDTH, 0.4)["warp 2"]
    limit = long_limits(drawn, WIDTH, 0.4, budget_per_100_m=1e-5 * patches).warp[0]
    assert limit == pytest.approx(5.2, abs=0.4)  # 50 draws, two sides: 1e-7 of a side each


def test_a_look_without_peaks_tells_nothing() -> None:
    limits = long_limits(replace(look(), peaks={}), WIDTH, 0.4, budget_per_100_m=1.0)
    assert set(limits.warp + limits.weft) == {float("inf")}
    assert patches_per_100_m(replace(look(), peaks={}), WIDTH, 0.4) == {}


def test_limits_come_from_plain_floats() -> None:
    assert LongLimits.of({"warp": [1, 2, 3, 4, 5], "weft": [1, 2, 3, 4, 5]}).weft[1] == 2.0
    with pytest.raises(ValueError, match="takes 5 limits"):
        LongLimits((1.0,), (1.0,))
