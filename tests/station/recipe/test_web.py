"""Which columns are cloth: what may be typed, what recipes keep, what old ones said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from station.contract import StationError
from station.line.columns import web_span
from station.recipe import Recipe
from station.recipe.web import AUTO, FULL, WebHow, WebRule
from tests.rigs.records import make_recipe


def test_auto_full_and_columns_are_read() -> None:
    assert WebRule.of("auto") == AUTO
    assert WebRule.of(" full ") == FULL
    assert WebRule.of("100:900") == WebRule(WebHow.GIVEN, 100, 900)
    assert [rule.finds for rule in (AUTO, FULL, WebRule.of("0:64"))] == [True, False, False]


@pytest.mark.parametrize("text", ["", "AUTO?", "100", "100:", ":900", "-5:100", "1.5:900", "a:b", "١٠٠:٩٠٠", "0:9:99"])
def test_anything_else_is_refused_with_what_may_be_given(text: str) -> None:
    with pytest.raises(ValueError, match="auto, full, or LEFT:RIGHT such as 100:900"):
        WebRule.of(text)


@pytest.mark.parametrize("text", ["900:100", "100:100", "100:163"])
def test_columns_that_leave_no_web_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at least 64 above LEFT"):
        WebRule.of(text)


@given(left=st.integers(0, 9000), width=st.integers(64, 9000))
def test_a_recipe_keeps_its_columns(left: int, width: int) -> None:
    recipe = make_recipe(web=f"{left}:{left + width}")
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert again == recipe
    assert str(again.web) == f"{left}:{left + width}"
    assert web_span(again.web, left + width) == (left, left + width)


@pytest.mark.parametrize(("old", "now"), [(True, AUTO), (False, FULL)])
def test_a_recipe_of_version_0_2_is_read(old: bool, now: WebRule) -> None:
    body = json.loads(make_recipe().model_dump_json())
    del body["web"], body["cloth"]
    recipe = Recipe.model_validate_json(json.dumps({**body, "find_web": old}))
    assert recipe.web == now
    assert recipe.cloth is None


def test_a_recipe_with_columns_that_are_none_is_not_valid() -> None:
    with pytest.raises(ValidationError, match="names no columns"):
        make_recipe(web="left:right")


def test_columns_outside_the_picture_are_one_sentence() -> None:
    with pytest.raises(StationError, match="the picture has 1024 columns, 0 to 1023"):
        web_span(WebRule.of("100:1100"), 1024)
    assert web_span(FULL, 1024) == web_span(AUTO, 1024) == (0, 1024)
