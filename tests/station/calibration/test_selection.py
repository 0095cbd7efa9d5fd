"""Which calibrations apply to a camera, and what makes sizes unverified."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lens import Lens
from drivers.memory import MemoryCamera
from station.calibration.selection import ALONG, Calibrated, calibrated
from station.recipe import Recipe
from station.records.rows import CalibrationRow
from tests.rigs.shadings import neutral_shading

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLDEST = NOW - timedelta(days=180)
RECIPE = Recipe(fabric="linen", model_sha256="ab" * 32, encoder="light", threshold=1.0, mm_per_px=0.5)


class SerialCamera(MemoryCamera):
    """A camera that knows its name and number."""

    camera_id = "left"
    serial = "24115"


CAMERA = SerialCamera(np.zeros((256, 512), np.uint8))


def row(number: int, kind: str = "scale", days: float = 1, **changes: Any) -> CalibrationRow:
    result = {"across_mm_per_px": 0.4, "along_mm_per_px": 0.41} if kind == "scale" else neutral_shading(512).to_dict()
    values: dict[str, Any] = {
        "id": number,
        "kind": kind,
        "camera_id": "left",
        "serial": "24115",
        "width_px": 512,
        "result": result,
        "made_at": NOW - timedelta(days=days),
        "made_by": "ann",
    }
    return CalibrationRow(**(values | changes))


def fitted(*rows: CalibrationRow, recipe: Recipe = RECIPE) -> Calibrated:
    return calibrated(rows, CAMERA, recipe, OLDEST)


def test_with_scale_and_shading_sizes_are_verified() -> None:
    made = fitted(row(2, "shading"), row(1))
    assert (made.measures.mm_per_px, made.measures.mm_per_line) == (0.4, 0.41)
    assert (made.recipe.scale, made.recipe.scale_along) == (0.4, 0.41)
    assert set(made.measures.calibration_ids) == {1, 2}
    assert made.measures.unverified == ""
    assert made.shading is not None


@pytest.mark.parametrize("recipe", [RECIPE, RECIPE.model_copy(update={"mm_per_px": None})])
def test_without_any_the_recipe_stays_as_it_is(recipe: Recipe) -> None:
    made = fitted(recipe=recipe)
    assert made.recipe == recipe
    assert made.shading is None
    assert made.measures.mm_per_px == made.measures.mm_per_line == recipe.mm_per_px
    assert made.measures.unverified == "there is no scale of camera left"
    assert len(made.warnings) == 1


def test_a_recipe_without_a_scale_is_given_the_cameras() -> None:
    made = fitted(row(1), recipe=RECIPE.model_copy(update={"mm_per_px": None}))
    assert (made.recipe.unit, made.measures.mm_per_line) == ("mm", 0.41)


def test_the_newest_that_fits_is_taken() -> None:
    rows = row(4, camera_id="right"), row(3, serial="9"), row(2, result={"across_mm_per_px": 0.3, ALONG: 0.3}), row(1)
    made = fitted(*rows)
    assert made.measures.calibration_ids == (2,)
    assert made.measures.mm_per_px == 0.3
    assert made.measures.unverified == ""


def test_a_ruler_and_an_encoder_make_a_scale_together() -> None:
    ruler, encoder = row(2, result={"across_mm_per_px": 0.4}), row(1, result={"along_mm_per_px": 0.42})
    both = fitted(ruler, encoder)
    assert (both.measures.mm_per_px, both.measures.mm_per_line, both.measures.unverified) == (0.4, 0.42, "")
    assert set(both.measures.calibration_ids) == {1, 2}
    alone = fitted(ruler)
    assert (alone.measures.mm_per_px, alone.measures.mm_per_line) == (0.4, 0.5)
    assert alone.measures.unverified == "along the cloth there is no scale of camera left"


def test_a_stale_one_is_used_and_said_to_be_stale() -> None:
    made = fitted(row(1, days=181), row(2, "shading", days=400))
    assert made.measures.mm_per_px == 0.4
    assert "is stale" in made.measures.unverified
    assert made.shading is not None
    assert [warning.split(":")[0] for warning in made.warnings[:2]] == [
        "Sizes are unverified",
        "The light may be uneven",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serial": "9"}, "serial number 9"),
        ({"width_px": 400}, "400 columns"),
        ({"camera_id": "right"}, "of camera right"),
    ],
)
def test_a_foreign_one_is_not_used(changes: dict[str, Any], said: str) -> None:
    made = fitted(row(1, **changes))
    assert made.measures.mm_per_px == 0.5
    assert said in made.measures.unverified


def test_one_that_does_not_know_its_camera_but_bears_its_name_fits() -> None:
    assert fitted(row(1, serial="", width_px=None)).measures.unverified == ""


def test_a_lens_is_applied_and_must_be_fresh_for_sizes_to_be_verified() -> None:
    lens = Lens(512, 256, (300.0, 300.0), (256.0, 128.0), (-0.3, 0.05, 0.0, 0.0), 0.1, 8)
    result = json.loads(json.dumps(lens.to_dict()))
    fresh = fitted(row(2), row(1, "lens", result=result))
    assert (fresh.lens, fresh.measures.unverified) == (lens, "")
    assert 1 in fresh.measures.calibration_ids
    assert "is stale" in fitted(row(2), row(1, "lens", days=200, result=result)).measures.unverified
    assert "before its lens" in fitted(row(2, "lens", result=result), row(1)).measures.unverified
    foreign = fitted(row(2), row(1, "lens", result=result, serial="9"))
    assert foreign.lens is None
    assert "serial number 9" in foreign.measures.unverified


def test_a_shading_of_another_width_is_never_applied() -> None:
    assert fitted(row(1, "shading", width_px=None, result=neutral_shading(400).to_dict())).shading is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["across_mm_per_px", "along_mm_per_px", "gain", "offset"]), st.one_of(
    st.none(), st.just(10**400), st.floats(), st.text(max_size=3), st.lists(st.just(10**400) | st.floats(), max_size=2)
)))  # fmt: skip
def test_a_damaged_result_never_stop_a_roll(result: dict[str, Any]) -> None:
    """Whatever stands on record, the roll runs; what is used is a possible scale."""
    made = fitted(row(3, result=result), row(2, "shading", result=result), row(1))
    assert made.measures.mm_per_px is not None
    assert 0 < made.measures.mm_per_px < float("inf")
    used = set(made.measures.calibration_ids)
    assert 1 in used or 3 in used


def test_a_damaged_one_is_told_though_an_older_one_serves() -> None:
    made = fitted(row(2, result={"across_mm_per_px": -1, "along_mm_per_px": 0.4}), row(1))
    assert made.measures.mm_per_px == 0.4
    assert "number 2 is damaged" in made.measures.unverified
