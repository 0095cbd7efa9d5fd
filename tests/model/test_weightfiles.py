"""Weight files of strangers: what torch writes is read, what claims more than it holds is refused in one sentence."""

from __future__ import annotations

import io
import pickle
import pickletools
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from model.errors import ModelError
from model.weightfiles import LARGEST_BYTES, LARGEST_INDEX_BYTES, read_state

STATE = {"features.0.weight": torch.arange(24.0).view(2, 3, 2, 2), "features.0.bias": torch.ones(2).half()}


def refused(path: Path) -> str:
    """The sentence that refuses a file, which names it and is one."""
    with pytest.raises(ModelError) as told:
        read_state(path)
    sentence = str(told.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def not_plain(path: Path) -> None:
    assert "not a plain state dict" in refused(path)


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def save_as(kind: type, told: Callable[[Any], tuple[Any, ...]], state: object, path: Path, zipped: bool) -> Path:
    """Save with objects of a kind pickled as told, which torch's own writer would not."""

    class Writer(pickle.Pickler):
        def reducer_override(self, obj: object) -> Any:
            return told(obj) if isinstance(obj, kind) else NotImplemented

    module = SimpleNamespace(Pickler=Writer, dump=pickle.dump, __name__="pickle")
    torch.save(state, path, pickle_module=module, _use_new_zipfile_serialization=zipped)
    return path


def rezipped(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The zip with its members changed."""
    with zipfile.ZipFile(path) as given:
        members = {one.filename: given.read(one) for one in given.infolist()}
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, change(name, content))
    return path


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch must not be given the file at all."""
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch was given the file"))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_torch_writes_is_read(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    for state in (STATE, module.state_dict(), dict(module.named_parameters()), {"a": torch.ones(3).double()}):
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        assert same(read_state(path), state)


def test_the_published_files_old_way_is_read(tmp_path: Path) -> None:
    """An empty tensor of the storage's kind, given its storage afterwards."""

    def as_in_2017(value: Tensor) -> tuple[Any, ...]:
        empty = {torch.float32: torch.FloatTensor, torch.float16: torch.HalfTensor}[value.dtype]
        whole = value.untyped_storage()
        storage = torch.storage.TypedStorage(wrap_storage=whole, dtype=value.dtype, _internal=True)  # type: ignore[no-untyped-call]
        return empty, (), (storage, 0, tuple(value.shape), value.stride())

    assert same(read_state(save_as(Tensor, as_in_2017, STATE, tmp_path / "old.pth", zipped=False)), STATE)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_view_that_repeats_its_numbers_is_refused(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "expanded.pth"
    claimed = torch.zeros(1).expand(1 << 22, 1 << 22)  # 64 TiB
    torch.save({"features.0.weight": claimed}, path, _use_new_zipfile_serialization=zipped)
    assert path.stat().st_size < 2000
    not_plain(path)


def test_a_tensor_whose_numbers_are_missing_is_refused(tmp_path: Path) -> None:
    """torch leaves in it what the memory held."""
    path = tmp_path / "missing.pth"
    torch.save({"a": torch.zeros(1 << 18)}, path, _use_new_zipfile_serialization=False)
    content = io.BytesIO(path.read_bytes())
    for _ in range(4):
        list(pickletools.genops(content))
    path.write_bytes(content.getvalue()[: content.tell()] + pickle.dumps([], 2))
    assert path.stat().st_size < 1000
    assert torch.load(path, weights_only=True)["a"].nbytes == 1 << 20
    not_plain(path)


def test_a_tensor_that_claims_more_than_its_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.pth"
    torch.save({"a": torch.zeros(1 << 18)}, path)
    not_plain(rezipped(path, lambda name, content: content[:4] if name.endswith("data/0") else content))


@pytest.mark.usefixtures("unread")
def test_a_compressed_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "small.pth"
    torch.save({"features.0.weight": torch.zeros(1 << 20)}, path)
    rezipped(path, lambda _, content: content, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000
    not_plain(path)


@pytest.mark.usefixtures("unread")
def test_members_that_together_claim_too_much_are_not_even_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claims.pth"
    torch.save({str(index): torch.zeros(10) for index in range(10)}, path)
    with zipfile.ZipFile(path, "a") as made:
        for index in range(10):
            member = made.getinfo(f"claims/data/{index}")
            member.file_size = member.compress_size = LARGEST_BYTES // 9
        made.writestr("claims/more", b"so that the directory is written anew")
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("a member was read"))
    not_plain(path)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "call",
    [(bytearray, (1 << 50,)), (torch.UntypedStorage, (1 << 50,)), (torch.Tensor, (1 << 50,))],
    ids=["bytearray", "storage", "tensor"],
)
def test_a_pickle_that_asks_for_memory_is_refused_unread(call: tuple[Any, ...], zipped: bool, tmp_path: Path) -> None:
    """torch would call each of these, even where it reads weights only."""
    not_plain(save_as(Tensor, lambda _: call, STATE, tmp_path / "asks.pth", zipped))


@pytest.mark.usefixtures("unread")
def test_an_endless_pickle_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "long.pth"
    torch.save(STATE, path)
    rezipped(path, lambda name, content: b"}" * LARGEST_INDEX_BYTES + b"." if name.endswith("data.pkl") else content)
    not_plain(path)


def test_what_was_looked_through_is_what_torch_reads(tmp_path: Path) -> None:
    """Two archives in one file: Python's reader finds the last, torch's own the first."""
    path = tmp_path / "two.pth"
    contents = []
    for fill in (0.0, 1.0):
        torch.save({"a": torch.full((4,), fill)}, path)
        contents.append(path.read_bytes())
    path.write_bytes(contents[0][:-22] + contents[1])
    assert float(torch.load(path, weights_only=True)["a"][0]) == 0
    assert float(read_state(path)["a"][0]) == 1


@pytest.mark.filterwarnings("ignore")  # torch's, of kinds that it gives up
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 3).to_sparse(),
        lambda: torch.zeros(2, 3).to_sparse_csr(),
        lambda: torch.zeros(2, 3, device="meta"),
        lambda: torch.quantize_per_tensor(torch.zeros(2, 3), 0.1, 0, torch.qint8),
        lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        lambda: torch.zeros(2, 3, dtype=torch.int32),
        lambda: torch.zeros(2, 3, dtype=torch.uint8),
        lambda: torch.zeros(2, 3, dtype=torch.bool),
        lambda: torch.zeros(2, 3, dtype=torch.complex64),
        lambda: torch.zeros(2, 3).to(torch.float8_e4m3fn),
    ],
    ids=["sparse", "csr", "meta", "quantised", "nested", "i32", "u8", "bool", "complex", "f8"],
)
def test_tensors_of_other_kinds_are_refused(make: Callable[[], Tensor], tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"features.0.weight": make()}, path)
    not_plain(path)


