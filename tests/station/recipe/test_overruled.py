"""What people set in a recipe is kept by the next teach-in, and by those after it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.recipe.looks_chosen import with_looks
from station.recipe.overruled import FIELDS, kept_told, overruled
from station.recipe.web import WebRule
from tests.rigs.records import make_looks, make_recipe

TAUGHT = {"min_length_mm": 1.0}
Step = tuple[dict[str, Any], bool]


def kept(*steps: Step, unit: str = "mm") -> dict[str, object]:
    """What is kept after versions with these values, each with whether a teach-in made it."""
    return overruled([(make_recipe(**values), taught) for values, taught in steps], unit)


def test_what_teach_in_chose_is_nobodys_word() -> None:
    assert kept() == {}
    assert kept((TAUGHT, True)) == {}
    assert kept(({"min_length_mm": 0.0}, True), (TAUGHT, True)) == {}
    assert kept((TAUGHT, True), (TAUGHT | {"threshold": 3.0}, False)) == {}


@given(st.floats(1.5, 9), st.integers(0, 4), st.integers(0, 3))
def test_what_people_set_lasts_through_every_teach_in_that_keeps_it(value: float, teachings: int, others: int) -> None:
    set_value = {"min_length_mm": value, "tells_differing": False}
    steps: list[Step] = [(TAUGHT, True), (set_value, False)]
    steps += [(set_value | {"threshold": 3.0}, False)] * others + [(set_value, True)] * teachings
    assert kept(*steps) == set_value


def test_the_last_word_counts_and_a_teach_in_that_chose_otherwise_ends_it() -> None:
    steps: list[Step] = [(TAUGHT, True), ({"min_length_mm": 4.0}, False), ({"min_length_mm": 2.0}, False)]
    assert kept(*steps) == {"min_length_mm": 2.0}
    assert kept(*steps, (TAUGHT, True)) == {}


def test_columns_typed_with_a_teach_in_are_a_persons_word_until_auto_is_typed() -> None:
    full = WebRule.of("full")
    assert kept(({"web": full}, True)) == {"web": full}
    assert kept(({}, True), ({"web": WebRule.of("100:900")}, False)) == {"web": WebRule.of("100:900")}
    assert kept(({"web": full}, True), ({}, True)) == {}


def test_a_least_size_set_in_another_unit_is_none() -> None:
    steps: list[Step] = [({"mm_per_px": None}, True), ({"mm_per_px": None, "min_length_mm": 6.0}, False)]
    assert kept(*steps, unit="px") == {"min_length_mm": 6.0}
    assert kept(*steps, unit="mm") == {}


def test_looks_that_stay_off_are_said() -> None:
    assert kept_told(with_looks(make_looks(), "fine,long"), ("broad",)) == (
        "Kept as it was set before: broad 2 and broad 4 look off (--looks); change it by station recipe linen."
    )
    assert kept_told(make_looks(), ()) == ""


def test_what_is_kept_is_said_with_how_to_change_it() -> None:
    recipe = make_recipe(min_length_mm=2.5, tells_differing=False, web="100:900")
    assert kept_told(recipe, ("web", "min_length_mm", "tells_differing")) == (
        "Kept as it was set before: least size 2.5 mm (--min-length), differing cloth not told (--tell-differing), "
        "columns 100:900 (--web); change it by station recipe linen."
    )
    assert kept_told(recipe, ()) == ""


@pytest.mark.parametrize("name", FIELDS)
def test_each_is_said_by_itself(name: str) -> None:
    assert kept_told(make_recipe(), (name,)).count(",") == 0
