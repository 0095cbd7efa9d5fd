"""Two cameras that a test feeds, joined, with the encoder that both share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import numpy as np
import pytest

from drivers import abandoned
from drivers.camera import Camera, EncoderReading, LineBlock
from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.notice import Notice

RNG = np.random.default_rng(3)
CLOTH = RNG.integers(1, 256, (3000, 300), np.uint8)
LEFT, RIGHT = slice(0, 170), slice(130, 300)
JOINT = Joint(40)
PATIENCE_S = 60.0


class Machine:
    """The encoder that all cameras share."""

    def __init__(self) -> None:
        self.reading = EncoderReading(0, 0.0)


class FedCamera(Camera):
    """Sends what the test feeds it: blocks by their lines, or a fault."""

    camera_id, width_px, channels, waits = "", 0, 1, False
    estimated_lines, runs_freely = 0, False

    def __init__(self, name: str, columns: slice, machine: Machine) -> None:
        self.camera_id, self._columns, self._machine = name, columns, machine
        self.width_px = columns.stop - columns.start
        self.steps: SimpleQueue[tuple[int, int] | Exception] = SimpleQueue()
        self.refusals: list[Exception] = []
        self.starts = self.idle = self.odd_px = 0
        self.hanging: threading.Event | None = None
        self.stopping: threading.Event | None = None
        self.done: list[str] = []
        self.own_notices: list[Notice] = []

    def take_notices(self) -> list[Notice]:
        notices, self.own_notices = self.own_notices, []
        return notices

    def start(self) -> None:
        self.starts += 1
        self.done.append("start")
        refusals = self.refusals
        if refusals:
            raise refusals.pop(0)

    def read(self, timeout_s: float) -> LineBlock | None:
        hanging, self.hanging = self.hanging, None  # this read alone hangs
        if hanging is not None:
            hanging.wait()
        try:
            step = self.steps.get(timeout=timeout_s)
        except Empty:
            self.idle += 1
            return None
        if isinstance(step, Exception):
            raise step
        pixels = np.ascontiguousarray(CLOTH[step[0] : step[1], self._columns][:, self.odd_px :])
        return LineBlock(pixels, step[0], 1.0, time.monotonic_ns(), self.camera_id)

    def encoder(self) -> EncoderReading:
        return self._machine.reading

    def stop(self) -> None:
        self.done.append("stopping")
        if self.stopping is not None:
            self.stopping.wait()
        self.done.append("stopped")


class Rig:
    """Two fed cameras, joined."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.left, self.right = FedCamera("left", LEFT, self.machine), FedCamera("right", RIGHT, self.machine)
        self.camera = JoinedCamera([self.left, self.right], [JOINT])
        self.words: list[str] = []

    def moves(self, due_line: int, lines_per_s: float = 1000.0) -> None:
        self.machine.reading = EncoderReading(due_line, lines_per_s)

    def feed(self, first: int, end: int, *cameras: FedCamera) -> None:
        for camera in cameras or (self.left, self.right):
            camera.steps.put((first, end))

    def next(self) -> tuple[int, int, tuple[tuple[int, int], ...]]:
        """The next block, which must come; its pixels are checked."""
        deadline = time.monotonic() + PATIENCE_S
        while (block := self.camera.read(0.2)) is None:
            assert time.monotonic() < deadline, "no block came"
        expected = CLOTH[block.first_line : block.end_line].copy()
        for first, end in block.blind_px:
            expected[:, first:end] = 0
        assert np.array_equal(block.pixels, expected)
        return block.first_line, block.end_line, block.blind_px

    def hears(self, words: str) -> None:
        """Read until this was told; no block is due meanwhile that matters."""

        def is_told() -> bool:
            self.camera.read(0.02)
            self.words += [notice.text for notice in self.camera.take_notices()]
            return self.told(words)

        until(is_told)

    def told(self, words: str) -> bool:
        return any(words in text for text in self.words)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No camera is late to start, silent or hanging because the machine that runs the test is slow."""
    limits = ("joined.camera.LATE_START_S", "joined.reader.START_LIMIT_S", "joined.reader.GONE_S")
    for name in (*limits, "grabber.GONE_S", "grabber.STALL_S"):
        monkeypatch.setattr(f"drivers.{name}", PATIENCE_S)


@contextlib.contextmanager
def running_rig() -> Iterator[Rig]:
    """A rig whose cameras have started; nothing of it may be left when it is closed."""
    before = set(threading.enumerate())
    made = Rig()
    made.camera.start()
    yield made
    made.camera.stop()
    until(lambda: before.issuperset(abandoned.alive()))
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name.startswith("line-camera")]
