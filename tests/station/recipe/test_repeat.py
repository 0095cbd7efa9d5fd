"""How a fabric repeats, in words that say whether the pattern is modelled."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model.pattern.repeat import Repeat
from station.recipe.repeat import ClothRepeat


def test_a_repeat_is_told_in_px_and_mm_with_its_strength_and_the_looks_that_know_it() -> None:
    told = ClothRepeat.of(Repeat(1400.1, 699.9, 0.93, 0.96), ["fine", "broad 2"]).told(0.5, 0.5)
    assert "700 px (350 mm) across, strength 0.96 and 1400 px (700 mm) along, strength 0.93" in told
    assert "known to the looks fine, broad 2" in told
    assert "mm" not in ClothRepeat.of(Repeat(1400.1, 699.9, 0.93, 0.96), ["fine"]).told(None, None)


def test_a_repeat_that_is_not_modelled_is_told_with_what_would_not_be_found() -> None:
    told = ClothRepeat.of(Repeat(along_px=700.0, along_strength=0.9), why_not="too little cloth").told(0.5, 0.5)
    assert "not modelled (too little cloth)" in told
    assert "would not be found" in told
    assert "no repeat across" in told


def test_cloth_without_a_pattern_is_told_with_how_far_was_looked() -> None:
    told = ClothRepeat.of(Repeat(looked_along_px=360.0, looked_across_px=720.0)).told(0.5, 0.5)
    assert told == (
        "No pattern larger than the weave repeats in this cloth, as far as it shows (up to 720 px across and 360 px"
        " along)."
    )


def test_cloth_that_was_hardly_seen_is_not_said_to_be_without_a_pattern() -> None:
    assert "is not known" in ClothRepeat.of(Repeat()).told(0.5, 0.5)


def test_a_repeat_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        ClothRepeat(along_px=0.0)
