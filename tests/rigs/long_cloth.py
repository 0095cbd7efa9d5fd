"""Cloth for the long look: yarns with noise, drawn fast, and what is faint and long laid over it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from model.long import LongLearner, LongLimits, LongLook, LongScorer, Step
from station.contract import Defect
from station.line.judging.looks.long_lines import LongLines
from station.recipe import Recipe
from station.teaching.looks.long_limits import long_limits

WIDTH, LINES = 640, 512
YARN_PX, PICK_PX = 4.3, 5.1
RELIEF, NOISE = 6.0, 5.0
RECIPE = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0, mm_per_px=0.4)


@dataclass(frozen=True)
class Faint:
    """A faint line lies over lines and columns, half-open, ``levels`` grey levels lighter; ``lean`` px in all."""

    first_line: int
    end_line: int
    first_px: int
    end_px: int
    levels: float
    lean: float = 0.0


def cloth(seed: int, lines: int = LINES, *faint: Faint, light: float = 1.0) -> NDArray[np.uint8]:
    """Draw good cloth with faint lines in it, uint8 ``[lines, WIDTH]``, under light that falls off."""
    random = np.random.default_rng(seed)
    along, across = np.arange(lines)[:, None], np.arange(WIDTH)[None]
    phase = random.uniform(0, 2 * np.pi, 2)
    wander = cv2.GaussianBlur(random.normal(size=(lines, WIDTH)).astype(np.float32), (0, 0), 12) * 8
    grey = np.sin(2 * np.pi * across / YARN_PX + phase[0] + wander) + np.sin(2 * np.pi * along / PICK_PX + phase[1])
    grey = 120 + RELIEF * grey + random.normal(0, NOISE, grey.shape)
    for line in faint:
        rows, columns = slice(line.first_line, line.end_line), slice(line.first_px, line.end_px)
        for share, row in zip(np.linspace(-0.5, 0.5, line.end_line - line.first_line), range(lines)[rows], strict=True):
            if line.end_px - line.first_px < line.end_line - line.first_line:
                move = round(line.lean * float(share))
                grey[row, columns.start + move : columns.stop + move] += line.levels
            else:
                grey[row, columns] += line.levels
    fall = 1 - 0.3 * (across / WIDTH - 0.4) ** 2
    return np.clip(np.rint(grey * fall * light), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def look() -> LongLook:
    """Learn from a dozen pictures of good cloth."""
    learner = LongLearner(WIDTH)
    for seed in range(12):
        learner.see(cloth(seed), 0, WIDTH)
        learner.end_run()
    learned = learner.learned()
    assert learned is not None
    return learned


@lru_cache(maxsize=1)
def limits() -> LongLimits:
    """Set limits that one good picture in some dozens reaches at most."""
    return long_limits(look(), WIDTH, None, budget_per_100_m=0.25, per_tile=1e-3)


def scored(pixels: NDArray[np.uint8], cuts: tuple[int, ...] = ()) -> list[Step]:
    """Score a run, pushed in pieces cut at these lines."""
    scorer = LongScorer(look(), limits(), WIDTH)
    steps: list[Step] = []
    for first, end in itertools.pairwise([0, *sorted(cuts), len(pixels)]):
        steps += scorer.push(pixels[first:end], 0, WIDTH, first)
    return steps + scorer.end_run()


def told(steps: list[Step], recipe: Recipe = RECIPE) -> dict[int, list[Defect]]:
    """Have defects made of the steps of a run; everything told of each, by number."""
    numbers = itertools.count(1)
    tracker = LongLines(recipe, width_px=WIDTH, number=lambda: next(numbers))
    every: dict[int, list[Defect]] = {}
    for defect in [*tracker.feed(steps), *tracker.end_run()]:
        every.setdefault(defect.number, []).append(defect)
    return every
