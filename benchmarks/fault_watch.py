"""This module watches one faulty roll: what the camera did and when, and what an operator could see of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, CameraGoneError, LineBlock
from drivers.wrapped import WrappedCamera
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.contract import (
    Event,
    FeedState,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.line.inspection import Inspection
from station.recipe import Recipe

MM_PER_PX = 0.5
LOOK_S = 0.02
"""The roll is looked at somewhat more often than a screen does it."""

CALM = (FeedState.LIVE, FeedState.NO_PICTURE, FeedState.ENDED)


class EvenScorer(TileScorer):
    """This scorer finds nothing, at once: only the camera's faults matter here."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return ones, ``[N, 64, 64]``."""
        return np.ones((len(tiles), 64, 64), np.float32)


class Witness(WrappedCamera):
    """The witness passes a camera on and notes when it was found gone, and its blocks that show the whole width.

    A block is noted by time, first line and end line.
    """

    def __init__(self, camera: Camera) -> None:
        super().__init__(camera)
        self.blocks: list[tuple[float, int, int]] = []
        self.gone: list[float] = []

    def read(self, timeout_s: float) -> LineBlock | None:
        """Read from the camera, and note what came."""
        try:
            block = self._camera.read(timeout_s)
        except CameraGoneError:
            self.gone.append(time.monotonic())
            raise
        if block is not None and not block.blind_px:
            self.blocks.append((time.monotonic(), block.first_line, block.end_line))
        return block


@dataclass(frozen=True, slots=True)
class Look:
    """A look holds what a screen shows at one moment, and where the encoder stood."""

    at_s: float
    feed: FeedState
    uninspected: int
    repeated: int
    due_line: int
    lines_per_s: float


@dataclass
class Watched:
    """This roll was watched to its end; lines are the encoder's."""

    witness: Witness
    looks: list[Look] = field(default_factory=list)
    events: list[tuple[float, Event]] = field(default_factory=list)
    origin_line: int = 0

    @property
    def ended(self) -> RollEnded:
        """Give the last event."""
        event = self.events[-1][1]
        assert isinstance(event, RollEnded)
        return event

    def stretches(self) -> list[Stretch]:
        """Return the roll's stretches, in its own lines."""
        return [event.stretch for _, event in self.events if isinstance(event, StretchClosed)]

    def uninspected(self) -> set[int]:
        """Return the lines declared uninspected, in the encoder's numbers."""
        return {line + self.origin_line for s in self.stretches() if not s.inspected for line in lines_of(s)}

    def too_short(self) -> set[int]:
        """Return lines that came, but too few without a break to be judged, in the encoder's numbers."""
        short = [s for s in self.stretches() if s.reason is UninspectedReason.TOO_SHORT]
        return {line + self.origin_line for s in short for line in lines_of(s)}

    def judged(self) -> set[int]:
        """Return the lines of which the model judged at least a part, in the encoder's numbers."""
        rows = [event for _, event in self.events if isinstance(event, RowJudged)]
        return {line + self.origin_line for row in rows for line in range(row.first_line, row.end_line)}

    def passed_s(self, line: int) -> float:
        """Say when the encoder was last seen not beyond ``line``: it passed at the next look at the latest."""
        return max((look.at_s for look in self.looks if look.due_line <= line), default=self.looks[0].at_s)

    def reversed_s(self, after_s: float) -> float:
        """Say when the loom was first seen to go back after a moment."""
        return next((look.at_s for look in self.looks if look.at_s >= after_s and look.lines_per_s < 0), after_s)

    def block_beyond_s(self, line: int, after_s: float) -> float | None:
        """Say when the first block came, after a moment, that shows cloth beyond ``line``."""
        return next((at_s for at_s, _, end in self.witness.blocks if end > line and at_s >= after_s), None)

    def first_sign_s(self, after_s: float) -> float | None:
        """Say when anything an operator can see first changed after a moment: picture, words, or counted lines."""
        before = next((look for look in reversed(self.looks) if look.at_s <= after_s), self.looks[0])
        signs = [
            look.at_s
            for look in self.looks
            if look.at_s > after_s
            and (look.feed not in CALM or look.uninspected > before.uninspected or look.repeated > before.repeated)
        ]
        notices = [at_s for at_s, event in self.events if at_s > after_s and isinstance(event, Notice)]
        return min([*signs[:1], *notices[:1]], default=None)

    def seen(self, since_s: float = 0.0) -> str:
        """Say what an operator saw: states of the picture, the first warning since a moment, lines counted twice."""
        states = dict.fromkeys(str(look.feed) for look in self.looks if look.feed not in CALM)
        told = [e for at_s, e in self.events if isinstance(e, Notice) and at_s > since_s]
        words = [notice.text for notice in told if notice.severity is not Severity.INFO]
        counted = ["counted: lines repeated"] if self.ended.ledger.lines_repeated else []
        return "; ".join([*states, *(f"“{text}”" for text in words[:1]), *counted]) or "nothing"


def lines_of(stretch: Stretch) -> range:
    """Return the lines of a stretch."""
    return range(stretch.first_line, stretch.end_line)


def watch(camera: Camera, until: Callable[[Witness], bool] = lambda _: False) -> Watched:
    """Inspect the camera's cloth to its end, or until ``until`` says so."""
    witness = Witness(camera)
    watched = Watched(witness)
    recipe = Recipe(
        fabric="faults",
        model_sha256="0" * 64,
        encoder="light",
        threshold=2.0,
        mm_per_px=MM_PER_PX,
        web="full",
    )
    inspection = Inspection(
        witness,
        EvenScorer(),
        recipe,
        roll="faults",
        on_event=lambda event: watched.events.append((time.monotonic(), event)),
        view=False,
    )
    inspection.start()
    while not inspection.wait(LOOK_S) and not until(witness):
        snapshot = inspection.snapshot()
        ledger, reading = snapshot.ledger, witness.encoder()
        watched.looks.append(
            Look(
                time.monotonic(),
                snapshot.feed,
                ledger.lines_uninspected,
                ledger.lines_repeated,
                reading.due_line,
                reading.lines_per_s,
            )
        )
    inspection.finish()
    if inspection.failure is not None:
        raise inspection.failure
    watched.origin_line = inspection.snapshot().origin_line or 0
    return watched
