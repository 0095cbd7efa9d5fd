"""How grave a defect is follows from the rule's steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.grading.rule import GradingRule
from station.grading.severity import severity_of
from station.grading.shelf import Shelf, read_rule
from station.grading.sizes import Flagged
from station.state.defect_kind import DefectKind
from station.state.grade import DefectSeverity

KNOWN = {rule.name: rule for rule in Shelf().rules}
FOUR = KNOWN["four-point"]
MINOR, MAJOR, CRITICAL = DefectSeverity


def flaw(length_mm: float = 10.0, width_mm: float = 5.0, across_mm: float = 500.0) -> Flagged:
    return Flagged(0, length_mm, width_mm, across_mm, web_mm=1000.0, area_mm2=length_mm * width_mm)


@pytest.mark.parametrize(
    ("defect", "kind", "severity"),
    [
        (flaw(), DefectKind.SPOT, MINOR),
        (flaw(151), DefectKind.WARP_LINE, MAJOR),
        (flaw(5, 300), DefectKind.WEFT_LINE, MAJOR),
        (flaw(1000), DefectKind.WARP_LINE, CRITICAL),
        (flaw(1000, 4, across_mm=10), DefectKind.WARP_LINE, MINOR),
        (flaw(1000, 4, across_mm=990), DefectKind.WARP_LINE, MINOR),
        (flaw(3, 3), DefectKind.HOLE, CRITICAL),
        (flaw(3, 3, across_mm=10), DefectKind.HOLE, CRITICAL),
    ],
)
def test_the_shipped_rule_says_how_grave_by_points_kind_size_and_place(
    defect: Flagged, kind: DefectKind, severity: DefectSeverity
) -> None:
    assert severity_of(defect, kind, FOUR) is severity


def test_a_mills_own_steps_count_in_their_order() -> None:
    own = read_rule(
        'name = "own"\nversion = 1\nlike = "four-point"\n'
        '[[severity]]\nlevel = "minor"\nkinds = ["spot", "hole"]\nwithin_edge = "50 mm"\n'
        '[[severity]]\nlevel = "critical"\narea_from_mm2 = 400.0\n'
        '[[severity]]\nlevel = "major"\nkinds = ["area"]\n',
        "own.toml",
        KNOWN,
    )
    assert severity_of(flaw(30, 20, across_mm=40), DefectKind.HOLE, own) is MINOR
    assert severity_of(flaw(30, 20), DefectKind.HOLE, own) is CRITICAL
    assert severity_of(flaw(), DefectKind.AREA, own) is MAJOR
    assert severity_of(flaw(), DefectKind.SPOT, own) is MINOR


def test_without_a_scale_only_what_asks_for_no_size_is_known() -> None:
    assert severity_of(flaw(), DefectKind.HOLE, FOUR, has_scale=False) is CRITICAL
    assert severity_of(flaw(), DefectKind.SPOT, FOUR, has_scale=False) is None


@given(
    rule=st.sampled_from(list(KNOWN.values())),
    kind=st.sampled_from(DefectKind),
    length=st.floats(0.1, 3000),
    width=st.floats(0.1, 800),
    more=st.floats(0, 3000),
)
def test_a_defect_that_grows_along_is_never_less_grave(
    rule: GradingRule, kind: DefectKind, length: float, width: float, more: float
) -> None:
    order = list(DefectSeverity)
    small, large = (severity_of(flaw(one, width), kind, rule) for one in (length, length + more))
    assert small is not None
    assert large is not None
    assert order.index(small) <= order.index(large)
