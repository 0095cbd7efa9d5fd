"""What cloth looks like: near to itself, far from other cloth, and the cause of a difference in words."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from station.line.judging.web_cause import UNKNOWN_CAUSE, cause_of, is_far, looks_like
from station.recipe.cloth_look import FEWEST, WINDOW_PX, ClothLook, Features, look_at, look_of

LINES, WIDTH = 224, 512


def woven(seed: int, warp: float = 8.0, weft: float = 9.0, grey: float = 120.0) -> NDArray[np.uint8]:
    """A plain weave with uneven yarns, pitches in px."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:LINES, :WIDTH]
    ends = np.sin(2 * np.pi * (x / warp + random.random())) * (1 + 0.1 * random.standard_normal(WIDTH))[None, :]
    picks = np.sin(2 * np.pi * (y / weft + random.random())) * (1 + 0.1 * random.standard_normal(LINES))[:, None]
    noise = cv2.GaussianBlur(random.standard_normal((LINES, WIDTH)), (0, 0), 0.8)
    return np.clip(grey * (1 + 0.15 * (ends + picks) + 0.05 * noise), 0, 255).astype(np.uint8)


def features(pixels: NDArray[np.uint8]) -> Features:
    found = look_at(pixels, 0, pixels.shape[1])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def look() -> ClothLook:
    made = look_of([features(woven(seed)) for seed in range(10)])
    assert made is not None
    return ClothLook.model_validate_json(made.model_dump_json())


def test_other_strips_of_the_same_cloth_are_near_and_slow_drift_too(look: ClothLook) -> None:
    for seed in range(100, 120):
        assert not is_far(look, features(woven(seed)))
        assert not is_far(look, features(woven(seed, grey=112)))


CAUSES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "density (threads along": lambda: woven(200, weft=8.0),
    "density (threads across": lambda: woven(201, warp=9.2),
    "scale": lambda: woven(202, warp=9.2, weft=10.4),
    "light": lambda: woven(203, grey=70),
    "focus (its yarns are less sharp": lambda: cv2.GaussianBlur(woven(204), (0, 0), 2.0).astype(np.uint8),
}


@pytest.mark.parametrize("cause", list(CAUSES))
def test_the_cause_is_said_in_words(look: ClothLook, cause: str) -> None:
    assert cause_of(look, features(CAUSES[cause]()), {}).startswith(cause)


def test_cloth_as_taught_has_no_cause(look: ClothLook) -> None:
    assert cause_of(look, features(woven(300)), {}) == UNKNOWN_CAUSE


def test_another_fabric_that_fits_better_is_named(look: ClothLook) -> None:
    other = look_of([features(woven(seed, 5.0, 14.0, 150)) for seed in range(FEWEST)])
    third = look_of([features(woven(seed, 12.0, 6.0, 90)) for seed in range(FEWEST)])
    assert other is not None
    assert third is not None
    known = {"twill-3": other, "poplin": third}
    foreign = features(woven(400, 5.0, 14.0, 150))
    assert is_far(look, foreign)
    assert looks_like(look, foreign, known) == "twill-3"
    assert cause_of(look, foreign, known) == "it looks like twill-3: is it the right recipe?"
    assert looks_like(look, features(woven(401)), known) == ""
    assert looks_like(look, features(woven(402, 20.0, 20.0)), known) == ""


def test_colour_is_looked_at_as_its_grey() -> None:
    pixels = woven(1)
    assert np.allclose(features(np.dstack([pixels] * 3)), features(pixels), atol=1e-4)


def test_too_little_cloth_has_no_look() -> None:
    assert look_at(woven(1)[: WINDOW_PX - 1], 0, WIDTH) is None
    assert look_at(woven(1), 0, WINDOW_PX - 1) is None
    assert look_of([features(woven(1))] * (FEWEST - 1)) is None
