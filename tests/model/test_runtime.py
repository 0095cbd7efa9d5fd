"""The runtime: the same maps in any batch, grey or colour, nothing held back, and plain words where it cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from model import runtime as runtimes
from model.errors import ModelError
from model.loss import PIXEL_SHARE
from model.mfrnet import MFRNet
from model.runtime import Runtime
from tests.rigs.woven_tiles import woven


@pytest.fixture(scope="module")
def full(taught: MFRNet) -> Iterator[Runtime]:
    runtime = Runtime(taught, device="openvino", precision="f32")
    yield runtime
    runtime.close()


@pytest.fixture(params=["openvino", "torch"])
def runtime(request: pytest.FixtureRequest, taught: MFRNet) -> Iterator[Runtime]:
    runtime = Runtime(taught, device=request.param)
    yield runtime
    runtime.close()


def test_the_maps_are_the_callers_to_keep(runtime: Runtime) -> None:
    tiles = woven(6, 60)
    before = tiles.copy()
    first = runtime.infer(tiles[:3])
    assert first.shape == (3, 64, 64)
    assert first.dtype == np.float32
    kept = first.copy()
    second = runtime.infer(tiles[3:])
    np.testing.assert_array_equal(first, kept)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(tiles, before)
    np.testing.assert_array_equal(runtime.infer(tiles[::2]), np.concatenate([first[::2], second[1:2]]))


def test_begun_calls_give_what_infer_gives(runtime: Runtime) -> None:
    tiles = woven(6, 60)
    first, second = runtime.submit(tiles[:4]), runtime.submit(tiles[4:])
    np.testing.assert_array_equal(np.concatenate([first(), second()]), runtime.infer(tiles))


def test_prepared_for_one_kind_of_tile_it_still_takes_the_other(runtime: Runtime) -> None:
    runtime.prepare(1)
    assert runtime.infer(np.zeros((2, 256, 256, 3), np.uint8)).shape == (2, 64, 64)


def test_neither_batch_nor_colour_changes_a_map(full: Runtime) -> None:
    tiles = woven(5, 60)
    together = full.infer(tiles)
    np.testing.assert_array_equal(np.concatenate([full.infer(tiles[:2]), full.infer(tiles[2:])]), together)
    colour = np.repeat(tiles[..., None], 3, axis=-1)
    np.testing.assert_allclose(full.infer(colour), together, atol=2e-3)
    np.testing.assert_array_equal(full.infer(tiles[::-1])[::-1], together)
    assert full.infer(tiles[:0]).shape == (0, 64, 64)


def test_python_runs_on_while_it_waits(full: Runtime) -> None:
    """During one call on one tile this thread gets turn after turn; were Python held, it would get one or two."""
    tile, calls, over = woven(1, 61), 0, threading.Event()

    def work() -> None:
        nonlocal calls
        while not over.is_set():
            full.infer(tile)
            calls += 1

    thread = threading.Thread(target=work)
    thread.start()
    most, until = 0, time.monotonic() + 120
    while most < 5 and time.monotonic() < until:
        call, turns = calls, 0
        while calls == call and turns < 5:
            time.sleep(1e-4)
            turns += 1
        most = max(most, turns)
    over.set()
    thread.join()
    assert most >= 5


def test_the_best_device_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtimes.choose_device("auto") == "openvino"
    monkeypatch.setattr(runtimes, "openvino", None)
    assert runtimes.choose_device("auto") == "torch"
    with pytest.raises(ModelError, match="OpenVINO is not installed"):
        runtimes.choose_device("openvino")
    with pytest.raises(ModelError, match="no usable CUDA"):
        runtimes.choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtimes.choose_device("auto") == "cuda"


def test_impossible_settings_are_refused(taught: MFRNet, full: Runtime) -> None:
    with pytest.raises(ModelError, match="no device 'tpu'"):
        Runtime(taught, device="tpu")
    with pytest.raises(ModelError, match="no precision 'int3'"):
        Runtime(taught, precision="int3")
    with pytest.raises(ModelError, match="does not compute in f16: choose"):
        Runtime(taught, device="openvino", precision="f16")
    with pytest.raises(ModelError, match="does not compute in f16: choose"):
        Runtime(taught, device="torch", precision="f16")
    with pytest.raises(ModelError, match="threads are impossible"):
        Runtime(taught, threads=0)
    with pytest.raises(ModelError, match="uint8 tiles"):
        full.infer(np.zeros((1, 256, 256), np.float32))
    with pytest.raises(ModelError, match="256 px"):
        full.infer(np.zeros((1, 128, 256), np.uint8))


def test_a_closed_runtime_says_so(taught: MFRNet) -> None:
    runtime = Runtime(taught)
    runtime.prepare(3)
    runtime.close()
    runtime.close()
    with pytest.raises(ModelError, match="closed"):
        runtime.infer(woven(1, 0))
    with pytest.raises(ModelError, match="closed"):
        runtime.prepare()


def test_where_features_differ_half_as_much_the_pixel_term_takes_the_edge_drop_off_the_score(taught: MFRNet) -> None:
    """As at a flaw's edge; the station measures sizes by it."""
    measure, features = taught.measure, torch.zeros(1, taught.aggregator.width, 32, 32)
    apart = 20 * torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    inside, edge = (measure.logarithms(measure.errors(features, share * apart)) for share in (1.0, 0.5))
    assert measure.names[0] == "pixel"
    fall = ((inside - edge) / measure.spread)[:, 0] * PIXEL_SHARE
    runtime = Runtime(taught, device="torch")
    np.testing.assert_allclose(fall.numpy(), runtime.edge_drop, rtol=1e-3)
    runtime.close()
