"""How fast cloth may go: the reckoning, and what the gauges say of the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.line.gauges import CALLS_ENOUGH, Gauges
from station.line.pace import MARGIN, fastest_m_per_min
from tests.rigs.line import DeviationScorer, Run, ScriptedCamera, blocks, cloth


@pytest.mark.field("r15")
def test_the_speed_follows_from_tiles_per_second_and_tiles_across() -> None:
    # 2,048 columns, 32 of overlap: 1 + ceil(1792 / 224) = 9 tiles across; a row of them is 224 lines of 0.5 mm
    fastest = fastest_m_per_min(90.0, 2048, 32, 0.5)
    assert fastest == pytest.approx(MARGIN * (90 / 9) * 224 * 0.5e-3 * 60)


@given(rate=st.floats(0.1, 1e4), web_px=st.integers(4, 20_000), overlap=st.integers(0, 32).map(lambda n: 4 * n))
def test_a_wider_web_is_never_faster_and_a_faster_machine_never_slower(rate: float, web_px: int, overlap: int) -> None:
    speed = fastest_m_per_min(rate, web_px, overlap, 0.2)
    assert 0 < fastest_m_per_min(rate, web_px + 500, overlap, 0.2) <= speed
    assert fastest_m_per_min(2 * rate, web_px, overlap, 0.2) == pytest.approx(2 * speed)


def test_the_machine_is_known_by_calls_in_which_it_had_all_it_could_do() -> None:
    gauges = Gauges()
    assert gauges.capacity() == (None, False)
    for _ in range(CALLS_ENOUGH):
        gauges.scored(9, 0.6, is_full=False)
    assert gauges.capacity() == (pytest.approx(15.0), False)
    gauges.scored(0, 5.0, is_full=True)  # a row without cloth says nothing
    for _ in range(CALLS_ENOUGH):
        gauges.scored(18, 0.5, is_full=True)
    assert gauges.capacity() == (pytest.approx(36.0), True)


def test_a_running_line_says_how_fast_the_machine_could_go() -> None:
    scorer = DeviationScorer(delay_s=0.004)
    run = Run(ScriptedCamera(blocks(cloth(6000, 600)), width_px=600), scorer).to_end()
    snapshot = run.inspection.snapshot()
    assert snapshot.fastest_m_per_min is not None
    assert 0 < snapshot.fastest_m_per_min <= fastest_m_per_min(1 / scorer.delay_s, 600, 32, 0.5)
    assert str(snapshot.columns) == "0 to 599 of 600"


def test_without_a_scale_no_speed_is_told() -> None:
    run = Run(ScriptedCamera(blocks(cloth(3000, 600)), width_px=600), mm_per_px=None).to_end()
    assert run.inspection.snapshot().fastest_m_per_min is None
