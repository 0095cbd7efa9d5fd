"""The bridge drains the core's plain queue on a timer and emits Qt's signals in the GUI thread only."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from station.contract import (
    ClothDiffers,
    ColumnsInspected,
    Core,
    DefectChanged,
    LineSnapshot,
    LookView,
    Notice,
    RollEnded,
    RollStarted,
    RowJudged,
    StopChanged,
    StretchClosed,
    StripView,
)

PERIOD_MS = 16
"""The timer looks twice per frame: on a busy machine a frame is then half a period late, not a whole one."""

FRAME_S = 0.032
"""A frame is due so often; a late one is caught up, so that 30 a second are really reached."""

SNAPSHOT_EVERY = 5
"""A snapshot every so many frames: six a second is more than an eye reads."""

BUDGET_S = 0.012
"""Longest time one tick spends on events; the rest waits for the next, so that a burst never freezes the window."""


class CoreBridge(QObject):
    """The bridge tells the window what the core tells.

    Signals carry the plain objects of :mod:`station.contract`.  ``ticked`` carries the seconds since the last frame and
    comes after the events of that time: the beat by which the picture scrolls and alarms flash.  What becomes of a stop
    and the columns inspected are shown from the snapshot; these events are for the records.
    """

    ticked = Signal(float)
    snapshot_changed = Signal(object)
    strip_judged = Signal(object)
    look_judged = Signal(object)
    defect_changed = Signal(object)
    stretch_closed = Signal(object)
    cloth_differs = Signal(object)
    roll_started = Signal(object)
    roll_ended = Signal(object)
    notice = Signal(object)

    def __init__(self, core: Core, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.core = core
        self._ticks = 0
        self._clock = QElapsedTimer()
        self._due_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._tick)
        self._tell: dict[type[object], Callable[[object], None]] = {
            StripView: self.strip_judged.emit,
            LookView: self.look_judged.emit,
            DefectChanged: self.defect_changed.emit,
            StretchClosed: self.stretch_closed.emit,
            ClothDiffers: self.cloth_differs.emit,
            RollStarted: self.roll_started.emit,
            RollEnded: self.roll_ended.emit,
            Notice: self.notice.emit,
        }

    def start(self) -> None:
        """Begin to listen."""
        self._clock.start()
        self._timer.start()
        self.refresh()

    def stop(self) -> None:
        """Listen no more; may be called twice."""
        self._timer.stop()

    def refresh(self) -> LineSnapshot:
        """Read and tell the state at once, e.g. after a command."""
        snapshot = self.core.snapshot()
        self.snapshot_changed.emit(snapshot)
        return snapshot

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = max(self._due_s + FRAME_S, now_s - FRAME_S)
        passed_s = self._clock.restart() / 1000.0
        self._drain()
        if self._ticks % SNAPSHOT_EVERY == 0:
            self.refresh()
        self._ticks += 1
        self.ticked.emit(passed_s)

    def _drain(self) -> None:
        until = time.monotonic() + BUDGET_S
        while events := self.core.drain(16):
            for event in events:
                if not isinstance(event, RowJudged | StopChanged | ColumnsInspected):
                    self._tell[type(event)](event)
            if time.monotonic() > until:
                return
