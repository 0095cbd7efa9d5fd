"""The studies' figures agree with the station's own, and their intervals with what they claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.study.measure import FIGURES, Judged, Tally, figure, judged_image
from benchmarks.study.table import Method, difference_table, figures_table
from station.evaluation import metrics
from tests.rigs.pixel_figures import pixel_scores


def image(seed: int, flawed: bool, strength: float = 0.3) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A map of 256 × 512 px with ties, and its truth of two regions."""
    random = np.random.default_rng(seed)
    anomaly_map = random.gamma(3, 0.1, (256, 512))
    truth = np.zeros((256, 512), np.bool_)
    if flawed:
        truth[20:60, 30:90] = True
        truth[200:205, 300 : 310 + seed] = True
        anomaly_map[truth] += strength
    return np.round(anomaly_map, 2).astype(np.float32), truth


def images(count: int, seed: int = 0, strength: float = 0.3) -> list[Judged]:
    web = np.ones((256, 512), np.bool_)
    web[:, :8] = False
    made = []
    for number in range(count):
        flawed = number % 2 == 1
        anomaly_map, truth = image(seed + number, flawed, strength)
        made.append(judged_image(np.where(web, anomaly_map, 0), truth, web, flawed=flawed))
    return made


def plain(judged: list[Judged]) -> dict[str, float]:
    counts = Tally.of(judged).counts
    return {name: float(figure(name, counts[name], np.ones((1, len(judged))))[0]) for name in FIGURES}


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 6), st.integers(0, 99), st.floats(0.0, 1.0))
def test_figures_agree_with_the_exact_ones(count: int, seed: int, strength: float) -> None:
    judged = images(count, seed, strength)
    made = [image(seed + number, number % 2 == 1, strength) for number in range(count)]
    web = np.ones((256, 512), np.bool_)
    web[:, :8] = False
    maps, truths = [np.where(web, one, 0).astype(np.float32) for one, _ in made], [truth for _, truth in made]
    valid = [web] * count
    pixels = pixel_scores(truths, maps, valid)
    figures = plain(judged)
    flawed = [one.flawed for one in judged]
    assert figures["image_auroc"] == pytest.approx(metrics.auroc(flawed, [one.max() for one in maps]))
    assert figures["pixel_auroc"] == pytest.approx(pixels.auroc(), abs=1e-3)
    assert figures["pixel_ap"] == pytest.approx(pixels.average_precision(), abs=5e-3)
    assert figures["aupro"] == pytest.approx(pixels.aupro(), abs=2e-3)
    tiles = np.concatenate([one.tiles for one in judged])
    assert figures["tile_auroc"] == pytest.approx(
        metrics.auroc(np.concatenate([one.tile_truths for one in judged]), tiles)
    )


def test_a_draw_of_each_image_once_is_the_plain_figure_and_draws_keep_both_classes() -> None:
    judged = images(8)
    tally = Tally.of(judged)
    weights, flawed, counts = tally.draws(50, seed=1), tally.flawed, tally.counts
    assert (weights[:, flawed].sum(1) == flawed.sum()).all()
    assert (weights[:, ~flawed].sum(1) == (~flawed).sum()).all()
    for name in FIGURES:
        doubled = figure(name, counts[name], np.full((1, 8), 2.0))
        assert float(doubled[0]) == pytest.approx(plain(judged)[name])
        assert np.isfinite(figure(name, counts[name], weights)).all()


def tally(seed: int = 0, strength: float = 0.3) -> Tally:
    return Tally.of(images(8, seed, strength))


def test_the_table_shows_the_better_method_ahead() -> None:
    good = Method({"a": [tally()], "b": [tally(50)]})
    poor = Method({"a": [tally(0, 0.1)], "b": [tally(50, 0.1)]})
    assert len(figures_table({"good": good, "poor": poor}, ["a", "b"])) == 2 + 2 * 3
    row = difference_table([("good − poor", good, poor)], ["a"])[2].split("|")[3:-1]
    ahead = dict(zip(FIGURES, (float(cell.split("[")[0]) for cell in row), strict=True))
    assert ahead["pixel_auroc"] > 0.05
    assert ahead["pixel_ap"] > 0.02


def test_equal_methods_differ_by_nothing() -> None:
    one = Method({"a": [tally(), tally(8)]})
    assert "+0.000 [+0.000, +0.000]" in difference_table([("same", one, one)], ["a"])[2]


def test_pointing_asks_whether_the_highest_score_lies_on_the_flaw() -> None:
    assert plain(images(8, 0, 3.0))["pointing"] == 1.0
    assert plain(images(8, 0, -0.3))["pointing"] == 0.0
