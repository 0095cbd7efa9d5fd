"""Between the core and Qt: drains the core's plain queue on a timer and emits signals in the GUI thread only."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from station.control import (
    Core,
    DefectChanged,
    LineSnapshot,
    Notice,
    RollEnded,
    RollStarted,
    RowJudged,
    StretchClosed,
    StripView,
)

PERIOD_MS = 33
SNAPSHOT_EVERY = 3
"""A snapshot every so many ticks: ten a second is more than an eye reads."""

BUDGET_S = 0.012
"""Longest time one tick spends on events; the rest waits for the next, so that a burst never freezes the window."""


class CoreBridge(QObject):
    """Tells the window what the core tells.

    Signals carry the plain objects of :mod:`station.control`.  ``ticked`` carries the seconds since the last tick and
    comes after the events of that tick: the beat by which the picture scrolls and alarms flash.
    """

    ticked = Signal(float)
    snapshot_changed = Signal(object)
    strip_judged = Signal(object)
    defect_changed = Signal(object)
    stretch_closed = Signal(object)
    roll_started = Signal(object)
    roll_ended = Signal(object)
    notice = Signal(object)

    def __init__(self, core: Core, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.core = core
        self._ticks = 0
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._tick)
        self._tell: dict[type[object], Callable[[object], None]] = {
            StripView: self.strip_judged.emit,
            DefectChanged: self.defect_changed.emit,
            StretchClosed: self.stretch_closed.emit,
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
                if not isinstance(event, RowJudged):
                    self._tell[type(event)](event)
            if time.monotonic() > until:
                return
