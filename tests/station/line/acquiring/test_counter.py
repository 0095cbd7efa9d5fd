"""A camera that knows no encoder above a machine whose counter does: what it does not show is still accounted for."""

from __future__ import annotations

import itertools

from drivers.machine.counter import CounterEncoder, EncodedCamera
from station.contract import Ledger
from tests.rigs.line import Run, ScriptedCamera, blocks, cloth


def test_lines_that_the_machines_counter_saw_and_the_camera_did_not_are_uninspected() -> None:
    seconds = itertools.count()
    counter = CounterEncoder(4.0, clock=lambda: float(next(seconds)))
    counter.feed(65_000)

    def count(lines: int) -> object:
        return lambda _camera: counter.feed((65_000 + 4 * lines) % 65_536)

    first, second = blocks(cloth(512, 512), 256)
    steps = [count(256), first, count(512), second, count(812)]
    run = Run(EncodedCamera(ScriptedCamera(steps, width_px=512, waits=False), counter)).to_end()
    assert run.inspection.snapshot().ledger == Ledger(812, 512, 300)
