"""The CUDA engine: taking turns in lanes is shown without a card; the rest where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import runtime as runtimes
from model.engines.cuda import BATCH, LANES, LEAST, SIZES, CUDAEngine, batch_for, sizes_up_to, take_turns
from model.errors import ModelError
from model.mfrnet import MFRNet
from model.runtime import Runtime
from tests.rigs.woven_tiles import woven

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


class MeanLane:
    """A lane as strict as a card's: one batch at a time, its buffer overwritten by the next."""

    def __init__(self, batch: int, diary: list[str], name: str) -> None:
        self._buffer = np.zeros((batch, 2, 2), np.uint8)
        self._diary, self._name = diary, name
        self._count = 0
        self.fails_at: int | None = None

    def start(self, pictures: NDArray[np.uint8]) -> None:
        assert self._count == 0, "begun before the last batch was fetched"
        if self.fails_at is not None and pictures[0, 0, 0] == self.fails_at:
            raise RuntimeError("launch failed")
        self._count = len(pictures)
        self._buffer[: self._count] = pictures
        self._diary.append(f"{self._name}+")

    def finish(self, out: NDArray[np.float32]) -> None:
        assert self._count == len(out)
        out[:] = self._buffer[: self._count].mean((1, 2))
        self._count = 0
        self._diary.append(f"{self._name}-")


def pictures_of(count: int) -> NDArray[np.uint8]:
    return np.repeat(np.arange(count, dtype=np.uint8), 4).reshape(count, 2, 2)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9, 17, 24])
def test_every_picture_gets_its_own_result(count: int) -> None:
    diary: list[str] = []
    lanes = [MeanLane(4, diary, "a"), MeanLane(4, diary, "b")]
    out = np.full(count, -1, np.float32)
    for _ in range(2):
        take_turns(lanes, pictures_of(count), out, 4)
        np.testing.assert_array_equal(out, np.arange(count))


def test_one_lane_is_filled_while_the_other_computes() -> None:
    diary: list[str] = []
    lanes = [MeanLane(4, diary, "a"), MeanLane(4, diary, "b")]
    take_turns(lanes, pictures_of(16), np.zeros(16, np.float32), 4)
    assert diary == ["a+", "b+", "a-", "a+", "b-", "b+", "a-", "b-"]


def test_a_failed_launch_leaves_no_batch_behind() -> None:
    diary: list[str] = []
    lanes = [MeanLane(4, diary, "a"), MeanLane(4, diary, "b")]
    lanes[1].fails_at = 12
    out = np.zeros(24, np.float32)
    with pytest.raises(RuntimeError, match="launch failed"):
        take_turns(lanes, pictures_of(24), out, 4)
    assert diary.count("a+") == diary.count("a-")
    assert diary.count("b+") == diary.count("b-")
    lanes[1].fails_at = None
    take_turns(lanes, pictures_of(24), out, 4)
    np.testing.assert_array_equal(out, np.arange(24))


def test_any_number_of_pictures_finds_a_graph_not_much_larger() -> None:
    for batch in (1, 5, BATCH, 100, max(SIZES)):
        sizes = sizes_up_to(batch)
        assert sizes[-1] == batch
        assert list(sizes) == sorted(set(sizes))
        for count in range(1, batch + 1):
            assert next(size for size in sizes if size >= count) < 2 * count + 1


@pytest.mark.parametrize("count", range(2 * BATCH + 2))
def test_a_call_is_dealt_out_to_all_lanes_without_idle_places_but_in_its_last_batch(count: int) -> None:
    batch = batch_for(count, LANES, BATCH)
    assert batch in sizes_up_to(BATCH)
    batches = -(-count // batch)
    assert batches >= min(LANES, -(-count // LEAST))
    assert batches <= LANES or batch == BATCH


@pytest.mark.parametrize("count", [0, 3, 9, 16, 18, 24, 30, BATCH, BATCH + 1, 3 * BATCH + 1])
def test_both_lanes_hold_a_batch_at_the_lines_calls(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine itself, its lanes taken by the stand-in's."""
    diary: list[str] = []
    engine = CUDAEngine(lambda *_: torch.nn.Identity(), torch.float32)
    lanes = [MeanLane(BATCH, diary, name) for name in "ab"]
    monkeypatch.setattr(engine, "_lanes_for", lambda channels: lanes)
    out = np.full(count, -1, np.float32)
    engine.run(pictures_of(count), out)
    np.testing.assert_array_equal(out, np.arange(count))
    assert (diary[:2] == ["a+", "b+"]) == (count > LEAST)


def test_precision_follows_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_bf16, precision in ((True, "bf16"), (False, "f16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has_bf16: has)
        assert runtimes.choose_precision("auto", "cuda") == precision
    with pytest.raises(ModelError, match="'cuda' does not compute in bf16: choose f16 or f32"):
        runtimes.choose_precision("bf16", "cuda")


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError(), RuntimeError("CUDA error: out of memory")])
def test_a_full_card_is_told_in_words(error: RuntimeError) -> None:
    def too_large(*_: object) -> torch.nn.Module:
        raise error

    engine = CUDAEngine(too_large, torch.float32)
    with pytest.raises(ModelError, match="too little free memory"):
        engine.prepare(1)
    with pytest.raises(ModelError, match="too little free memory"):
        engine.run(woven(1, 0), np.zeros((1, 64, 64), np.float32))


def test_another_fault_of_the_card_is_not_called_a_full_one() -> None:
    def broken(*_: object) -> torch.nn.Module:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal"):
        CUDAEngine(broken, torch.float32).prepare(1)


@NEEDS_CUDA
def test_batches_of_every_size_give_the_same_maps_on_the_card(taught: MFRNet) -> None:
    runtime = Runtime(taught, "cuda")
    tiles = woven(2 * BATCH + 3, 60)
    alone = np.concatenate([runtime.infer(tile[None]) for tile in tiles])
    for count in (2, 3, 9, 18, BATCH, BATCH + 1, len(tiles)):
        np.testing.assert_allclose(runtime.infer(tiles[:count]), alone[:count], atol=0.05)
    runtime.close()


@NEEDS_CUDA
def test_the_card_allocates_nothing_once_prepared(taught: MFRNet) -> None:
    runtime = Runtime(taught, "cuda")
    runtime.prepare(1)
    tiles = woven(BATCH, 60)
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    for count in (1, 9, 18, BATCH):
        runtime.infer(tiles[:count])
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before
    runtime.close()


@NEEDS_CUDA
def test_features_are_read_on_the_card(taught: MFRNet) -> None:
    reader = runtimes.FeatureReader(taught)
    read = reader.read(woven(3, 60))
    reader.close()
    with torch.inference_mode():
        expected = taught.features(runtimes.as_batch(woven(3, 60)))
    assert float((read - expected).abs().mean()) < 0.05