def test_integers_in_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"features.0.weight": torch.zeros(2, 3, dtype=torch.int32)}, path)
    not_plain(path)


def test_a_claimed_index_length_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "index.safetensors"
    index = b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    path.write_bytes(len(index).to_bytes(8, "little") + index)
    assert read_state(path)["a"].numel() == 0
    index += b" " * LARGEST_INDEX_BYTES
    path.write_bytes(len(index).to_bytes(8, "little") + index)
    not_plain(path)


def test_a_dict_with_methods_of_its_own_is_read_by_dicts_own(tmp_path: Path) -> None:

    def methods(given: dict[str, Tensor]) -> tuple[Any, ...]:
        return OrderedDict, (), {"items": 1, "keys": 2, "values": 3}, None, iter(given.items())

    class Given(dict[str, Tensor]):
        pass

    assert same(read_state(save_as(Given, methods, Given(STATE), tmp_path / "methods.pth", zipped=True)), STATE)


@pytest.mark.parametrize("held", [{1: torch.zeros(3)}, {("a",): torch.zeros(3)}, {"a": None}, None, "a", {}])
def test_what_is_no_state_dict_is_refused(held: object, tmp_path: Path) -> None:
    path = tmp_path / "held.pth"
    torch.save(held, path)
    not_plain(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"\x80\x02.",
        b"\x80\x02N." * 5,
        b"\x80\x02}(N." * 5,
        b"\x80\x02X\xff\xff\xff\xffa.",
        b"\x80\x02" + b"(" * 100_000,
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\x00" * 100,
        b"PK\x05\x06" + b"\x00" * 18,
    ],
)
def test_bytes_of_any_kind_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bytes.pth"
    path.write_bytes(content)
    not_plain(path)


def test_a_tar_is_refused(tmp_path: Path) -> None:
    """Torch's format of 2016, which it no longer reads safely."""
    path = tmp_path / "old.pth"
    with tarfile.open(path, "w") as made:
        for name in ("storages", "tensors", "pickle"):
            info = tarfile.TarInfo(name)
            info.size = 6
            made.addfile(info, io.BytesIO(b"\x80\x02K\x00.."))
    not_plain(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_damaged_bytes_are_refused_or_harmless(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refusals = 0
    for _ in range(60):
        spoiled = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            spoiled[place] = rng.integers(256)
        path.write_bytes(spoiled)
        try:
            assert all(isinstance(value, Tensor) for value in read_state(path).values())
        except ModelError:
            refusals += 1
    assert refusals > 10


@pytest.mark.parametrize(
    "error", [AttributeError, KeyError, EOFError, AssertionError, RecursionError, pickle.UnpicklingError]
)
def test_whatever_torch_raises_ends_in_one_sentence(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(STATE, path)

    def broken(*_: object, **__: object) -> None:
        raise error("two\nlines")

    monkeypatch.setattr(torch, "load", broken)
    not_plain(path)


def test_too_little_memory_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pth"
    torch.save(STATE, path)

    def too_large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", too_large)
    with pytest.raises(ModelError, match="too little memory"):
        read_state(path)


def test_a_name_no_disk_has_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 5000))
