"""The colours of the heat map."""

from __future__ import annotations

from ui.theme.heat import heat_colours


def test_heat_turns_from_amber_to_red_at_the_threshold() -> None:
    table = heat_colours().astype(int)
    assert (table[:76] == 0).all(), "what is far below the threshold is not coloured"
    below, above = table[120], table[135]
    assert below[1] > 2 * below[0], "amber has green in it"
    assert above[2] > 4 * above[1], "red has not"
    assert (table[:, :3] <= table[:, 3:]).all(), "premultiplied"
