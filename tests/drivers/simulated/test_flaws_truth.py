"""What flaws do to the picture: exactly the pixels of their box, exactly their contrast."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import SOFT_PX, SPOTS, FlawKind
from drivers.simulated.weave import STYLES

LINES = 8000


def pair(style: str, kind: FlawKind) -> tuple[Cloth, Cloth]:
    settings = {"width_px": 900, "mm_per_px": 0.5, "seed": 6, "web_px": (20, 880)}
    return Cloth(style, **settings, flaws_per_m=5.0, flaw_kinds=[kind]), Cloth(style, **settings)  # type: ignore[arg-type]


def check(style: str, kind: FlawKind, lines: int) -> int:
    flawed, good = pair(style, kind)
    before = good.render(0, lines).astype(np.int16)
    change = flawed.render(0, lines).astype(np.int16) - before
    seen = 0
    for patch in flawed.patches(0, lines):
        flaw = patch.flaw
        assert flaw.kind is kind
        if flaw.first_line < 0 or flaw.end_line > lines:
            change[max(flaw.first_line, 0) : flaw.end_line, flaw.first_px : flaw.end_px] = 0
            continue
        seen += 1
        box = change[flaw.first_line : flaw.end_line, flaw.first_px : flaw.end_px]
        np.testing.assert_array_equal(box, patch.delta)
        for border in (box[0], box[-1], box[:, 0], box[:, -1]):
            assert border.any()
        bright = flawed.column_gain[flaw.first_px : flaw.end_px]
        contrast = (np.abs(box) / bright)[patch.core].mean() / flawed.sigma
        assert contrast == pytest.approx(flaw.contrast_sigma, rel=0.05)
        longest = max(box.shape) if kind in SPOTS else box.shape[0 if flaw.warp_wise else 1]
        assert -2 <= longest - flaw.length_mm / 0.5 <= 2 * SOFT_PX + 1
        change[flaw.first_line : flaw.end_line, flaw.first_px : flaw.end_px] = 0
    assert not change.any()
    return seen


@pytest.mark.parametrize("kind", FlawKind)
def test_box_and_contrast_are_true(kind: FlawKind) -> None:
    assert check("demo", kind, LINES) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("style", [name for name in STYLES if name != "demo"])
def test_box_and_contrast_are_true_on_every_cloth(style: str) -> None:
    seen = sum(check(style, kind, 2500) for kind in (FlawKind.MISSING_PICK, FlawKind.BAR, FlawKind.HOLE, FlawKind.KNOT))
    assert seen >= 10


def test_truth_comes_with_every_line_range_it_meets() -> None:
    cloth = Cloth("demo", width_px=900, mm_per_px=0.5, seed=9, web_px=(20, 880), flaws_per_m=5.0)
    flaws = cloth.flaws(0, 20_000)
    assert len(flaws) > 20
    for flaw in flaws:
        assert flaw in cloth.flaws(flaw.end_line - 1, flaw.end_line)
        assert flaw in cloth.flaws(flaw.first_line, flaw.first_line + 1)
        assert flaw not in cloth.flaws(flaw.end_line, flaw.end_line + 500)
        assert flaw not in cloth.flaws(flaw.first_line - 500, flaw.first_line)


def test_directions_follow_the_cause() -> None:
    cloth = Cloth("demo", width_px=900, mm_per_px=0.5, seed=9, web_px=(20, 880), flaws_per_m=8.0)
    for flaw in cloth.flaws(0, 40_000):
        lines, px = flaw.end_line - flaw.first_line, flaw.end_px - flaw.first_px
        if flaw.length_mm < 20:
            continue
        if flaw.kind in (FlawKind.BROKEN_END, FlawKind.CREASE):
            assert lines > px
        if flaw.kind in (FlawKind.MISSING_PICK, FlawKind.DOUBLE_PICK, FlawKind.MISPICK, FlawKind.BAR):
            assert px > lines


def test_a_broken_end_is_one_yarn_wide_and_dark_and_a_knot_is_light() -> None:
    broken, _ = pair("demo", FlawKind.BROKEN_END)
    for patch in broken.patches(0, LINES):
        assert patch.delta.max() <= 0
        assert patch.delta.shape[1] <= 10
    knots, _ = pair("demo", FlawKind.KNOT)
    assert all(patch.delta.min() >= 0 for patch in knots.patches(0, LINES))


def test_flaws_do_not_depend_on_what_was_rendered_before() -> None:
    settings = {"width_px": 900, "mm_per_px": 0.5, "seed": 6, "web_px": (20, 880), "flaws_per_m": 5.0}
    one, other = Cloth("demo", **settings), Cloth("demo", **settings)  # type: ignore[arg-type]
    one.render(0, 300)
    assert one.flaws(3000, 9000) == other.flaws(0, 9000)[-len(one.flaws(3000, 9000)) :]
