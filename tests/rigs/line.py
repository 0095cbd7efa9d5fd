"""A camera that plays a script, and a transparent scorer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, EndOfClothError, LineBlock
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.contract import Event
from station.line.inspection import Inspection
from station.line.scoring.tiling import Tiler
from station.recipe import Recipe

LONG = 120.0
"""Seconds that nothing takes, not even where other work holds this machine up for long."""


class DeviationScorer(TileScorer):
    """Local absolute deviation from the neighbourhood's mean: a real detector one can reckon with by hand."""

    tile_px = TILE_PX
    cell_px = CELL_PX
    edge_drop = 40.0

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.tiles = 0

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.tiles += len(tiles)
        time.sleep(self.delay_s * len(tiles))
        maps = np.empty((len(tiles), 64, 64), np.float32)
        for out, tile in zip(maps, tiles, strict=True):
            grey = tile.mean(axis=2) if tile.ndim == 3 else tile
            values = np.ascontiguousarray(grey, np.float32)
            deviation = np.abs(values - cv2.boxFilter(values, -1, (63, 63), borderType=cv2.BORDER_REFLECT_101))
            out[:] = cv2.resize(deviation, (64, 64), interpolation=cv2.INTER_AREA)
        return maps


class ScriptedCamera(Camera):
    """Plays steps in order: a LineBlock is delivered, an exception raised, a number of seconds waited, a callable
    called (with the camera), and an EncoderReading becomes the encoder's word.

    The encoder follows the blocks delivered unless a step says otherwise.
    """

    camera_id, width_px, channels, waits = "script", 0, 1, True

    def __init__(self, steps: Iterable[object], *, width_px: int, channels: int = 1, waits: bool = True) -> None:
        self._steps: Iterator[object] = iter(steps)
        self.width_px, self.channels, self.waits = width_px, channels, waits
        self.reading = EncoderReading(0, 0.0)
        self.started = self.stopped = 0
        self._refusals: list[Exception] = []

    def refuse(self, *errors: Exception) -> None:
        """The next starts fail so."""
        self._refusals += errors

    def start(self) -> None:
        self.started += 1
        if self._refusals:
            raise self._refusals.pop(0)

    def read(self, timeout_s: float) -> LineBlock | None:
        step = next(self._steps, None)
        match step:
            case None:
                raise EndOfClothError
            case LineBlock():
                if step.end_line > self.reading.due_line:
                    self.reading = EncoderReading(step.end_line, self.reading.lines_per_s)
                return step
            case EncoderReading():
                self.reading = step
            case Exception():
                raise step
            case float():
                time.sleep(step)
            case _:
                assert callable(step)
                step(self)
        return None

    def encoder(self) -> EncoderReading:
        return self.reading

    def stop(self) -> None:
        self.stopped += 1


def cloth(lines: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Even cloth: a fine plain weave with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:lines, :width]
    weave = 120 + 12 * (((x // 2) + (y // 2)) % 2)
    return np.clip(weave + rng.normal(0, 2, (lines, width)), 0, 255).astype(np.uint8)


def flawed(lines: int = 1500, width: int = 700) -> NDArray[np.uint8]:
    pixels = cloth(lines, width)
    pixels[300:310, 400:410] = 220  # a spot
    pixels[200:1300, 601:603] = 220  # a broken end through several rows
    return pixels


def block(pixels: NDArray[np.uint8], first_line: int, piece: str | None = None) -> LineBlock:
    return LineBlock(np.ascontiguousarray(pixels), first_line, 1.0, time.monotonic_ns(), "script", piece)


def blocks(pixels: NDArray[np.uint8], size: int = 128, first: int = 0, piece: str | None = None) -> list[LineBlock]:
    """The whole picture in blocks."""
    return [block(pixels[i : i + size], first + i, piece) for i in range(0, len(pixels), size)]


def recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "fabric": "test",
        "model_sha256": "0" * 64,
        "encoder": "light",
        "threshold": 20.0,
        "mm_per_px": 0.5,
        "web": "full",
    }
    return Recipe.model_validate({**values, **changes})


def new_tiler(recipe: Recipe, **settings: Any) -> Tiler:
    """A tiler of the sizes all scorers have."""
    return Tiler(recipe, tile_px=TILE_PX, cell_px=CELL_PX, **settings)


class Run:
    """An inspection with its events gathered."""

    def __init__(self, camera: Any, scorer: object = None, due_line: int | None = None, **changes: object) -> None:
        self.events: list[Event] = []
        self.camera = camera
        self.scorer = scorer or DeviationScorer()
        self.inspection = Inspection(
            camera,
            self.scorer,
            recipe(**changes),
            roll="r1",
            on_event=self.events.append,  # type: ignore[arg-type]
            due_line=due_line,
        )

    def to_end(self, timeout: float = LONG) -> Run:
        self.inspection.start()
        assert self.inspection.wait(timeout)
        self.inspection.finish()
        return self

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


def long_enough(seen: NDArray[np.bool_], tile_px: int = 256) -> NDArray[np.bool_]:
    """Which lines of the loom are judged where ``seen`` came: those of a tile's height and more without a break."""
    breaks = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]])))
    judged = np.zeros(len(seen), np.bool_)
    for first, end in breaks.reshape(-1, 2):
        judged[first:end] = end - first >= tile_px
    return judged


def until(condition: Callable[[], bool], timeout: float = LONG) -> None:
    """Wait for a condition, fail if it does not come."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
