"""A fixed spot that is gone is told once; one that is there is not."""

from __future__ import annotations

import numpy as np

from drivers.notice import Notice
from station.line.flow import StripPart
from station.line.judging.spot_watch import FRAMES, SpotWatch
from station.recipe.frame_spots import FrameAt, FrameSpots, SpotDivisors

WIDTH, LINES = 160, 96
SPOTS = FrameSpots(cells=((40, 40, 48, 2.0), (44, 40, 48, 2.0)), width_px=WIDTH, lines=LINES, usual=1.0)


def told(tops: list[float], part_lines: int = 48) -> list[str]:
    """Play frames whose raw score at the spot is this high."""
    heard: list[Notice] = []
    watch, divisors = SpotWatch(SPOTS, heard.append), SpotDivisors(SPOTS)
    for number, top in enumerate(tops):
        frames = (FrameAt(number * LINES, 0, LINES),)
        for first in range(0, LINES, part_lines):
            line, count = number * LINES + first, part_lines // 4
            raw = np.full((count, WIDTH // 4), 0.8, np.float32)
            rows = slice(max(0, 10 - first // 4), max(0, 12 - first // 4))
            raw[rows, 10:12] = top
            spread = divisors.of(frames, line, count, WIDTH)
            spread = np.ones(WIDTH // 4, np.float32) if spread is None else spread
            pixels = np.zeros((part_lines, WIDTH), np.uint8)
            web = ((0, WIDTH),)
            part = StripPart(0, line, line + part_lines, pixels, raw / spread, spread, 0, WIDTH, web, (1,), "p")
            watch.see(StripPart(*(getattr(part, name) for name in part.__slots__[:-1]), frames=frames))
    return [notice.text for notice in heard]


def test_a_cleaned_lens_is_told_once() -> None:
    for part_lines in (48, 44, 96):
        (text,) = told([2.2] * 30 + [0.9] * 3 * FRAMES, part_lines)
        assert "column 40, line 40" in text
        assert "no longer seen" in text


def test_a_spot_that_is_there_in_two_of_three_frames_is_not_told() -> None:
    assert told([2.2, 0.9, 2.2] * 60) == []
    assert told([0.9] * FRAMES) == []  # too few frames to say
