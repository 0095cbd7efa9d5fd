"""The runtime: the same maps as plain torch, in any batch, grey or colour, and plain words where it cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests_model_cloth import woven

from model import runtime as runtimes
from model.errors import ModelError
from model.mfrnet import MFRNet
from model.runtime import Runtime


@pytest.fixture(scope="module")
def expected(taught: MFRNet) -> NDArray[np.float32]:
    with torch.inference_mode():
        return taught(torch.from_numpy(woven(5, 60)).unsqueeze(1)).numpy()


@pytest.fixture(scope="module")
def full(taught: MFRNet) -> Iterator[Runtime]:
    runtime = Runtime(taught, device="openvino", precision="f32")
    yield runtime
    runtime.close()


def test_openvino_f32_agrees_with_torch(full: Runtime, expected: NDArray[np.float32]) -> None:
    maps = full.infer(woven(5, 60))
    assert maps.shape == (5, 64, 64)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=2e-3)


def test_the_reduced_precision_stays_close(taught: MFRNet, expected: NDArray[np.float32]) -> None:
    runtime = Runtime(taught, device="openvino", precision="auto")
    assert runtime.precision in ("bf16", "f32")
    maps = runtime.infer(woven(5, 60))
    runtime.close()
    # bf16 keeps 8 bits: on the scale where good cloth ends at 1, a few hundredths on average
    assert np.abs(maps - expected).mean() < 0.06
    assert np.abs(maps.max((1, 2)) - expected.max((1, 2))).max() < 0.25


def test_torch_is_a_way_too(taught: MFRNet, expected: NDArray[np.float32]) -> None:
    runtime = Runtime(taught, device="torch")
    assert (runtime.device, runtime.precision) == ("torch", "f32")
    np.testing.assert_allclose(runtime.infer(woven(5, 60)), expected, atol=2e-3)


def test_neither_batch_nor_colour_changes_a_map(full: Runtime) -> None:
    tiles = woven(5, 60)
    together = full.infer(tiles)
    np.testing.assert_array_equal(np.concatenate([full.infer(tiles[:2]), full.infer(tiles[2:])]), together)
    colour = np.repeat(tiles[..., None], 3, axis=-1)
    np.testing.assert_allclose(full.infer(colour), together, atol=2e-3)
    np.testing.assert_array_equal(full.infer(tiles[::-1])[::-1], together)
    assert full.infer(tiles[:0]).shape == (0, 64, 64)


def test_python_runs_on_while_it_waits(full: Runtime) -> None:
    tiles = np.repeat(woven(2, 61), 8, axis=0)
    turns, done = 0, threading.Event()

    def work() -> None:
        full.infer(tiles)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 3


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


def test_impossible_wishes_are_refused(taught: MFRNet, full: Runtime) -> None:
    with pytest.raises(ModelError, match="no device 'tpu'"):
        Runtime(taught, device="tpu")
    with pytest.raises(ModelError, match="no precision 'int3'"):
        Runtime(taught, precision="int3")
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
