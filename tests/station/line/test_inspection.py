"""One roll from camera to events: what is found and told of its cloth."""

from __future__ import annotations

import numpy as np
import pytest

from station.contract import (
    DefectChanged,
    DefectKind,
    Event,
    Ledger,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.line.inspection import Inspection
from tests.rigs.line import LONG, DeviationScorer, Run, ScriptedCamera, block, blocks, cloth, flawed, recipe


@pytest.mark.parametrize("size", [17, 128, 600])
def test_flaws_are_found_once_each_whatever_the_blocks(size: int) -> None:
    run = Run(ScriptedCamera(blocks(flawed(), size), width_px=700)).to_end()
    assert run.inspection.failure is None
    closed = {e.defect.number: e.defect for e in run.of(DefectChanged) if e.defect.closed}
    assert len(closed) == 2
    assert len([e for e in run.of(DefectChanged) if e.defect.closed]) == 2
    spot, line = sorted(closed.values(), key=lambda d: d.length_mm)
    assert spot.is_reject
    assert (spot.first_line, spot.end_line, spot.first_px, spot.end_px) == (300, 310, 400, 410)
    assert (line.first_line, line.end_line, line.first_px, line.end_px) == (200, 1300, 600, 604)
    assert line.kind is DefectKind.WARP_LINE
    assert line.crop is not None
    snapshot = run.inspection.snapshot()
    assert (snapshot.defects, snapshot.rejects) == (2, 2)
    assert snapshot.ledger == Ledger(1500, 1500, 0, 0)
    assert (snapshot.metres_inspected, snapshot.metres_uninspected) == (0.75, 0.0)


def test_every_line_is_told_once_in_order_with_the_scores_of_the_whole() -> None:
    first, second = flawed(), cloth(90, 700, seed=3)
    steps = [*blocks(first, 200, piece="a"), *blocks(second, 200, first=1500, piece="b")]
    run = Run(ScriptedCamera(steps, width_px=700)).to_end()
    views = run.of(StripView)
    line = 0
    for view in views:
        assert view.first_line == line
        line += view.pixels.shape[0]
    assert np.array_equal(np.concatenate([v.pixels for v in views]), np.concatenate([first, second]))
    assert [v.piece for v in views] == ["a"] * (len(views) - 1) + ["b"]
    assert {v.threshold for v in views} == {20.0}
    scores = np.concatenate([v.scores for v in views if v.piece == "a"])
    assert scores.shape == (375, 175)
    # The spot is over the threshold, plain cloth far below.
    assert scores[75:77, 100:102].max() > 20
    assert np.median(scores) < 16
    rows = run.of(RowJudged)
    assert [row.first_line for row in rows] == [view.first_line for view in views]
    assert rows[-1].end_line == 1590
    for row, view in zip(rows, views, strict=True):
        assert len(row.peaks) == 3
        assert row.width_px == 700
        assert row.peaks.max() == view.scores.max()


def test_the_scores_do_not_depend_on_the_blocks() -> None:
    told = []
    for size in (16, 100, 1000):
        run = Run(ScriptedCamera(blocks(flawed(), size), width_px=700)).to_end()
        told.append(np.concatenate([v.scores for v in run.of(StripView)]))
    np.testing.assert_allclose(told[0], told[1], atol=4e-5)
    np.testing.assert_allclose(told[0], told[2], atol=4e-5)


def test_a_flood_of_defects_is_told_once() -> None:
    pixels = cloth(1000, 700)
    for line in range(20, 980, 50):
        for column in range(20, 680, 50):
            pixels[line : line + 6, column : column + 6] = 250
    run = Run(ScriptedCamera(blocks(pixels), width_px=700)).to_end()
    assert run.inspection.snapshot().defects == 20 * 14
    assert len([n for n in run.of(Notice) if "recipe fit" in n.text]) == 1
    quiet = Run(ScriptedCamera(blocks(flawed()), width_px=700)).to_end()
    assert quiet.of(Notice) == []


def test_pieces_do_not_join() -> None:
    pixels = cloth(200, 300)
    pixels[:, 100:102] = 220
    steps = [*blocks(pixels, piece="a"), *blocks(pixels, first=200, piece="b")]
    run = Run(ScriptedCamera(steps, width_px=300)).to_end()
    closed = [e.defect for e in run.of(DefectChanged) if e.defect.closed]
    assert [(d.piece, d.first_line, d.end_line) for d in closed] == [("a", 0, 200), ("b", 200, 400)]


def test_no_cloth_is_uninspected_and_still_shown() -> None:
    pixels = np.full((512, 600), 255, np.uint8)
    run = Run(ScriptedCamera(blocks(pixels), width_px=600), web="auto").to_end()
    assert [e.stretch for e in run.of(StretchClosed)] == [Stretch(0, 512, UninspectedReason.NO_CLOTH)]
    assert sum(v.pixels.shape[0] for v in run.of(StripView)) == 512
    assert run.of(RowJudged) == []
    assert run.scorer.tiles == 0


def test_cloth_shorter_than_a_tile_between_two_losses_is_not_judged() -> None:
    pixels = cloth(1100, 300)
    pixels[400:420, 100:120] = pixels[700:720, 100:120] = 220
    steps = [block(pixels[first:end], first) for first, end in ((0, 300), (310, 565), (566, 822), (830, 1000))]
    run = Run(ScriptedCamera(steps, width_px=300)).to_end()
    lost, short = UninspectedReason.LOST_BY_CAMERA, UninspectedReason.TOO_SHORT
    assert [e.stretch for e in run.of(StretchClosed)] == [
        Stretch(0, 300),
        Stretch(300, 310, lost),
        Stretch(310, 565, short),
        Stretch(565, 566, lost),
        Stretch(566, 822),
        Stretch(822, 830, lost),
        Stretch(830, 1000, short),
    ]
    assert run.events[-1].ledger == Ledger(1000, 556, 444, 0)
    assert [d.defect.first_line // 100 for d in run.of(DefectChanged) if d.defect.closed] == [7]
    hatched = [v.first_line for v in run.of(StripView) if v.blind_px == ((0, 300),)]
    assert hatched == [310, 830]
    assert not {310, 830} & {row.first_line for row in run.of(RowJudged)}
    words = [n.text for n in run.of(Notice) if "without a break" in n.text]
    assert len(words) == 1, "seldom: the ledger has the figures"
    assert words[0].startswith("Lines 310 to 565 are not inspected: ")


@pytest.mark.parametrize("web", ["full", "auto"])
@pytest.mark.parametrize("lines", [1, 100, 255])
def test_a_roll_shorter_than_a_tile_is_uninspected_and_it_is_said_why(lines: int, web: str) -> None:
    run = Run(ScriptedCamera(blocks(cloth(lines, 600)), width_px=600), web=web).to_end()
    assert [e.stretch for e in run.of(StretchClosed)] == [Stretch(0, lines, UninspectedReason.TOO_SHORT)]
    assert sum(v.pixels.shape[0] for v in run.of(StripView)) == lines
    assert [n.severity for n in run.of(Notice)] == [Severity.WARNING]
    assert "fewer than 256 lines" in run.of(Notice)[0].text
    assert run.scorer.tiles == 0


def test_a_picture_lower_than_a_tile_is_judged() -> None:
    pixels = cloth(100, 300)
    pixels[40:60, 100:120] = 220
    run = Run(ScriptedCamera(blocks(pixels, piece="low.png"), width_px=300)).to_end()
    assert [e.stretch for e in run.of(StretchClosed)] == [Stretch(0, 100)]
    assert run.inspection.snapshot().rejects == 1


def test_the_table_beside_the_cloth_is_not_judged() -> None:
    pixels = np.full((600, 900), 200, np.uint8)
    pixels[:, 300:] = cloth(600, 600)
    run = Run(ScriptedCamera(blocks(pixels), width_px=900), web="auto").to_end()
    for view in run.of(StripView):
        assert 300 <= view.left_px <= 480
        assert view.right_px >= 880
        assert not view.scores[:, : view.left_px // 4].any()
        assert view.scores[:, view.left_px // 4 : view.right_px // 4].all()


def test_the_width_is_measured_where_both_edges_of_the_web_are_seen_and_shows_a_narrow_spot() -> None:
    pixels = np.full((1500, 1100), 200, np.uint8)
    pixels[:, 100:1000] = cloth(1500, 900)
    pixels[600:1100, 900:1000] = 200
    run = Run(ScriptedCamera(blocks(pixels), width_px=1100), web="auto").to_end()
    rows = run.of(RowJudged)
    narrow = [row.cloth_px for row in rows if row.first_line >= 600 and row.end_line <= 1000]
    wide = [row.cloth_px for row in rows if row.end_line <= 450]
    assert 892 <= min(wide) <= max(wide) <= 908
    assert 792 <= min(narrow) <= max(narrow) <= 808


@pytest.mark.parametrize(("web", "beside"), [("full", 100), ("100:1000", 100), ("auto", 0)])
def test_a_width_that_is_the_cameras_or_was_given_is_not_measured(web: str, beside: int) -> None:
    pixels = np.full((600, 1100), 200, np.uint8)
    pixels[:, beside:] = cloth(600, 1100 - beside)
    run = Run(ScriptedCamera(blocks(pixels), width_px=1100), web=web).to_end()
    rows = run.of(RowJudged)
    assert rows
    assert not any(row.cloth_px for row in rows)


def test_colour_goes_the_same_way() -> None:
    pixels = np.stack([flawed(600, 500)] * 3, axis=2)
    run = Run(ScriptedCamera(blocks(pixels), width_px=500, channels=3)).to_end()
    (defect,) = [e.defect for e in run.of(DefectChanged) if e.defect.closed]
    assert defect.crop is not None
    assert defect.crop.shape == (128, 128, 3)


def test_without_a_scale_sizes_are_pixels_and_metres_unknown() -> None:
    run = Run(ScriptedCamera(blocks(flawed(600, 500)), width_px=500), mm_per_px=None).to_end()
    (defect,) = [e.defect for e in run.of(DefectChanged) if e.defect.closed]
    assert defect.length_mm == defect.end_line - defect.first_line
    snapshot = run.inspection.snapshot()
    assert snapshot.metres_inspected is None
    assert snapshot.speed_m_per_min is None


def test_the_strip_views_can_be_left_out() -> None:
    events: list[Event] = []
    camera = ScriptedCamera(blocks(flawed()), width_px=700)
    inspection = Inspection(camera, DeviationScorer(), recipe(), on_event=events.append, view=False)
    inspection.start()
    assert inspection.wait(LONG)
    assert not any(isinstance(event, StripView) for event in events)
    assert any(isinstance(event, RowJudged) for event in events)
    assert events[-1] == RollEnded("", Ledger(1500, 1500, 0, 0))
