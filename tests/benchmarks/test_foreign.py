"""A small sample of the study of foreign cloth."""

from __future__ import annotations

import pytest

from benchmarks import foreign


@pytest.mark.slow
def test_of_three_styles_the_foreign_is_told_the_right_one_named_and_no_right_roll_called_foreign() -> None:
    styles = {name: foreign.STYLES[name] for name in ("twill", "satin", "herringbone")}
    outcome = foreign.study(6, 3, styles)
    assert (outcome.foreign_told, outcome.named_right, outcome.rolls_called_foreign) == (6, 6, 0)
    assert "told 6 of 6" in str(outcome)
