"""Figures of merit against scikit-learn and against definitions worked out by brute force."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from model.errors import ModelError
from station.evaluation import metrics
from station.evaluation.metrics import PixelScores
from tests.rigs.pixel_figures import pixel_scores

Case = tuple[NDArray[np.bool_], NDArray[np.float32]]


@st.composite
def labelled_scores(draw: st.DrawFn) -> Case:
    """Labels of both classes and scores with many ties."""
    pairs = draw(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=60))
    truth = np.array([flag for flag, _ in pairs])
    assume(truth.any() and not truth.all())
    return truth, np.array([score / 2 for _, score in pairs], np.float32)


@settings(deadline=None)
@given(labelled_scores())
def test_auroc_and_average_precision_agree_with_scikit_learn(case: Case) -> None:
    truth, scores = case
    assert metrics.auroc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    assert metrics.average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


@settings(deadline=None)
@given(labelled_scores())
def test_f1_max_is_the_best_of_all_thresholds(case: Case) -> None:
    truth, scores = case
    precision, recall, _ = precision_recall_curve(truth, scores)
    best = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))
    f1, threshold = metrics.f1_max(truth, scores)
    assert f1 == pytest.approx(best)
    found = scores >= threshold
    assert f1 == pytest.approx(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def brute_aupro(
    truths: list[NDArray[np.bool_]],
    maps: list[NDArray[np.float32]],
    valid: list[NDArray[np.bool_]],
    limit: float,
) -> float:
    """The definition, naively: one threshold after another, one region after another, one trapezium after another."""
    points = [(0.0, 0.0)]
    thresholds = np.unique(np.concatenate([m[v] for m, v in zip(maps, valid, strict=True)]))[::-1]
    for threshold in thresholds:
        overlaps, false, good = [], 0, 0
        for truth, one, counted in zip(truths, maps, valid, strict=True):
            found = (one >= threshold) & counted
            labels, count = ndimage.label(truth & counted, structure=np.ones((3, 3)))
            overlaps += [found[labels == region].mean() for region in range(1, count + 1)]
            false += int((found & ~truth).sum())
            good += int((counted & ~truth).sum())
        points.append((false / good, float(np.mean(overlaps))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < limit and x1 > x0:
            end = min(x1, limit)
            at_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            area += (end - x0) * (y0 + at_end) / 2
    return area / limit


Images = tuple[list[NDArray[np.bool_]], list[NDArray[np.float32]], list[NDArray[np.bool_]]]


@st.composite
def judged_images(draw: st.DrawFn) -> Images:
    """One to three small images with regions, many ties and pixels that do not count."""
    shape = draw(st.tuples(st.integers(2, 9), st.integers(2, 9)))
    count = draw(st.integers(1, 3))
    flags = arrays(np.bool_, shape)
    truths = [draw(flags) for _ in range(count)]
    maps = [draw(arrays(np.float32, shape, elements=st.integers(-2, 8).map(float))) / 4 for _ in range(count)]
    valid = [~(draw(flags) & draw(flags) & draw(flags)) for _ in range(count)]
    counted = np.concatenate([t[v] for t, v in zip(truths, valid, strict=True)])
    assume(counted.any() and not counted.all())
    return truths, maps, valid


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(judged_images(), st.sampled_from([0.05, 0.3, 1.0]))
def test_aupro_agrees_with_its_definition(images: Images, limit: float) -> None:
    assert pixel_scores(*images).aupro(limit) == pytest.approx(brute_aupro(*images, limit), abs=1e-9)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(judged_images())
def test_pixel_figures_agree_with_scikit_learn(images: Images) -> None:
    truths, maps, valid = images
    flags = np.concatenate([t[v] for t, v in zip(truths, valid, strict=True)])
    scores = np.concatenate([m[v] for m, v in zip(maps, valid, strict=True)])
    assert pixel_scores(*images).auroc() == pytest.approx(roc_auc_score(flags, scores))
    assert pixel_scores(*images).average_precision() == pytest.approx(average_precision_score(flags, scores))


def test_counting_pixels_by_score_loses_nothing_that_matters() -> None:
    rng = np.random.default_rng(3)
    truth = ndimage.binary_dilation(rng.random((300, 400)) < 0.0005, iterations=3)
    one = (rng.lognormal(-1, 0.3, truth.shape) * np.where(truth, 1.5, 1)).astype(np.float32)
    assert len(np.unique(one)) > 100_000
    assert pixel_scores([truth], [one]).auroc() == pytest.approx(roc_auc_score(truth.ravel(), one.ravel()), abs=1e-6)
    assert pixel_scores([truth], [one]).average_precision() == pytest.approx(
        average_precision_score(truth.ravel(), one.ravel()), abs=1e-4
    )


def test_a_perfect_map_has_a_perfect_aupro_whatever_the_sizes_of_its_regions() -> None:
    truth = np.zeros((40, 40), bool)
    truth[2:4, 2:4] = truth[10:35, 10:35] = True
    assert pixel_scores([truth], [truth.astype(np.float32)]).aupro() == pytest.approx(1.0)
    half = truth & (np.arange(40) < 8)  # the small region only
    assert pixel_scores([truth], [half.astype(np.float32)]).aupro() == pytest.approx(0.5 + 0.5 * 0.15, abs=0.01)


def test_pixels_that_do_not_count_change_nothing() -> None:
    rng = np.random.default_rng(1)
    truth, one = rng.random((30, 30)) < 0.1, rng.random((30, 30)).astype(np.float32)
    spoilt, valid = one.copy(), np.ones((30, 30), bool)
    spoilt[:, 20:], valid[:, 20:] = 9.0, False
    whole, part = pixel_scores([truth], [spoilt], [valid]), pixel_scores([truth[:, :20]], [one[:, :20]])
    assert whole.auroc() == pytest.approx(part.auroc())
    assert whole.average_precision() == pytest.approx(part.average_precision())
    assert whole.aupro() == pytest.approx(part.aupro())


@pytest.mark.parametrize(
    ("truth", "scores", "word"),
    [
        ([True, True], [0.1, 0.2], "one class"),
        ([True, False], [0.1], "as many"),
        ([True, False], [0.1, float("nan")], "finite"),
    ],
)
def test_impossible_input_is_refused_in_a_sentence(truth: list[bool], scores: list[float], word: str) -> None:
    with pytest.raises(ModelError, match=word):
        metrics.auroc(truth, scores)


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ModelError, match="size"):
        PixelScores().add(np.ones((3, 3), bool), np.ones((3, 4), np.float32))
    with pytest.raises(ModelError, match="one class"):
        pixel_scores([np.zeros((3, 3), bool)], [np.ones((3, 3), np.float32)]).aupro()
    with pytest.raises(ModelError, match="finite"):
        PixelScores().add(np.eye(3, dtype=bool), np.full((3, 3), np.inf, np.float32))
