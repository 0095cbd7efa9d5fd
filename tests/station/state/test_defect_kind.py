"""What a defect is called."""

from __future__ import annotations

import pytest

from station.state.defect_kind import DefectKind, kind_words


@pytest.mark.parametrize(
    ("kind", "parts", "words"),
    [
        (DefectKind.SPOT, 1, "spot"),
        (DefectKind.AREA, 1, "area"),
        (DefectKind.AREA, 28, "area of 28 spots"),
        ("area", 5, "area of 5 spots"),
        (DefectKind.WARP_LINE, 6, "warp-wise line of 6 pieces"),
    ],
)
def test_a_kind_says_how_many_parts_it_has_where_there_are_several(kind: str, parts: int, words: str) -> None:
    assert kind_words(kind, parts) == words
