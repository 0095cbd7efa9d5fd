"""The loaded model: kept from roll to roll, but only as long as its file is there as it was recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.commands.session import open_records
from station.loaded_model import LoadedModel
from station.records.rows import RecordsError
from tests.rigs.places import ROOT

HOME = ROOT / "tests" / "data" / "made_at_832f2a0" / "home"


def test_each_roll_asks_for_the_file_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(HOME, home)
    with open_records(home) as records:
        recipe = records.history.recipe("mill-cotton")
        model = LoadedModel(records.history, "torch", "f32")
        first = model.load(recipe.model_sha256, 1)
        assert model.load(recipe.model_sha256, 1) is first, "it is not loaded a second time"
        [file] = (home / "models").glob("*.safetensors")
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(RecordsError):
            model.load(recipe.model_sha256, 1)
        file.unlink()
        with pytest.raises(RecordsError):
            model.load(recipe.model_sha256, 1)
        model.close()
