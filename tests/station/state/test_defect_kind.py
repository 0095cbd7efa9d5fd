"""What a defect is called."""

from __future__ import annotations

import pytest

from station.state.defect_kind import DefectKind, Look, kind_words


@pytest.mark.parametrize(
    ("kind", "parts", "look", "words"),
    [
        (DefectKind.SPOT, 1, Look.FINE, "spot"),
        (DefectKind.AREA, 1, Look.BROAD, "broad, soft: area"),
        (DefectKind.AREA, 28, Look.FINE, "area of 28 spots"),
        ("area", 5, "fine", "area of 5 spots"),
        (DefectKind.WARP_LINE, 6, "fine", "warp-wise line of 6 pieces"),
        (DefectKind.WARP_LINE, 1, Look.LONG, "long, faint: warp-wise line"),
        (DefectKind.AREA, 5, "broad, soft", "broad, soft: area of 5 spots"),
    ],
)
def test_a_kind_says_which_look_saw_it_and_how_many_parts_it_has_where_that_says_something(
    kind: str, parts: int, look: str, words: str
) -> None:
    assert kind_words(kind, parts, look) == words
