"""Which looks were taught is said in a sentence, and why one was not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from drivers.memory import MemoryCamera
from model.mfrnet import MFRNet
from model.pattern.repeat import RepeatFinder
from model.time_budget import TimeBudget
from station.recipe.looks import LONG, LongLookLimits, shares_of
from station.teaching.looks.broad import teach_beside
from station.teaching.looks.taught import LooksTaught
from station.teaching.request import TeachRequest
from tests.rigs.records import make_looks, make_recipe


def test_each_look_is_named_with_its_share_of_the_false_alarms() -> None:
    looks = LooksTaught.of(make_looks(), shares_of([2, 4, LONG]), {})
    assert sum(looks.shares.values()) == 1
    assert looks.told() == (
        "Looks taught, each with its share of the false alarms: fine 40%, broad 2 20%, broad 4 20%, long 20%."
    )


def test_a_look_that_found_no_threshold_is_left_off() -> None:
    never = LongLookLimits(warp=(None,), weft=(None,))
    looks = LooksTaught.of(make_looks(broad=make_looks().broad[:1], long=never), shares_of([2, 4, LONG]), {})
    assert list(looks.shares) == ["fine", "broad 2"]
    assert looks.told() == (
        "Looks taught, each with its share of the false alarms: fine 40%, broad 2 20%; "
        "left off: broad 4 (too little good cloth to set its threshold); "
        "long (too little good cloth to set its threshold)."
    )


def test_the_fine_look_alone_is_said_plainly() -> None:
    assert LooksTaught.of(make_recipe(), shares_of([]), {}).told() == "The fine look alone was taught."
    assert LooksTaught().told() == "The fine look alone was taught."


def beside(lines: int, seconds: float, repeat: RepeatFinder | None = None) -> dict[str, str]:
    """Teach the other looks, as far as they are left off before anything is fitted."""
    cloth = np.random.default_rng(0).integers(80, 160, (lines, 512), np.uint8)
    network = SimpleNamespace(broad={}, long={})
    budget = TimeBudget(seconds / 60, None, None)
    recipe, request = make_recipe(web="full"), TeachRequest("linen", mm_per_px=0.5, long=repeat is None)
    camera = MemoryCamera(cloth, lines=len(cloth))
    left_off = teach_beside(lambda: camera, recipe, cast(MFRNet, network), request, budget, 0.8, repeat)
    assert (network.broad, network.long) == ({}, {})
    return left_off


def test_little_cloth_leaves_off_all_but_the_fine_look_and_says_why() -> None:
    left_off = beside(lines=400, seconds=300)
    assert list(left_off) == ["long", "broad 2", "broad 4"]
    assert left_off["broad 4"].endswith("tiles of good cloth 4 times smaller are too few of 12")
    told = LooksTaught.of(make_recipe(), shares_of([]), left_off).told()
    assert told.startswith(
        "The fine look alone was taught; left off: long (400 lines of good cloth are too few to learn how long, faint "
        "flaws would show; at least 512 are needed); broad 2 ("
    )


def test_a_repeat_is_looked_for_even_where_the_time_was_over() -> None:
    finder = RepeatFinder()
    beside(lines=6000, seconds=1e-6, repeat=finder)
    assert finder.has_enough


def test_where_the_time_was_over_that_is_why() -> None:
    left_off = beside(lines=4000, seconds=1e-6)
    assert left_off["broad 2"] == (
        "no time was left to see more (--minutes): 0 tiles of good cloth 2 times smaller are too few of 12"
    )
    assert left_off["long"].startswith("no time was left to see more (--minutes): 0 lines of good cloth are too few")
