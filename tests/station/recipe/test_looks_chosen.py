"""Looks are switched off and on by name, and stay as people set them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.recipe.looks_chosen import looks_kept, looks_of, looks_told, with_looks
from tests.rigs.records import make_looks, make_recipe

OTHERS = ["broad 2", "broad 4", "long"]
subsets = st.sets(st.sampled_from(OTHERS))


def on(names: set[str]) -> str:
    return ",".join(["fine", *names])


@given(subsets, subsets)
def test_the_looks_named_are_on_and_all_others_off_whatever_was_before(before: set[str], after: set[str]) -> None:
    recipe = with_looks(with_looks(make_looks(), on(before)), on(after))
    assert looks_of(recipe) == {"fine": True} | {name: name in after for name in OTHERS}
    assert recipe == with_looks(make_looks(), on(after))
    assert {look.size for look in recipe.broad_on} == {int(name[-1]) for name in after if name != "long"}


def test_broad_stands_for_those_of_all_sizes_and_signs_do_not_matter() -> None:
    recipe = with_looks(make_looks(), " Fine , BROAD")
    assert looks_of(recipe) == {"fine": True, "broad 2": True, "broad 4": True, "long": False}
    assert with_looks(recipe, "fine,broad,long") == make_looks()
    assert with_looks(make_recipe(), "fine") == make_recipe()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("broad,long", "the fine look cannot be switched off; name it too"),
        ("fine,broad 8", "linen was taught no look 'broad 8'; it has fine, broad 2, broad 4, long"),
        ("fine,b", "linen was taught no look 'b'"),
        ("", "linen was taught no look ''"),
    ],
)
def test_looks_that_are_none_and_fine_left_out_are_refused(typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        with_looks(make_looks(), typed)


@pytest.mark.parametrize("typed", ["fine,broad", "fine,long", "fine,broad 2"])
def test_a_look_that_was_not_taught_cannot_be_switched_on(typed: str) -> None:
    with pytest.raises(ValueError, match=f"linen was taught no look {typed[5:]!r}; it has fine$"):
        with_looks(make_recipe(), typed)


@given(subsets, st.integers(0, 2))
def test_what_was_switched_off_is_off_after_a_teach_in_though_one_between_had_no_such_look(
    chosen: set[str], without: int
) -> None:
    versions = [make_looks(), with_looks(make_looks(), on(chosen)), *[make_recipe()] * without]
    anew = make_looks(threshold=3.0)
    assert anew.model_copy(update=looks_kept(versions, anew)) == with_looks(anew, on(chosen))
    assert looks_kept([], anew) == looks_kept([make_looks()], anew) == {}


def test_each_look_is_told_with_its_threshold() -> None:
    assert looks_told(make_recipe()) == "fine (threshold 2)"
    assert looks_told(with_looks(make_looks(), "fine,broad 2,long")) == (
        "fine (threshold 2), broad 2 (threshold 1.25), broad 4 off, "
        "long (limits warp 5.5 to 6.25, weft 6 spreads of good cloth)"
    )
