"""What another threshold would have made of a roll."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.contract import DefectKind
from station.quality.what_if import Fate, histogram, what_if
from station.records.rows import DefectRow, Verdict
from station.state.defect import Look

THRESHOLD, LEAST = 1.0, 2.0


def row(number: int, score: float, length_mm: float = 5.0, verdict: Verdict | None = None) -> DefectRow:
    is_reject = score >= THRESHOLD and length_mm >= LEAST
    return DefectRow(
        id=number, roll_id=1, roll="r", fabric="f", number=number, first_line=0, end_line=1, first_px=0, end_px=1,
        length_mm=length_mm, width_mm=1.0, area_mm2=1.0, position_mm=0.0, across_mm=0.0, score=score,
        threshold=THRESHOLD, unit="mm", kind=DefectKind.SPOT, is_reject=is_reject, piece=None,
        found_at=datetime(2026, 1, 1, tzinfo=UTC), crop_file=None, heat_file=None, verdict=verdict, reviewed_by=None,
    )  # fmt: skip


scores = st.lists(st.floats(0.1, 3.0), max_size=30)
peaks = scores.map(lambda values: np.array(values, np.float32))


@given(scores, peaks, st.floats(0.1, 3.0), st.floats(0.1, 3.0))
def test_a_higher_threshold_never_rejects_more(
    values: list[float], patch: np.ndarray, one: float, other: float
) -> None:
    defects = [row(n, score) for n, score in enumerate(values)]
    low = what_if(defects, patch, 10.0, min(one, other), LEAST, (THRESHOLD, LEAST))
    high = what_if(defects, patch, 10.0, max(one, other), LEAST, (THRESHOLD, LEAST))
    assert high.rejects <= low.rejects
    assert high.patches <= low.patches


@given(scores, st.floats(0.1, 3.0), st.floats(0, 10))
def test_what_stays_comes_and_goes_adds_up(values: list[float], threshold: float, least: float) -> None:
    defects = [row(n, score) for n, score in enumerate(values)]
    now = sum(defect.is_reject for defect in defects)
    new = what_if(defects, np.zeros(0, np.float32), None, threshold, least, (THRESHOLD, LEAST))
    assert new.rejects == now - new.fates.count(Fate.GOES) + new.fates.count(Fate.COMES)
    assert len(new.fates) == len(defects)


def test_the_recipe_in_force_changes_nothing() -> None:
    defects = [row(1, 0.8), row(2, 1.0), row(3, 1.5, length_mm=1.0)]
    new = what_if(defects, np.zeros(0, np.float32), None, THRESHOLD, LEAST, (THRESHOLD, LEAST))
    assert new.fates == (Fate.PASSES, Fate.STAYS, Fate.PASSES)


def test_what_another_look_saw_is_judged_by_that_looks_own_threshold() -> None:
    long = replace(row(1, 1.5), look=Look.LONG, threshold=1.4)
    for threshold in (0.5, 3.0):
        new = what_if([long], np.zeros(0, np.float32), None, threshold, LEAST, (THRESHOLD, LEAST))
        assert (new.rejects, new.fates) == (1, (Fate.STAYS,))
    new = what_if([long], np.zeros(0, np.float32), None, THRESHOLD, 9.0, (THRESHOLD, LEAST))
    assert (new.rejects, new.fates) == (0, (Fate.GOES,)), "the least size is every look's"


def test_rates_are_per_100_m_and_tell_reviewed_from_unreviewed() -> None:
    defects = [row(1, 2.0, verdict=Verdict.FALSE_ALARM), row(2, 2.0), row(3, 2.0, verdict=Verdict.CONFIRMED)]
    new = what_if(defects, np.array([0.5, 1.0, 2.0], np.float32), 50.0, THRESHOLD, LEAST, (THRESHOLD, LEAST))
    assert (new.rejects, new.false_alarms, new.unreviewed, new.patches) == (3, 1, 1, 2)
    assert new.per_100_m(new.false_alarms) == pytest.approx(2.0)
    assert what_if(defects, np.zeros(0, np.float32), None, THRESHOLD, LEAST, (THRESHOLD, LEAST)).per_100_m(1) is None


@given(peaks, st.floats(0.5, 4.0))
def test_no_patch_is_lost_by_the_histogram(patch: np.ndarray, top: float) -> None:
    edges, counts = histogram(patch, top)
    assert counts.sum() == len(patch)
    assert len(edges) == len(counts) + 1
