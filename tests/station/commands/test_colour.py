"""Commands teach and inspect a folder in grey or in colour, never mixed."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from station.commands.good_cloth import cloth_in_folder
from station.commands.run import inspect_folder
from station.commands.session import Records
from station.contract import StationError
from station.recipe import Recipe
from station.recipe.cloth import TaughtCloth
from station.teaching.request import TeachRequest

GREY = np.random.default_rng(0).integers(60, 190, (300, 64), np.uint8)
CHECK = np.stack([GREY, 255 - GREY, GREY], 2)
GREY_AS_COLOUR = np.repeat(GREY[..., None], 3, 2)


@pytest.mark.parametrize(
    ("picture", "in_grey", "channels", "told"),
    [
        (CHECK, False, 3, "taught in colour"),
        (CHECK, True, 1, "in grey, as asked for"),
        (GREY_AS_COLOUR, False, 1, "in grey, as its pictures, stored as colour, show none"),
        (GREY, False, 1, "in grey, as its pictures are"),
    ],
    ids=["colour", "colour in grey", "grey as colour", "grey"],
)
def test_a_folder_is_taught_in_colour_where_it_shows_colour_and_nobody_overrules(
    picture: NDArray[np.uint8],
    in_grey: bool,
    channels: int,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    seen = cloth_in_folder(tmp_path, TeachRequest("check"), all_good=True, in_grey=in_grey).open()
    seen.start()
    block = seen.read(0.1)
    assert block is not None
    assert (seen.channels, block.pixels.ndim) == (channels, 2 if channels == 1 else 3)
    assert told in capsys.readouterr().err


def test_a_grey_folder_is_not_inspected_with_cloth_taught_in_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), GREY)
    cloth = TaughtCloth(width_px=64, channels=3, mean_grey=120, grey_spread=5, web_left_px=0, web_right_px=64)
    recipe = Recipe(fabric="check", model_sha256="0" * 64, encoder="light", threshold=1.0, cloth=cloth)
    records = cast(Records, SimpleNamespace(history=SimpleNamespace(recipe=lambda _name: recipe)))
    with pytest.raises(StationError, match="taught in colour, but camera replay is grey"):
        inspect_folder(records, fabric="check", folder=tmp_path, maps=None)
