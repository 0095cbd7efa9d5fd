"""Files that are no checkpoint, or only look like one: each is refused in one sentence, and nothing in it is run."""

from __future__ import annotations

import ast
import contextlib
import json
import pickle
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import model
from model import checkpoint
from model.errors import ModelError
from model.mfrnet import MFRNet
from model.weightfiles import read_state

MANY = 40


@pytest.fixture(scope="module")
def whole(taught: MFRNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "model.safetensors"
    checkpoint.save(taught, path, {"fabric": "linen", "precision": "bf16"})
    return path


def refused(path: Path) -> str:
    """The sentence that refuses a file, which names it and is one."""
    with pytest.raises(ModelError) as told:
        checkpoint.load(path)
    sentence = str(told.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """A file's header and its numbers."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:start]), content[start:]


def put(path: Path, header: Mapping[str, Any], numbers: bytes) -> Path:
    """Write a file of a header and numbers, whatever they claim."""
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + numbers)
    return path


def changed(whole: Path, path: Path, change: Mapping[str, str] = {}, **tensors: torch.Tensor | None) -> Path:
    """The file with other words in its header, and tensors put in or (None) taken out."""
    header, _ = parts(whole)
    state: dict[str, torch.Tensor | None] = {**load_file(whole), **tensors}
    save_file(
        {key: value for key, value in state.items() if value is not None}, path, {**header["__metadata__"], **change}
    )
    path.write_bytes(checkpoint.sealed(path.read_bytes()))
    return path


def test_cut_off_anywhere_it_is_refused(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    places = {*range(9), begin - 1, begin, begin + 1, len(content) - 1}
    places |= {int(place) for place in rng.integers(8, begin, MANY)}
    places |= {int(place) for place in rng.integers(begin, len(content), MANY)}
    for place in places:
        path = tmp_path / "cut.safetensors"
        path.write_bytes(content[:place])
        assert "damaged" in refused(path)


def test_damaged_bytes_are_refused_or_harmless(whole: Path, tmp_path: Path) -> None:
    """Header bytes at random: what can still be read is a network of the right shapes."""
    content = whole.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(1)
    path = tmp_path / "damaged.safetensors"
    for _ in range(MANY):
        spoiled = bytearray(content)
        for place in rng.integers(0, begin, 3):
            spoiled[place] = rng.integers(256)
        path.write_bytes(spoiled)
        with contextlib.suppress(ModelError):
            assert isinstance(checkpoint.load(path), MFRNet)


def test_weights_that_are_not_those_saved_are_refused(whole: Path, tmp_path: Path) -> None:
    header, numbers = parts(whole)
    rng = np.random.default_rng(2)
    path = tmp_path / "other.safetensors"
    for place in (0, len(numbers) - 1, *rng.integers(0, len(numbers), 10)):
        spoiled = bytearray(numbers)
        spoiled[place] ^= 1
        assert "damaged" in refused(put(path, header, spoiled))
    header["__metadata__"]["sha256"] = "0" * 64
    assert "damaged" in refused(put(path, header, numbers))


def test_a_file_of_the_first_version_has_no_hash_and_loads(whole: Path, tmp_path: Path) -> None:
    header, numbers = parts(whole)
    del header["__metadata__"]["sha256"]
    assert "damaged" in refused(put(tmp_path / "none.safetensors", header, numbers))
    header["__metadata__"]["version"] = "1"
    assert isinstance(checkpoint.load(put(tmp_path / "first.safetensors", header, numbers)), MFRNet)


@pytest.mark.parametrize("claimed", [0, 1, 1 << 20, 1 << 27, 1 << 40, (1 << 64) - 1])
def test_a_claimed_header_length_is_not_believed(whole: Path, tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "claims.safetensors"
    path.write_bytes(struct.pack("<Q", claimed) + whole.read_bytes()[8:])
    assert "damaged" in refused(path)


def test_claimed_tensors_beyond_the_file_are_refused(whole: Path, tmp_path: Path) -> None:
    header, numbers = parts(whole)
    name = "restoration.stem.weight"
    for entry in (
        {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]},
        {"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]},
        {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]},
        {"dtype": "F999", "shape": [4], "data_offsets": [0, 16]},
    ):
        assert "damaged" in refused(put(tmp_path / "claims.safetensors", {**header, name: entry}, numbers))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak of memory this way")
def test_a_small_file_that_claims_a_huge_trunk_gets_no_memory(whole: Path, tmp_path: Path) -> None:
    wide: dict[str, torch.Tensor | None] = {
        f"encoder.trunk.{layer}.weight": torch.zeros(4096, 1, 1, 1) for layer in ("0.0", "1.0", "3.0", "5")
    }
    path = changed(whole, tmp_path / "claims.safetensors", **wide)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < (200 << 20 if sys.platform == "darwin" else 200 << 10)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[]",
        "null",
        '{"width": 1e9}',
        '{"k": [0]}',
        '{"k": [32], "n": 16}',
        '{"n": 1000000}',
        '{"channels": 1000000}',
        '{"scales": [7]}',
        '{"scales": []}',
        '{"mask_seed": 1e400}',
        f'{{"mask_seed": {2**80}}}',
        '{"__class__": "os.system"}',
        '{"block": "__import__"}',
        "{" * 1000,
    ],
)
def test_settings_that_cannot_be_are_refused(whole: Path, tmp_path: Path, config: str) -> None:
    path = changed(whole, tmp_path / "odd.safetensors", {"config": config})
    with pytest.raises(ModelError):
        checkpoint.load(path)


@pytest.mark.parametrize("name", ["", "resnet", "../../etc/passwd", "__import__('os')"])
def test_an_encoder_nobody_knows_is_refused(whole: Path, tmp_path: Path, name: str) -> None:
    path = changed(whole, tmp_path / "odd.safetensors", {"encoder": name})
    with pytest.raises(ModelError, match="no encoder"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda given: given.double(),
        lambda given: given.bfloat16(),
        lambda given: given.long(),
        lambda given: given.bool(),
        lambda given: given.to(torch.float8_e4m3fn),
        lambda given: given.float() * torch.nan,
        lambda given: given.float() + torch.inf,
        lambda given: given.flatten(),
        lambda given: given[..., None],
        lambda given: given[:1],
        lambda given: None,
    ],
    ids=["f64", "bf16", "i64", "bool", "f8", "nan", "inf", "flat", "deeper", "fewer", "gone"],
)
@pytest.mark.parametrize("key", ["encoder.trunk.1.0.weight", "restoration.head.1.weight", "measure.weight"])
def test_a_tensor_of_another_kind_is_refused(
    whole: Path, tmp_path: Path, key: str, make: Callable[[torch.Tensor], torch.Tensor | None]
) -> None:
    given = load_file(whole)[key]
    refused(changed(whole, tmp_path / "odd.safetensors", **{key: make(given)}))


@pytest.mark.parametrize("name", ["../../../escape", "/etc/escape", "encoder.trunk.9.weight", "a\x00b", ""])
def test_a_tensor_too_many_is_refused_and_its_name_leads_nowhere(whole: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "down" / "here"
    folder.mkdir(parents=True)
    refused(changed(whole, folder / "odd.safetensors", **{name: torch.zeros(3)}))
    assert [one.name for one in tmp_path.rglob("*") if one.is_file()] == ["odd.safetensors"]


def test_metadata_that_is_none_is_refused(whole: Path, tmp_path: Path) -> None:
    for metadata in ("", "[1]", "7", '{"a": [1]}', '{"a": null}', '{"threshold": NaN}', '{"threshold": -Infinity}'):
        path = changed(whole, tmp_path / "odd.safetensors", {"metadata": metadata})
        with pytest.raises(ModelError, match="metadata that cannot be read"):
            checkpoint.read_metadata(path)


class Mine:
    """Pickled, it writes a file as soon as it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self._proof,)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.pt"])
def test_no_code_runs_from_a_model_file(tmp_path: Path, name: str) -> None:
    proof, path = tmp_path / "proof", tmp_path / name
    bombs: list[Callable[[], object]] = [
        lambda: path.write_bytes(pickle.dumps(Mine(proof))),
        lambda: path.write_bytes(pickle.dumps({"features.0.weight": Mine(proof)})),
        lambda: torch.save({"features.0.weight": Mine(proof)}, path),
        lambda: torch.save(Mine(proof), path, _use_new_zipfile_serialization=False),
        lambda: torch.save(torch.nn.Linear(2, 2), path),
    ]
    for bomb in bombs:
        bomb()
        refused(path)
        with pytest.raises(ModelError):
            read_state(path)
        assert not proof.exists()
    pickle.loads(pickle.dumps(Mine(proof)))
    assert proof.exists(), "the bomb would not have gone off at all"


def test_nothing_that_reads_models_could_run_code() -> None:
    """No pickle, no evaluation of text; torch reads weights only."""
    for file in Path(model.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}, file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "compile", "__import__", "np.load", "torch.jit.load"}, file
                if called == "torch.load":
                    assert "weights_only=True" in ast.unparse(node), file


def test_a_threshold_found_in_another_precision_is_told(whole: Path) -> None:
    assert checkpoint.precision_warning(whole, "bf16") is None
    sentence = checkpoint.precision_warning(whole, "f32")
    assert sentence is not None
    assert "bf16" in sentence
    assert "f32" in sentence
    assert sentence.count(".") == 1
