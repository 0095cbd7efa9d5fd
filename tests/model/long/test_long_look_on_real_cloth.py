"""The long look on real fabric: good strips stay below the limit, faint lines painted into them are found."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.long import LongLearner, LongLimits, LongLook, LongScorer, Step, WarpStep, WeftStep
from station.teaching.looks.long_limits import long_limits

WHITE = 235
"""Columns beside the cloth are lighter than this."""


def read(path: Path) -> tuple[NDArray[np.uint8], int]:
    """Return a strip, and the first column that is cloth, past its selvedge."""
    pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    white = np.flatnonzero(cv2.blur(pixels.mean(0)[None], (31, 1))[0] > WHITE)
    left = int(white.max()) + 40 if white.size and white.max() < pixels.shape[1] // 2 else 0
    return pixels.astype(np.uint8), (left + 3) // 4 * 4


@cache
def taught(folder: Path) -> tuple[LongLook, LongLimits]:
    """Learn from all good strips of a fabric."""
    strips = [read(path) for path in sorted((folder / "train" / "good").glob("*.png"))]
    width = strips[0][0].shape[1]
    learner = LongLearner(width)
    for pixels, left in strips:
        learner.see(pixels, left, width)
        learner.end_run()
    look = learner.learned()
    assert look is not None
    return look, long_limits(look, 0.85 * width, None, budget_per_100_m=0.25)


def scored(folder: Path, pixels: NDArray[np.uint8], left: int) -> list[Step]:
    look, limits = taught(folder)
    scorer = LongScorer(look, limits, pixels.shape[1])
    return scorer.push(pixels, left, pixels.shape[1], 0) + scorer.end_run()


def contrast(pixels: NDArray[np.uint8], left: int) -> float:
    """Return the spread of pixels of the cloth."""
    inside = pixels[:, left:].astype(np.float32)
    return float((inside - cv2.blur(inside, (65, 65))).std())


def painted(
    pixels: NDArray[np.uint8], left: int, *, end: bool, sigmas: float, seed: int
) -> tuple[NDArray[np.uint8], int]:
    """Paint a leaning line, 2 px wide, over the whole picture; return where its middle lies, too."""
    random = np.random.default_rng(seed)
    lines, width = pixels.shape
    grey = pixels.astype(np.float32)
    lean = random.uniform(-3, 3)
    place = int(random.integers(left + 60, width - 60) if end else random.integers(24, lines - 24))
    along = np.arange(lines) if end else np.arange(left, width)
    across = np.round(place + lean * np.linspace(-0.5, 0.5, along.size)).astype(int)
    for aside in (0, 1):
        where = (along, across + aside) if end else (across + aside, along)
        grey[where] += sigmas * contrast(pixels, left)
    rounded = np.floor(grey + random.random(grey.shape))
    return np.clip(rounded, 0, 255).astype(np.uint8), place


@pytest.mark.slow
@pytest.mark.parametrize("fabric", ["aitex_f01", "aitex_f03"])
def test_good_strips_stay_below_the_limit(shared_data: Path, fabric: str) -> None:
    folder = shared_data / fabric
    hits = [any(step.hits for step in scored(folder, *read(path))) for path in (folder / "test" / "good").glob("*.png")]
    assert sum(hits) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fabric", "end", "sigmas", "least"),
    [
        ("aitex_f01", True, -0.3, 0.85),
        ("aitex_f01", True, 0.3, 0.85),
        ("aitex_f01", False, -0.8, 0.8),  # its good strips show lines of their own where the feed wobbled
        ("aitex_f03", True, -0.3, 0.9),
        ("aitex_f03", False, -0.3, 0.9),
        ("aitex_f03", False, 0.3, 0.9),
    ],
)
def test_faint_lines_painted_into_good_strips_are_found(
    shared_data: Path, fabric: str, end: bool, sigmas: float, least: float
) -> None:
    folder, kind = shared_data / fabric, WarpStep if end else WeftStep
    found = []
    for seed, path in enumerate(2 * sorted((folder / "test" / "good").glob("*.png"))):
        pixels, left = read(path)
        picture, place = painted(pixels, left, end=end, sigmas=sigmas, seed=seed)
        steps = [step for step in scored(folder, picture, left) if isinstance(step, kind)]
        found.append(any(abs(hit.place - place) < 12 for step in steps for hit in step.hits))
    assert np.mean(found) >= least
