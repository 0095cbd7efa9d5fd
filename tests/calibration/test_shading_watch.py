"""The watch over the light: quiet on cloth that only wanders, plain about lamp, fall-off and dust."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.errors import PictureError
from calibration.shading_watch import FALLOFF_DRIFT, LAMP_DRIFT, SETTLING, ShadingWatch
from drivers.simulated.cloth import Cloth

WIDTH, READINGS, BEFORE = 1024, 90, 30
COLUMNS = np.arange(WIDTH)
Profile = NDArray[np.float64]
Change = Callable[[Profile], Profile]


def readings_of(style: str) -> list[Profile]:
    """Column means of simulated cloth, which wanders sideways, with a lamp that drifts."""
    cloth = Cloth(style, width_px=WIDTH, mm_per_px=0.5, seed=3, web_px=(60, 970))
    readings = [cloth.render(128 * number, 128).mean(axis=0) for number in range(READINGS)]
    for reading in readings:
        reading[:80] = reading[950:] = np.nan
    return readings


@pytest.fixture(scope="module", params=["demo", "satin"])
def readings(request: pytest.FixtureRequest) -> list[Profile]:
    return readings_of(request.param)


@pytest.fixture(scope="module")
def striped() -> list[Profile]:
    return readings_of("stripe")


def last_said(readings: Iterable[Profile], change: Change = lambda means: means) -> str | None:
    """What a watch says at the end, when the light changes after the first readings."""
    watch, said = ShadingWatch(), None
    for number, means in enumerate(readings):
        said = watch.feed(means if number < BEFORE else change(means))
    return said


def speck(column: int, loss: float) -> Change:
    return lambda means: means * (1 - loss * np.exp(-(((COLUMNS - column) / 1.5) ** 2) / 2))


def test_cloth_under_steady_light_is_left_alone(readings: list[Profile]) -> None:
    watch = ShadingWatch()
    assert not any(watch.feed(means) for means in readings)


def test_a_speck_of_dust_is_told_with_its_column(readings: list[Profile]) -> None:
    said = last_said(readings, speck(600, 0.06))
    assert said is not None
    column = int(said.removeprefix("It has become darker about column ").split(":")[0])
    assert abs(column - 600) <= 3
    assert said.endswith("wipe dust off lens and lamp.")


def test_a_broken_end_that_runs_on_is_not_called_dust(readings: list[Profile]) -> None:
    said = last_said(readings, lambda means: means * np.where(abs(COLUMNS - 600) < 3, 0.8, 1.0))
    assert "if no end is missing there" in (said or "")


def test_stripes_that_wander_are_not_dust_but_a_thick_speck_is(striped: list[Profile]) -> None:
    assert last_said(striped) is None
    assert "about column" in (last_said(striped, speck(600, 0.2)) or "")


def test_cloth_that_has_moved_sideways_is_not_dust(readings: list[Profile]) -> None:
    for pixels in (1, 3, 12):
        assert last_said(readings, lambda means, pixels=pixels: np.roll(means, pixels)) is None  # type: ignore[misc]


def test_a_weaker_or_stronger_lamp_is_told(readings: list[Profile]) -> None:
    assert "weaker than at first" in (last_said(readings, lambda means: 0.85 * means) or "")
    assert "stronger than at first" in (last_said(readings, lambda means: 1.2 * means) or "")


def test_light_that_shifts_across_is_told(readings: list[Profile]) -> None:
    said = last_said(readings, lambda means: np.where(COLUMNS > 700, 0.92, 1.0) * means)
    assert said is not None
    assert "at the right edge has become" in said
    assert "darker against the rest" in said


def even(level: float = 120.0) -> Profile:
    return np.full(300, level)


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.5, 1.5), level=st.floats(20, 200))
def test_the_lamp_is_told_from_the_documented_share_on(share: float, level: float) -> None:
    watch = ShadingWatch(even(level))
    said = [watch.feed(even(level) * share) for _ in range(SETTLING)]
    assert said[:-1] == [None] * (SETTLING - 1)  # no hasty word
    if abs(abs(share - 1) - LAMP_DRIFT) > 1e-6:
        assert (said[-1] is not None) == (abs(share - 1) > LAMP_DRIFT)


@settings(max_examples=20, deadline=None)
@given(share=st.floats(-0.08, 0.08), part=st.integers(0, 4))
def test_the_falloff_is_told_from_the_documented_share_on(share: float, part: int) -> None:
    changed = even()
    changed[60 * part : 60 * part + 60] *= 1 + share
    watch = ShadingWatch(even())
    said = [watch.feed(changed) for _ in range(SETTLING)][-1] or ""
    if abs(abs(share) - FALLOFF_DRIFT) > 1e-6:
        assert ("against the rest" in said) == (abs(share) > FALLOFF_DRIFT)


@given(factor=st.floats(0.1, 10))
@settings(max_examples=10, deadline=None)
def test_the_unit_of_light_does_not_matter(factor: float) -> None:
    worse = even() * np.where(np.arange(300) == 150, 0.7, 1.0)
    plain, other = ShadingWatch(even()), ShadingWatch(factor * even())
    for _ in range(SETTLING):
        said, again = plain.feed(worse), other.feed(factor * worse)
    told = "It has become darker about column 150: if no end is missing there, wipe dust off lens and lamp."
    assert said == again == told


def test_a_lamp_that_went_out_is_told() -> None:
    watch = ShadingWatch(even())
    assert [watch.feed(even(1)) for _ in range(SETTLING)][-1] == "The light has gone out; switch the lamp on."


def test_one_bad_reading_is_not_a_drift() -> None:
    watch = ShadingWatch(even())
    for number in range(3 * SETTLING):
        assert watch.feed(even() * (0.3 if number == 2 * SETTLING else 1)) is None


def test_without_cloth_in_sight_nothing_is_said() -> None:
    watch = ShadingWatch()
    for _ in range(3 * SETTLING):
        assert watch.feed(np.full(300, np.nan)) is None


def test_another_width_is_refused() -> None:
    for watch in (ShadingWatch(even()), ShadingWatch()):
        watch.feed(even())
        with pytest.raises(PictureError, match="start a new watch"):
            watch.feed(np.ones(299))


@pytest.mark.field("f02")
@pytest.mark.parametrize("moved_px", [-9, -3, 3, 9])
def test_a_dark_border_stripe_that_has_wandered_is_not_dust_but_a_speck_in_plain_cloth_is(moved_px: int) -> None:
    random = np.random.default_rng(1)

    def striped_at(border: int) -> Profile:
        yarns = 1 + 0.004 * random.standard_normal(WIDTH)
        return np.where(border > COLUMNS, 25.0, 150.0) * yarns

    def moved(change: Change = lambda means: means) -> list[Profile]:
        return [striped_at(300)] * BEFORE + [change(striped_at(300 + moved_px))] * (READINGS - BEFORE)

    assert last_said(moved()) is None
    assert "about column 700" in (last_said(moved(speck(700, 0.1))) or "")
