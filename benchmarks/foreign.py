"""This study asks how surely other cloth is told from what was taught, and named, by what it looks like.

Simulated styles are taught from a few strips of good cloth each.  Then strips woven with other seeds are held against
every style's look, as the line holds them: foreign cloth (a style never taught) must be told, the right one of several
taught ones named, and the right cloth never called foreign, on a whole roll with a shade that drifts.

    python -m benchmarks.foreign --trials 200
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES, ClothStyle
from station.line.flow import StripPart
from station.line.judging.web_cause import Known, is_other, looks_like
from station.line.judging.web_state import WebState
from station.recipe import Recipe
from station.recipe.cloth_look import ClothLook, Features, look_at, look_of
from station.state.cloth_differs import ClothDiffers

WIDTH, LINES, MM_PER_PX = 640, 224, 0.5
TAUGHT_STRIPS, ROWS = 6, 8
DRIFT = 0.03
"""The light of a roll drifts by this share at most, as calibration allows."""


@dataclass(frozen=True)
class Outcome:
    """An outcome counts trials and those that went right, of each of the three questions."""

    foreign: int
    foreign_told: int
    named: int
    named_right: int
    rolls: int
    rolls_called_foreign: int

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"foreign cloth told {self.foreign_told} of {self.foreign}; right style named {self.named_right} of "
            f"{self.named}; rolls of right cloth called foreign {self.rolls_called_foreign} of {self.rolls}"
        )


def fabrics() -> dict[str, ClothStyle]:
    """Return the styles, and for each a sister of the same weave with other yarns."""
    sisters = {
        f"{name}, closer": replace(
            style, warp_pitch_mm=0.8 * style.warp_pitch_mm, weft_pitch_mm=0.8 * style.weft_pitch_mm
        )
        for name, style in STYLES.items()
    }
    return {**STYLES, **sisters}


def strip(style: ClothStyle, seed: int, row: int = 0) -> np.ndarray:
    """Weave a strip, uint8 ``[LINES, WIDTH]``."""
    return Cloth(style, width_px=WIDTH, mm_per_px=MM_PER_PX, seed=seed).render(row * LINES, LINES)


def features(style: ClothStyle, seed: int) -> Features:
    """Weave a strip and look at it."""
    found = look_at(strip(style, seed), 0, WIDTH)
    assert found is not None
    return found


def taught(style: ClothStyle) -> ClothLook:
    """Teach a look from a few strips, halves of them side by side, as teach-in does."""
    looks = [
        look_at(strip(style, 1, row), side, side + WIDTH // 2)
        for row in range(TAUGHT_STRIPS)
        for side in (0, WIDTH // 2)
    ]
    made = look_of([look for look in looks if look is not None])
    assert made is not None
    return made


def roll_events(style: ClothStyle, look: ClothLook, seed: int, known: Known | None = None) -> list[object]:
    """Play a roll of right cloth whose light drifts; return what was told of it."""
    recipe = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0, look=look)
    told: list[object] = []
    state = WebState(recipe, told.append, known)
    cloth = Cloth(style, width_px=WIDTH, mm_per_px=MM_PER_PX, seed=seed)
    scores, alike = np.zeros((LINES // 4, WIDTH // 4), np.float32), np.ones(WIDTH // 4, np.float32)
    for row in range(ROWS):
        light = 1 + DRIFT * np.sin(seed + row / 3)
        pixels = np.clip(cloth.render(row * LINES, LINES) * light, 0, 255).astype(np.uint8)
        first = row * LINES
        state.see(StripPart(0, first, first + LINES, pixels, scores, alike, 0, WIDTH, ((0, WIDTH),), (2,), None))
    state.end()
    return told


def trials(styles: dict[str, ClothStyle], count: int) -> Iterator[tuple[str, str, int]]:
    """Yield (style woven, style taught, seed) with both drawn evenly."""
    random = np.random.default_rng(7)
    names = list(styles)
    for number in range(count):
        woven, other = random.choice(len(names), 2, replace=False)
        yield names[woven], names[other], 1000 + number


def study(count: int, rolls: int, styles: dict[str, ClothStyle] | None = None) -> Outcome:
    """Make so many trials of the first two questions, and so many rolls."""
    styles = styles or fabrics()
    looks = {name: taught(style) for name, style in styles.items()}
    told = named = foreign_rolls = 0
    for woven, other, seed in trials(styles, count):
        seen = features(styles[woven], seed)
        known = {name: look for name, look in looks.items() if name != other}
        strangers = {name: look for name, look in known.items() if name != woven}
        told += is_other(looks[other], seen, strangers)
        named += looks_like(looks[other], seen, known) == woven
    for number in range(rolls):
        name = list(styles)[number % len(styles)]
        known = {other: look for other, look in looks.items() if other != name}
        told_of = roll_events(styles[name], looks[name], 5000 + number, known)
        foreign_rolls += any(isinstance(one, ClothDiffers) for one in told_of)
    return Outcome(count, told, count, named, rolls, foreign_rolls)


def main() -> None:
    """Run the study and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rolls", type=int, default=100)
    options = parser.parse_args()
    print(study(options.trials, options.rolls))


if __name__ == "__main__":
    main()
