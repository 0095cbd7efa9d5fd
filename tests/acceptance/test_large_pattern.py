"""On cloth with a large pattern a black bar is found wherever it lies, and good cloth is left alone (f05)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import Camera
from drivers.replay import ReplayCamera
from model.checkpoint import load
from model.encoder import load_encoder
from model.runtime import Runtime
from station.commands.teach import repeat_told
from station.playback import Piece, play
from station.recipe import Recipe
from station.records.history import History
from station.records.model_files import checked_model
from station.records.store import Store
from station.teaching.request import TeachRequest
from station.teaching.sampling import TEACHING_BLOCK_LINES
from station.teaching.teach_in import teach
from tests.rigs.yarn_dyed import BAR_PX, barred, yarn_dyed

pytestmark = [pytest.mark.slow, pytest.mark.study]
"""The parts that find and judge a pattern are tested in tests/model/pattern."""

TAUGHT, PLACES = 40, 100
NEAR_PX = 16


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Recipe, Runtime]]:
    folder = tmp_path_factory.mktemp("check")
    for seed in range(TAUGHT):
        write(folder / "good" / f"{seed:03d}.png", yarn_dyed(seed))

    def cloth() -> Camera:
        return ReplayCamera(folder / "good", block_lines=TEACHING_BLOCK_LINES)

    with Store.open(folder / "home") as store:
        result, _ = teach(TeachRequest("check", minutes=4.0), cloth, load_encoder("light"), store)
        runtime = Runtime(load(checked_model(History(store), result.recipe.model_sha256)))
    yield result.recipe, runtime
    runtime.close()


def write(file: Path, picture: NDArray[np.uint8]) -> None:
    file.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(file), picture[..., ::-1])


def on_bar(piece: Piece, x: int, y: int) -> int:
    """How many rejects lie on a bar."""
    reach, high = BAR_PX / 2 + NEAR_PX, 6 + NEAR_PX
    return sum(
        one.is_reject
        and one.first_px < x + reach
        and one.end_px > x - reach
        and one.first_line - piece.first_line < y + high
        and one.end_line - piece.first_line > y - high
        for one in piece.defects
    )


@pytest.mark.timeout(1500)
@pytest.mark.field("f05")
def test_a_black_bar_is_found_in_every_place_of_a_check_and_good_cloth_is_left_alone(
    taught: tuple[Recipe, Runtime], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    recipe, runtime = taught
    told = repeat_told(recipe)
    assert "repeats every 180 px across" in told
    places = {}
    for number in range(PLACES):
        picture, places[f"{number:03d}.png"] = barred(yarn_dyed(1000 + number), number)
        write(tmp_path / "barred" / f"{number:03d}.png", picture)
        write(tmp_path / "good" / f"{number:03d}.png", yarn_dyed(3000 + number))
    marred = play(ReplayCamera(tmp_path / "barred"), runtime, recipe)
    good = play(ReplayCamera(tmp_path / "good"), runtime, recipe)
    found = sum(on_bar(piece, *places[name]) > 0 for name, piece in marred.pieces.items())
    rejected = sum(piece.rejects > 0 for piece in good.pieces.values())
    counted = f"Found in {found} of {PLACES} drawn places, {rejected} of {PLACES} good pictures rejected"
    record_property("now", f"{counted}.  Teach-in says: {told}")
    assert found == PLACES
    assert rejected <= 2
