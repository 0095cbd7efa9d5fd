"""These tests hold the two laws of raw scores: they fold what is linear in logarithms, and unfold it again."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.loss import HybridMeasure
from model.scorer import folded, unfolded

linear = arrays(np.float32, (4, 5), elements=st.floats(-2.5, 40, width=32))


@given(linear)
def test_what_was_folded_unfolds_again(s: np.ndarray) -> None:
    scores = folded(s)
    assert (scores > 0).all()
    assert np.allclose(unfolded(scores), s, atol=2e-3)


@given(linear)
def test_folding_keeps_the_order_and_hardly_moves_what_is_high(s: np.ndarray) -> None:
    order = np.argsort(s, axis=None)
    assert (np.diff(folded(s).ravel()[order]) >= 0).all()
    high = s > 1.5
    assert np.allclose(folded(s)[high], s[high], atol=1e-3)


def test_the_measure_scores_in_just_this_way() -> None:
    measure = HybridMeasure(3, 8, "pixel", without_light=False)
    random = torch.Generator().manual_seed(0)
    features, restored = torch.randn(2, 2, 3, 8, 8, generator=random)
    logarithms = measure.logarithms(measure.errors(features, restored))
    s = ((logarithms - measure.usual) / measure.spread * measure.shares).sum(1, keepdim=True)
    assert np.allclose(measure(features, restored).numpy(), folded(s.numpy()), atol=1e-5)
