"""What a line tells of a resumed roll counts on from where the roll's record ends."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.attending.continued import NOT_RESUMED, Continued
from station.contract import (
    ClothDiffers,
    DefectChanged,
    FeedState,
    Ledger,
    LineSnapshot,
    LineState,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.recipe.frame_spots import FrameAt
from tests.rigs.records import make_defect

BEFORE = Continued(Ledger(1000, 900, 100, 7), number=12, defects=10, rejects=4, along=0.5)


def test_places_and_numbers_count_on() -> None:
    told = BEFORE.event(DefectChanged(make_defect(3, merged_into=1, peak_line=32)))
    assert isinstance(told, DefectChanged)
    moved = told.defect
    assert (moved.number, moved.merged_into) == (15, 13)
    assert (moved.first_line, moved.end_line, moved.peak_line) == (1030, 1036, 1032)
    assert moved.position_mm == 15.0 + 500.0
    assert (moved.length_mm, moved.first_px) == (3.0, 40)
    paused = StretchClosed(Stretch(0, 50, UninspectedReason.PAUSED))
    assert BEFORE.event(paused) == StretchClosed(Stretch(1000, 1050, UninspectedReason.PAUSED))
    row = BEFORE.event(RowJudged(0, 256, np.ones(2, np.float32)))
    assert isinstance(row, RowJudged)
    assert (row.first_line, row.end_line) == (1000, 1256)
    assert BEFORE.event(ClothDiffers(10, None, 0.5, "")) == ClothDiffers(1010, None, 0.5, "")
    assert BEFORE.event(ClothDiffers(10, 20, 0.5, "")) == ClothDiffers(1010, 1020, 0.5, "")


def test_a_strip_lies_where_its_cloth_does_frames_included() -> None:
    strip = StripView(
        8, np.zeros((4, 4), np.uint8), np.zeros((1, 1), np.float32), 2.0, 4, 0, 4, frames=(FrameAt(6, 2, 64),)
    )
    told = BEFORE.event(strip)
    assert isinstance(told, StripView)
    assert (told.first_line, told.frames) == (1008, (FrameAt(1006, 2, 64),))


def test_what_has_no_place_and_a_roll_that_was_not_resumed_stay_as_they_are() -> None:
    notice, row = Notice(Severity.INFO, "dust"), RowJudged(0, 9, np.ones(1, np.float32))
    assert BEFORE.event(notice) is notice
    assert NOT_RESUMED.event(row) is row
    line = LineSnapshot(LineState.READY, FeedState.ENDED, "linen", 1, "r", Ledger(100, 80, 20), 0.04, 0.01)
    assert NOT_RESUMED.snapshot(line) is line


counts = st.integers(0, 10**7)


@given(counts, counts, counts, counts)
def test_the_ledger_of_the_whole_keeps_its_law(inspected: int, uninspected: int, flying: int, repeated: int) -> None:
    ledger = Ledger(inspected + uninspected + flying, inspected, uninspected, repeated)
    told = BEFORE.event(RollEnded("r", ledger))
    assert isinstance(told, RollEnded)
    whole = told.ledger
    assert whole.lines_in_flight == flying
    assert whole == Ledger(ledger.lines_acquired + 1000, inspected + 900, uninspected + 100, repeated + 7)


def test_a_snapshot_is_that_of_the_roll_and_its_lines_lie_at_the_same_place_of_the_encoder() -> None:
    line = LineSnapshot(
        LineState.CONTINUOUS_EXECUTION, FeedState.LIVE, "linen", 1, "r", Ledger(100, 80, 10), 0.04, 0.005,
        defects=2, rejects=1, origin_line=5000,
    )  # fmt: skip
    whole = BEFORE.snapshot(line)
    assert whole.ledger == Ledger(1100, 980, 110, 7)
    assert (whole.metres_inspected, whole.metres_uninspected) == (0.49, 0.055)
    assert (whole.defects, whole.rejects) == (12, 5)
    assert whole.end_line == line.end_line
    (defect,) = (BEFORE.event(DefectChanged(make_defect(3))),)
    assert isinstance(defect, DefectChanged)
    assert whole.origin_line is not None
    assert whole.origin_line + defect.defect.first_line == 5000 + 30
    no_scale = BEFORE.snapshot(LineSnapshot(line.state, line.feed, "linen", 1, "r", Ledger(100, 80, 10)))
    assert (no_scale.metres_inspected, no_scale.metres_uninspected) == (None, None)
