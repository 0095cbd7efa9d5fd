"""The broad looks see the cloth that the fine one sees, made smaller."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.memory import MemoryCamera
from station.line.flow import TileRow
from station.teaching.looks.broad import steps_of
from tests.rigs.records import make_recipe


@pytest.mark.parametrize(("web", "columns"), [("full", (0, 1024)), ("192:832", (192, 832))])
def test_they_look_at_the_columns_that_were_given_for_the_picture_at_full_size(
    web: str, columns: tuple[int, int]
) -> None:
    cloth = np.random.default_rng(0).integers(80, 160, (2048, 1024), np.uint8)
    camera = MemoryCamera(cloth, lines=len(cloth))
    rows = [row for row in steps_of(camera, make_recipe(web=web), (2, 4), lambda: False) if isinstance(row, TileRow)]
    assert {row.size for row in rows} == {2, 4}
    assert {(row.left_px * row.size, row.right_px * row.size) for row in rows} == {columns}
