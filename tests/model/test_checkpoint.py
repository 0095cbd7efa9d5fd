"""Checkpoints: what comes back is what went in; strangers are refused in one sentence."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model import checkpoint
from model.errors import ModelError
from model.long import LongLearner
from model.mfrnet import MFRNet, blank, broad_config

METADATA: checkpoint.Metadata = {"fabric": "linen", "seed": 4, "threshold": 1.25}


@pytest.fixture
def saved(taught: MFRNet, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    checkpoint.save(taught, path, METADATA)
    return path


def test_a_network_comes_back_the_same(taught: MFRNet, saved: Path) -> None:
    back = checkpoint.load(saved)
    assert back.config == taught.config
    assert back.encoder.name == taught.encoder.name
    tile = torch.randint(0, 256, (1, 1, 256, 256), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(back(tile), taught(tile))


def test_its_broad_and_long_looks_come_back_with_it(taught: MFRNet, tmp_path: Path) -> None:
    several, path = copy.deepcopy(taught), tmp_path / "model.safetensors"
    for size in (2, 4):
        several.broad[size] = blank(broad_config(taught.config), several.encoder, seed=size).eval()
    learner = LongLearner(512)
    learner.see(np.random.default_rng(0).integers(90, 160, (2000, 512), np.uint8), 0, 512)
    look = learner.learned()
    assert look is not None
    several.long = look.to_arrays()
    checkpoint.save(several, path, METADATA)
    back = checkpoint.load(path)
    assert back.broad.keys() == {2, 4}
    assert all(one.encoder is back.encoder for one in back.broad.values())
    tile = torch.randint(0, 256, (1, 1, 256, 256), dtype=torch.uint8)
    with torch.inference_mode():
        for size, one in back.broad.items():
            torch.testing.assert_close(one(tile), several.broad[size](tile), rtol=0.02, atol=0.02)
    assert back.long.keys() == several.long.keys()
    assert all(np.array_equal(back.long[name], value) for name, value in several.long.items())


def test_the_pattern_of_each_look_comes_back_with_it_and_only_then_older_stations_are_told(
    taught: MFRNet, tmp_path: Path
) -> None:
    several, path = copy.deepcopy(taught), tmp_path / "model.safetensors"
    several.broad[2] = blank(broad_config(taught.config), several.encoder, seed=2).eval()
    checkpoint.save(several, path, METADATA)
    assert _header(path)["version"] == "3"
    random = np.random.default_rng(0)
    for number, one in enumerate((several, several.broad[2]), start=1):
        cells = random.random((30 // number, 20), np.float32) + np.float32(0.1)
        repeat = np.array(cells.shape, np.float32)
        one.pattern = {"repeat_cells": repeat, "picture": cells - 0.5, "mean": cells, "spread": cells}
    checkpoint.save(several, path, METADATA)
    assert _header(path)["version"] == "4"
    back = checkpoint.load(path)
    for one, other in ((back, several), (back.broad[2], several.broad[2])):
        assert one.pattern.keys() == other.pattern.keys()
        assert all(np.array_equal(one.pattern[name], value) for name, value in other.pattern.items())
    several.pattern["spread"] = several.pattern["spread"][:3]
    checkpoint.save(several, path, METADATA)
    with pytest.raises(ModelError, match="teach"):
        checkpoint.load(path)


@pytest.mark.parametrize("broad", ["[]", '{"2": 3}', '{"x": "{}"}', '{"1": "{}"}', '{"2": "{}"}', "not json"])
def test_broad_looks_that_are_none_are_refused(saved: Path, broad: str) -> None:
    _rewritten(saved, {"broad": broad})
    with pytest.raises(ModelError, match="teach"):
        checkpoint.load(saved)


def test_a_model_from_before_the_terms_were_weighed_scores_as_it_did(taught: MFRNet, saved: Path) -> None:
    config = taught.config.model_dump(mode="json")
    del config["pixel_share"]
    _rewritten(saved, {"config": json.dumps(config)})
    back, alike = checkpoint.load(saved), copy.deepcopy(taught)
    alike.measure.shares.fill_(0.5)
    tile = torch.randint(0, 256, (1, 1, 256, 256), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(back(tile), alike(tile))
        assert not torch.allclose(back(tile), taught(tile), atol=1e-3)


def test_the_hash_is_the_files_and_nothing_else_is_left(taught: MFRNet, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.safetensors"
    digest = checkpoint.save(taught, path, METADATA)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [one.name for one in path.parent.iterdir()] == ["model.safetensors"]


def test_the_same_network_has_the_same_hash(taught: MFRNet, tmp_path: Path) -> None:
    assert len({checkpoint.save(taught, tmp_path / "model.safetensors", METADATA) for _ in range(5)}) == 1


def test_metadata_is_read_without_the_weights(saved: Path) -> None:
    assert checkpoint.read_metadata(saved) == {"encoder": "light", **METADATA}


def _header(saved: Path) -> dict[str, str]:
    size = int.from_bytes(saved.read_bytes()[:8], "little")
    header: dict[str, str] = json.loads(saved.read_bytes()[8 : 8 + size])["__metadata__"]
    return header


def _rewritten(
    saved: Path, change: dict[str, str] | None = None, tensors: dict[str, torch.Tensor] | None = None
) -> None:
    header = _header(saved)
    state = load_file(saved) | (tensors or {})
    save_file({key: value for key, value in state.items() if value.numel()}, saved, header | (change or {}))
    saved.write_bytes(checkpoint.sealed(saved.read_bytes()))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "other"}, "no MFRNet checkpoint"),
        ({"version": "5"}, "upgrade"),
        ({"config": '{"width": 100000}'}, "settings"),
        ({"config": '{"width": 64}'}, "teach again"),
        ({"encoder": "resnet"}, "encoder"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(saved: Path, change: dict[str, str], word: str) -> None:
    _rewritten(saved, change)
    with pytest.raises(ModelError, match=word):
        checkpoint.load(saved)


@pytest.mark.parametrize(
    ("value", "word"),
    [(torch.zeros(3), "needed"), (torch.full((1, 2, 1, 1), torch.nan), "not numbers"), (torch.zeros(0), "at measure")],
)
def test_tensors_that_do_not_fit_are_refused(saved: Path, value: torch.Tensor, word: str) -> None:
    _rewritten(saved, tensors={"measure.spread": value})
    with pytest.raises(ModelError, match=word):
        checkpoint.load(saved)


def test_truncated_foreign_missing_and_huge_files_are_refused(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged"):
        checkpoint.load(saved)
    foreign = tmp_path / "foreign.safetensors"
    torch.save({"a": torch.zeros(1)}, foreign)
    with pytest.raises(ModelError, match="damaged or no checkpoint"):
        checkpoint.load(foreign)
    foreign.write_bytes(b"")
    with pytest.raises(ModelError, match="damaged or no checkpoint"):
        checkpoint.read_metadata(foreign)
    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(ModelError, match="no MFRNet checkpoint"):
        checkpoint.read_metadata(foreign)
    with pytest.raises(ModelError, match="no model file"):
        checkpoint.load(tmp_path / "missing")
    with foreign.open("wb") as huge:
        huge.truncate(checkpoint.LARGEST_BYTES + 1)
    with pytest.raises(ModelError, match="larger than any model"):
        checkpoint.load(foreign)


def test_a_file_that_cannot_be_written_is_told(taught: MFRNet, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder is needed")
    with pytest.raises(ModelError, match="could not be written"):
        checkpoint.save(taught, tmp_path / "occupied" / "model.safetensors")
