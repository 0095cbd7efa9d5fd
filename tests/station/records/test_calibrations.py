"""Calibrations on record, and the rolls that refer to them."""

from __future__ import annotations

import pytest

from station.contract import DefectChanged
from station.records.history import History
from station.records.rows import DefectFilter, NewCalibration, RecordsError, RollMeasures
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe

SCALE = NewCalibration("scale", "cam", {"across_mm_per_px": 0.4}, "2411", 2048, 0.12, "px")
SHADING = NewCalibration("shading", "cam", {"gain": [1.0]}, "2411", 1, 0.4, "%")


def test_a_calibration_comes_back_as_it_was_told(store: Store) -> None:
    numbers = store.add_calibrations([SCALE, SHADING], "ann", "new lens")
    newest, oldest = History(store).calibrations("cam")
    assert [oldest.id, newest.id] == numbers
    assert all(getattr(oldest, name) == getattr(SCALE, name) for name in NewCalibration.__dataclass_fields__)
    assert (oldest.made_by, newest.kind) == ("ann", "shading")
    assert History(store).calibrations("other") == []
    assert len(History(store).calibrations()) == 2


def test_of_two_calibrations_of_which_one_is_unfit_neither_is_kept(store: Store) -> None:
    unfit = NewCalibration("shading", "cam", {"residual": float("nan")})
    with pytest.raises((RecordsError, ValueError)):
        store.add_calibrations([SCALE, unfit], "ann")
    assert History(store).calibrations() == []


def test_a_defect_leads_to_the_calibrations_it_was_measured_with(store: Store) -> None:
    store.add_calibrations([SCALE], "ann")  # an older one, not used
    used = store.add_calibrations([SCALE, SHADING], "ann")
    store.begin_roll("r", make_recipe(), "cam", measures=RollMeasures(0.4, 0.41, "", tuple(used)))
    store.write(DefectChanged(make_defect()))
    assert store.flush()
    history = History(store)
    roll = history.roll("r")
    (defect,) = history.defects(DefectFilter(roll.id))
    assert (roll.mm_per_px, roll.mm_per_line, roll.unverified) == (0.4, 0.41, "")
    assert sorted(row.id for row in history.calibrations(roll_id=defect.roll_id)) == used
    assert (defect.unit, defect.unverified) == ("mm", "")


def test_a_roll_that_nobody_calibrated_for_is_unverified(store: Store) -> None:
    store.begin_roll("r", make_recipe(), "cam")
    roll = History(store).roll("r")
    assert (roll.mm_per_px, roll.mm_per_line) == (0.5, 0.5)
    assert "no calibration" in roll.unverified


def test_a_roll_cannot_refer_to_a_calibration_that_does_not_exist(store: Store) -> None:
    with pytest.raises(RecordsError):
        store.begin_roll("r", make_recipe(), "cam", measures=RollMeasures(0.4, 0.4, "", (7,)))
    assert History(store).rolls() == []
