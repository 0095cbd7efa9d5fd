"""The OpenVINO engine: where a request fails the others are awaited; making a graph tells nobody over the network."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable

import numpy as np
import openvino
import pytest
import torch
from numpy.typing import NDArray
from openvino import opset13

from model.engines import openvino_cpu
from model.mfrnet import MFRNet
from model.runtime import Runtime
from tests.rigs.woven_tiles import woven

SPOILED = 13
GATED = 200
"""From this grey on a picture waits for the gate."""
LONG = 120.0
SIDE = 256


gate = threading.Event()


class Picky(openvino.Op):
    """Takes its time over a picture and gives it back as float, but refuses one whose first pixel is ``SPOILED``."""

    def __init__(self, inputs: list[openvino.Output], diary: list[str]) -> None:
        super().__init__(self, inputs)
        self._diary = diary

    def validate_and_infer_types(self) -> None:
        self.set_output_type(0, openvino.Type.f32, self.get_input_partial_shape(0))

    def clone_with_new_inputs(self, inputs: list[openvino.Output]) -> Picky:
        return Picky(inputs, self._diary)

    def has_evaluate(self) -> bool:
        return True

    def evaluate(self, outputs: list[openvino.Tensor], inputs: list[openvino.Tensor]) -> bool:
        if inputs[0].data[0, 0, 0] == SPOILED:
            raise ValueError("a spoiled picture")
        self._diary.append("begun")
        if inputs[0].data[0, 0, 0] >= GATED:
            assert gate.wait(LONG)
        time.sleep(0.02)
        outputs[0].data[:] = inputs[0].data
        self._diary.append("ended")
        return True


def pictures(*greys: int) -> NDArray[np.uint8]:
    return np.repeat(np.array(greys, np.uint8), SIDE * SIDE).reshape(-1, SIDE, SIDE)


def picky_engine(diary: list[str], monkeypatch: pytest.MonkeyPatch) -> openvino_cpu.OpenVINOEngine:
    given = opset13.parameter([1, SIDE, SIDE], np.uint8)
    graph = openvino.Model([Picky([given.output(0)], diary).output(0)], [given], "picky")
    monkeypatch.setattr(openvino_cpu, "graph_of", lambda *_: graph)
    return openvino_cpu.OpenVINOEngine(lambda *_: torch.nn.Identity(), "f32", None)


@pytest.mark.parametrize("greys", [(SPOILED, 1, 2), (1, SPOILED, 2), (1, 2, 3, 4, 5, 6, 7, 8, SPOILED)])
def test_a_request_that_fails_leaves_none_behind_and_spoils_no_later_one(
    greys: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    diary: list[str] = []
    engine = picky_engine(diary, monkeypatch)
    with pytest.raises(RuntimeError, match="spoiled picture"):
        engine.run(pictures(*greys), np.zeros((len(greys), SIDE, SIDE), np.float32))
    assert diary.count("begun") == diary.count("ended") > 0
    out = np.zeros((9, SIDE, SIDE), np.float32)
    engine.run(pictures(*range(20, 29)), out)
    assert out[:, 7, 7].tolist() == list(range(20, 29))


@pytest.mark.parametrize("requests", [1, 5, 48])
def test_calls_begin_before_others_are_awaited_and_each_gets_its_own(
    requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_cpu, "REQUESTS", requests)
    engine = picky_engine([], monkeypatch)
    outs = [np.zeros((7, SIDE, SIDE), np.float32) for _ in range(3)]
    waits = [engine.start(pictures(*range(10 * n, 10 * n + 7)), out) for n, out in enumerate(outs, start=2)]
    for n, (wait, out) in reversed(list(enumerate(zip(waits, outs, strict=True), start=2))):
        wait()
        assert out[:, 7, 7].tolist() == list(range(10 * n, 10 * n + 7))


@pytest.mark.parametrize("requests", [1, 5, 48])
def test_who_waits_for_a_call_waits_for_no_later_one(requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_cpu, "REQUESTS", requests)
    engine = picky_engine([], monkeypatch)
    gate.clear()
    first, later = np.zeros((9, SIDE, SIDE), np.float32), np.zeros((requests, SIDE, SIDE), np.float32)
    wait_first = engine.start(pictures(*range(20, 29)), first)
    wait_later = engine.start(pictures(*range(GATED, GATED + requests)), later)
    wait_first()
    assert first[:, 7, 7].tolist() == list(range(20, 29))
    assert not later.any()
    gate.set()
    wait_later()
    wait_later()  # once more does no harm
    assert later[:, 7, 7].tolist() == list(range(GATED, GATED + requests))


def test_a_call_that_fails_is_told_where_it_is_awaited_and_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = picky_engine([], monkeypatch)
    out = np.zeros((2, SIDE, SIDE), np.float32)
    before = engine.start(pictures(1, 2), out)
    failing = engine.start(pictures(3, SPOILED), np.zeros((2, SIDE, SIDE), np.float32))
    other = np.zeros((2, SIDE, SIDE), np.float32)
    after = engine.start(pictures(4, 5), other)
    with pytest.raises(RuntimeError, match="spoiled picture"):
        failing()
    before()
    after()
    assert [out[0, 0, 0], out[1, 0, 0], other[0, 0, 0], other[1, 0, 0]] == [1, 2, 4, 5]


def test_closing_awaits_calls_that_nobody_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    diary: list[str] = []
    engine = picky_engine(diary, monkeypatch)
    engine.start(pictures(1, 2, 3), np.zeros((3, SIDE, SIDE), np.float32))
    engine.start(pictures(SPOILED), np.zeros((1, SIDE, SIDE), np.float32))
    engine.close()
    assert diary.count("ended") == 3


def test_closing_while_another_thread_waits_harms_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a process ends whose scoring thread takes too long to be waited for."""
    engine = picky_engine([], monkeypatch)
    gate.clear()
    out = np.zeros((3, SIDE, SIDE), np.float32)
    wait = engine.start(pictures(GATED, GATED, GATED), out)
    faults: list[BaseException] = []

    def call(what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=call, args=(what,)) for what in (wait, engine.close)]
    for thread in threads:
        thread.start()
        time.sleep(0.2)
    gate.set()
    for thread in threads:
        thread.join(LONG)
    assert faults == []
    assert (out == GATED).all()


def test_making_a_graph_starts_no_process_that_could_tell_of_it(
    taught: MFRNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.delenv("CI", raising=False)  # there it would be silent anyway
    monkeypatch.setattr(multiprocessing.Process, "start", started.append)
    runtime = Runtime(taught, device="openvino")
    assert runtime.infer(woven(1, 0)).shape == (1, 64, 64)
    runtime.close()
    assert not started
