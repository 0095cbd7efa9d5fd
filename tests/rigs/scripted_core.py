"""A core that plays a script: simulated cloth, known defects, at a real pace or line by line.

It judges nothing; it says what a core would say, so that the window can be shown every state at will.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import SPOTS, Flaw
from station.contract import (
    Acknowledged,
    ColumnsInspected,
    Defect,
    DefectChanged,
    DefectKind,
    Event,
    Fault,
    FeedState,
    Ledger,
    LineSnapshot,
    LineState,
    LinkState,
    MachineStatus,
    Notice,
    RollEnded,
    RollIdentity,
    RollStarted,
    RowJudged,
    Severity,
    StationError,
    Stretch,
    StretchClosed,
    StripView,
    UninspectedReason,
)
from station.recipe import Recipe
from station.records.store import Store
from station.state.person import Person
from station.state.roll import UnfinishedRoll

STRIP, CELL, MM_PER_PX = 224, 4, 0.5
QUIET = MachineStatus(link=LinkState.CONNECTED, wires_stop=True, running=True)
"""A machine that runs, and no stop is wanted."""


def recipe_of(fabric: str = "demo", threshold: float = 0.12) -> Recipe:
    """A recipe whose model is never loaded."""
    return Recipe(
        fabric=fabric,
        model_sha256="5" * 64,
        encoder="light",
        threshold=threshold,
        mm_per_px=MM_PER_PX,
        min_length_mm=1.0,
    )


@dataclass(frozen=True)
class Loop:
    """Cloth that repeats: pixels, display scores per cell, and where its flaws lie."""

    pixels: NDArray[np.uint8]
    heat: NDArray[np.float32]
    flaws: list[Flaw]
    web: tuple[int, int]


def weave_loop(width_px: int = 2048, strips: int = 18, seed: int = 3, flaws_per_m: float = 2.5) -> Loop:
    """Render a few metres with flaws, and a map that knows them (noise elsewhere)."""
    web = (24, width_px - 24)
    cloth = Cloth("demo", width_px=width_px, mm_per_px=MM_PER_PX, seed=seed, web_px=web, flaws_per_m=flaws_per_m)
    lines = strips * STRIP
    pixels = cloth.render(0, lines)
    flaws = [flaw for flaw in cloth.flaws(0, lines) if flaw.first_line >= 0 and flaw.end_line <= lines]
    rng = np.random.default_rng(seed)
    heat = rng.gamma(6.0, 0.02, (lines // CELL, width_px // CELL)).astype(np.float32)
    heat = cv2.GaussianBlur(heat, (0, 0), 1.5)
    for flaw in flaws:
        mark = np.zeros_like(heat)
        rows = slice(flaw.first_line // CELL, -(-flaw.end_line // CELL))
        mark[rows, flaw.first_px // CELL : -(-flaw.end_px // CELL)] = 1.0
        mark = cv2.GaussianBlur(mark, (0, 0), 1.5)
        heat = np.maximum(heat, mark / mark.max() * np.float32(score_of(flaw)))
    heat[:, : web[0] // CELL] = 0
    heat[:, web[1] // CELL :] = 0
    return Loop(pixels, heat, flaws, web)


def score_of(flaw: Flaw) -> float:
    """Display score by contrast: the faintest pass, the rest are rejects."""
    return float(np.clip(0.3 + 0.17 * flaw.contrast_sigma, 0.0, 0.98))


@dataclass
class ScriptedCore:
    """Implements :class:`station.contract.Core`.

    ``play(lines)`` says what passing cloth would make a core say; ``run()`` plays in a thread at ``speed_m_per_min``.
    With a ``store`` everything is recorded too.
    """

    home: Path
    store: Store | None = None
    loop: Loop = field(default_factory=lambda: weave_loop(512, 8))
    speed_m_per_min: float = 12.0
    rolls: int = 0

    def __post_init__(self) -> None:
        self.feed, self.state, self.roll = FeedState.NO_PICTURE, LineState.READY, None
        self.commands: list[str] = []
        self.behind_s = 0.0
        self.machine: MachineStatus | None = None
        self.unverified = ""
        self.columns: ColumnsInspected | None = None
        self.fastest: tuple[float | None, bool] = None, False
        self.message = ""
        self.blind_px: tuple[tuple[int, int], ...] = ()
        self._recipe: Recipe | None = None
        self.events: deque[Event] = deque()
        self._lock = threading.RLock()
        self._line = self._inspected = self._lost = self.defects = self._rejects = 0
        self._stretch_from = 0
        self._speed = self.speed_m_per_min
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # the protocol

    def snapshot(self) -> LineSnapshot:
        with self._lock:
            return LineSnapshot(
                state=self.state,
                feed=self.feed,
                fabric=self._recipe.fabric if self._recipe else "",
                recipe_version=self._recipe.version if self._recipe else 0,
                roll=self.roll,
                ledger=Ledger(self._line, self._inspected, self._lost),
                metres_inspected=self._inspected * MM_PER_PX / 1000,
                metres_uninspected=self._lost * MM_PER_PX / 1000,
                speed_m_per_min=self._speed if self.feed is FeedState.LIVE else 0.0,
                defects=self.defects,
                rejects=self._rejects,
                tiles_per_second=61.0,
                latency_p50_ms=240.0,
                latency_p99_ms=390.0,
                queue_fill=0.2,
                behind_s=self.behind_s,
                message=self.message,
                unverified=self.unverified,
                machine=self.machine,
                columns=self.columns,
                fastest_m_per_min=self.fastest[0],
                goes_faster=self.fastest[1],
            )

    def drain(self, limit: int = 256) -> list[Event]:
        with self._lock:
            return [self.events.popleft() for _ in range(min(limit, len(self.events)))]

    def fabrics(self) -> list[str]:
        return ["demo", "twill-3"]

    def start_roll(self, fabric: str, roll: str | None = None, identity: RollIdentity | None = None) -> None:
        del identity
        with self._lock:
            if self.roll is not None:
                raise StationError(f"Roll {self.roll} is still open; end it before starting another.")
            self.commands.append(f"start {fabric}")
            self.rolls += 1
            self._recipe = recipe_of(fabric)
            name = roll or f"2026-11-22-{self.rolls:03d}"
            self.roll = self.store.begin_roll(roll, self._recipe, "scripted") if self.store else name
            self._line = self._inspected = self._lost = self.defects = self._rejects = self._stretch_from = 0
            self.state, self.feed = LineState.CONTINUOUS_EXECUTION, FeedState.NO_PICTURE
            self.events.append(RollStarted(self.roll, fabric, self._recipe.version))

    def start_scanned(self, text: str, fabric: str = "") -> None:
        self.start_roll(fabric, text)

    def rename_roll(self, name: str, by: str) -> None:
        self.commands.append(f"rename to {name} by {by}")

    def correct_roll(self, identity: RollIdentity, by: str, why: str = "") -> None:
        self.commands.append(f"correct to {identity} by {by}: {why}")

    def correct_ended(self, roll: str, identity: RollIdentity, by: str, why: str = "") -> None:
        self.commands.append(f"correct {roll} to {identity} by {by}: {why}")

    def splice(self, by: str, note: str = "") -> None:
        self.commands.append(f"splice by {by}: {note}")

    def unfinished_roll(self) -> UnfinishedRoll | None:
        return None

    def resume_unfinished(self, roll: str, by: str) -> None:
        self.commands.append(f"resume {roll} by {by}")

    def close_unfinished(self, roll: str, by: str, why: str = "") -> None:
        self.commands.append(f"close {roll} by {by}: {why}")

    def people_on(self) -> bool:
        return False

    def person(self) -> Person | None:
        return None

    def sign_in(self, name: str, pin: str) -> Person:
        raise StationError(f"{name} with {len(pin)} signs is not known.")

    def sign_out(self) -> None:
        self.commands.append("sign out")

    def pause(self, why: str = "", by: str = "") -> None:
        del why, by
        self.commands.append("pause")
        self.state = LineState.HALTED

    def resume(self, by: str = "") -> None:
        del by
        self.commands.append("resume")
        self.state = LineState.CONTINUOUS_EXECUTION

    def end_roll(self) -> None:
        with self._lock:
            self.commands.append("end")
            if self.roll is None:
                return
            self._close_stretch()
            self.tell(RollEnded(self.roll, Ledger(self._line, self._inspected, self._lost)))
            self.state, self.feed, self.roll = LineState.READY, FeedState.NO_PICTURE, None

    def veto_stop(self, by: str, cause_number: int) -> None:
        self.commands.append(f"veto {cause_number} by {by}")

    def release_stop(self, by: str) -> None:
        self.commands.append(f"release by {by}")

    def acknowledge(self, answer: Acknowledged) -> None:
        self.commands.append(f"{answer} acknowledged by {answer.by}")
        if self.store is not None:
            self.store.write(answer)

    def report_fault(self, fault: Fault) -> None:
        self.tell(Notice(Severity.ERROR, fault.text))
        if self.store is not None:
            self.store.write(fault)

    def recipe(self) -> Recipe | None:
        return self._recipe

    # the script

    def play(self, strips: int = 1) -> None:
        """Cloth passes and is judged."""
        for _ in range(strips):
            with self._lock:
                self._play_strip()

    def lose(self, lines: int, reason: UninspectedReason = UninspectedReason.LOST_BY_CAMERA) -> None:
        """Cloth passes unseen (a whole number of strips keeps the loop's flaws whole)."""
        with self._lock:
            self._close_stretch()
            self.tell(StretchClosed(Stretch(self._line, self._line + lines, reason)))
            self._line += lines
            self._lost += lines
            self._stretch_from = self._line

    def say(self, severity: Severity, text: str) -> None:
        """A notice."""
        self.tell(Notice(severity, text))

    def run(self) -> None:
        """Play in a thread until :meth:`close`."""
        self._thread = threading.Thread(target=self._run, name="scripted-core")
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; end the roll."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.end_roll()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(due - time.monotonic(), 0.0)):
            due += STRIP / (self.speed_m_per_min / 60 * 1000 / MM_PER_PX)
            if self.roll is not None and self.state is LineState.CONTINUOUS_EXECUTION:
                self.play()

    def tell(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
            if self.store is not None and self.roll is not None:
                self.store.write(event)

    def _close_stretch(self) -> None:
        if self._line > self._stretch_from:
            self.tell(StretchClosed(Stretch(self._stretch_from, self._line)))

    def _play_strip(self) -> None:
        loop, total = self.loop, len(self.loop.pixels)
        at = self._line % total // STRIP * STRIP
        heat = loop.heat[at // CELL : (at + STRIP) // CELL]
        shift = self._line - at
        pixels = loop.pixels[at : at + STRIP]
        assert self._recipe is not None
        threshold = self._recipe.threshold
        scores = heat * np.float32(2 * threshold)
        self.tell(StripView(self._line, pixels, scores, threshold, CELL, *loop.web, blind_px=self.blind_px))
        patches = heat[:, : heat.shape[1] // 56 * 56].reshape(heat.shape[0], -1, 56).max(axis=(0, 2))
        peaks = (patches * 2 * threshold).astype(np.float32)
        self.tell(RowJudged(self._line, self._line + STRIP, peaks, None, loop.web[1] - loop.web[0]))
        self._line += STRIP
        self._inspected += STRIP
        self.feed = FeedState.LIVE
        for index, flaw in enumerate(loop.flaws):
            number = (self._line - 1) // total * len(loop.flaws) + index + 1
            if at < flaw.end_line <= at + STRIP and score_of(flaw) >= 0.35:
                self.tell_defect(self._defect(flaw, number, shift, closed=True))

    def tell_defect(self, defect: Defect) -> None:
        self.defects += 1
        self._rejects += defect.is_reject
        self.tell(DefectChanged(defect))

    def _defect(self, flaw: Flaw, number: int, shift: int, *, closed: bool) -> Defect:
        assert self._recipe is not None
        high, wide = flaw.end_line - flaw.first_line, flaw.end_px - flaw.first_px
        display = score_of(flaw)
        return Defect(
            number=number,
            first_line=flaw.first_line + shift,
            end_line=flaw.end_line + shift,
            first_px=flaw.first_px,
            end_px=flaw.end_px,
            length_mm=high * MM_PER_PX,
            width_mm=wide * MM_PER_PX,
            area_mm2=high * wide * MM_PER_PX**2,
            position_mm=(flaw.first_line + shift) * MM_PER_PX,
            across_mm=((flaw.first_px + flaw.end_px) / 2 - self.loop.web[0]) * MM_PER_PX,
            score=display * 2 * self._recipe.threshold,
            threshold=self._recipe.threshold,
            kind=_kind(flaw, high, wide),
            is_reject=display >= 0.5,
            closed=closed,
            crop=self._crop(flaw),
            crop_scores=self._crop_heat(flaw) * np.float32(2 * self._recipe.threshold),
        )

    def _window(self, flaw: Flaw) -> tuple[int, int]:
        line = (flaw.first_line + flaw.end_line) // 2 // CELL * CELL
        px = (flaw.first_px + flaw.end_px) // 2 // CELL * CELL
        high, wide = self.loop.pixels.shape
        return min(max(line - 96, 0), high - 192), min(max(px - 96, 0), wide - 192)

    def _crop(self, flaw: Flaw) -> NDArray[np.uint8]:
        line, px = self._window(flaw)
        return self.loop.pixels[line : line + 192, px : px + 192].copy()

    def _crop_heat(self, flaw: Flaw) -> NDArray[np.float32]:
        line, px = (value // CELL for value in self._window(flaw))
        part = self.loop.heat[line : line + 48, px : px + 48]
        return np.asarray(cv2.resize(part, (192, 192), interpolation=cv2.INTER_LINEAR), np.float32)


def _kind(flaw: Flaw, high: int, wide: int) -> DefectKind:
    if flaw.kind in SPOTS:
        return DefectKind.SPOT
    if high > 3 * wide:
        return DefectKind.WARP_LINE
    return DefectKind.WEFT_LINE if wide > 3 * high else DefectKind.AREA
