"""A bug behind the real window, over a real core and real records: alarm row, log, audit; and the line goes on."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer, qCritical, qInstallMessageHandler, qWarning
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication
from pytestqt.exceptions import CapturedException
from pytestqt.qtbot import QtBot

from drivers.camera import LineBlock
from drivers.memory import MemoryCamera
from station import demo, last_resort
from station.commands.people.attend import after_window
from station.commands.session import Records, open_records, open_station
from station.contract import LineSnapshot, LineState
from station.core import Station
from station.line.judging.judge import Judge
from ui.app import run_window
from ui.live.web_view import WebView
from ui.shell import MainWindow
from ui.status import StateBadge

LONG = 120.0
ROWS_BEFORE = 3

Script = Callable[[MainWindow], Iterator[Callable[[], bool]]]


class SlowCamera(MemoryCamera):
    """Cloth from memory without end, at a pace that leaves the processor to others."""

    mm_per_px = 0.5

    def read(self, timeout_s: float) -> LineBlock:
        time.sleep(0.2)
        return super().read(timeout_s)


@dataclass
class Place:
    """A station with a roll open, and its window."""

    records: Records
    station: Station
    met: list[str]
    passed_on: list[CapturedException]
    """What the hooks from before heard: types of the exceptions of threads, and pytest-qt's for all others."""

    def run(self, script: Script) -> None:
        """Open the window; ``script`` acts on it and yields what it waits for, then the window is closed."""
        failed: list[BaseException] = []

        def begin() -> None:
            window = next(shown for shown in QApplication.topLevelWidgets() if isinstance(shown, MainWindow))
            steps = script(window)
            awaited: list[Callable[[], bool]] = [lambda: True]
            until = time.monotonic() + LONG

            def look() -> None:
                try:
                    if awaited[0]():
                        awaited[0] = next(steps)
                    assert time.monotonic() < until, f"waited in vain; the alarm row says: {window.alarms.text}"
                except BaseException as end:
                    failed.extend([] if isinstance(end, StopIteration) else [end])
                    timer.stop()
                    window.close()

            timer = QTimer(window)
            timer.timeout.connect(look)
            timer.start(20)

        QTimer.singleShot(0, begin)
        assert run_window(self.station, self.records.store, self.records.history) == 0
        if failed:
            raise failed[0]

    def snapshot(self) -> LineSnapshot:
        return self.station.snapshot()

    def goes_on(self) -> Iterator[Callable[[], bool]]:
        """Wait until cloth was inspected that was not by now."""
        before = self.snapshot().ledger.lines_inspected
        yield lambda: self.snapshot().ledger.lines_inspected > before

    def audit(self) -> list[tuple[str, str, str, str]]:
        """The audit's faults and errors: action, who, what, why."""
        self.records.store.flush()
        return audit_of(self.records.home)


def audit_of(home: Path) -> list[tuple[str, str, str, str]]:
    """The audit's faults and errors: action, who, what, why."""
    connection = sqlite3.connect(home / "station.db")
    rows = connection.execute(
        "SELECT action, who, new, why FROM event WHERE action IN ('fault', 'notice: error') ORDER BY id"
    ).fetchall()
    connection.close()
    return rows


@pytest.fixture
def place(qtbot: QtBot, nothing_left: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The whole house as the command opens it, the last resort included."""
    met: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: met.append(args.exc_type.__name__))
    cloth = np.random.default_rng(3).integers(90, 160, (1024, 512), np.uint8)
    with qtbot.capture_exceptions() as passed_on, last_resort.installed(), open_records(tmp_path / "home") as records:
        recipe = demo.install_fabric(records.store, records.history)
        with open_station(records, SlowCamera(cloth)) as station:
            station.start_roll(recipe.fabric, "r")
            yield Place(records, station, met, passed_on)


def divide(*_args: object) -> None:
    raise ZeroDivisionError("division by zero")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Errors in the log, each with its traceback if it has one; they are looked at, so they fail the test no more."""
    formatter = logging.Formatter()
    lines = [formatter.format(record) for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()
    return lines


def test_slots_and_overrides_that_fail(
    place: Place, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing: list[str] = []
    paint = StateBadge.paintEvent

    def paint_or_fail(self: StateBadge, event: QPaintEvent) -> None:
        if failing:
            raise KeyError(failing[0])
        paint(self, event)

    monkeypatch.setattr(WebView, "set_heat", divide)
    monkeypatch.setattr(StateBadge, "paintEvent", paint_or_fail)

    def script(window: MainWindow) -> Iterator[Callable[[], bool]]:
        yield lambda: place.snapshot().ledger.lines_inspected > 0
        qtbot.mouseClick(window.live.heat_button, Qt.MouseButton.LeftButton)
        text = "A fault in the window (ZeroDivisionError: division by zero). The line goes on; "
        yield lambda: text in window.alarms.text
        yield from place.goes_on()
        window.alarms.acknowledge()
        failing.append("colour")
        for _ in range(20):
            window.badge.update()
            yield lambda: True
        failing.clear()
        yield lambda: "A fault in the window (KeyError: 'colour')" in window.alarms.text
        yield from place.goes_on()

    place.run(script)
    assert after_window(place.station, 0).ledger.lines_in_flight == 0
    faults = [(who, what, why) for action, who, what, why in place.audit() if action == "fault"]
    assert [(who, why) for who, _, why in faults[:2]] == [
        ("station", "the window, ZeroDivisionError, roll number 1"),
        ("station", "the window, KeyError, roll number 1"),
    ]
    assert len(faults) <= 3, "many times a second, told once and how often"
    assert [kind for kind, _, _ in place.passed_on] == [ZeroDivisionError, KeyError]
    told = logged(caplog)
    assert "in divide" in told[0]
    assert "ZeroDivisionError" in told[0]
    assert "KeyError" in told[1]


def test_threads_jobs_and_qt_itself_that_fail(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    def script(window: MainWindow) -> Iterator[Callable[[], bool]]:
        yield lambda: place.snapshot().ledger.lines_inspected > 0
        threading.Thread(target=divide, name="plain").start()
        yield lambda: "A fault in thread plain (ZeroDivisionError: division by zero)." in window.alarms.text
        window.alarms.acknowledge()
        window.worker.run(divide, lambda _none: None)
        yield lambda: "A fault in the window (ZeroDivisionError: division by zero)." in window.alarms.text
        window.alarms.acknowledge()
        foreign = threading.Thread(target=lambda: (qWarning("only a warning"), qCritical("the screen is gone")))
        foreign.start()
        yield lambda: "A fault in the window (Qt critical: the screen is gone)." in window.alarms.text
        foreign.join()
        window.alarms.acknowledge()
        yield from place.goes_on()
        assert "fault" not in window.alarms.text.lower()

    heard_before = qInstallMessageHandler(lambda *_args: None)
    try:
        place.run(script)
    finally:
        qInstallMessageHandler(heard_before)
    assert after_window(place.station, 0).ledger.lines_in_flight == 0
    assert [(action, who, why) for action, who, _, why in place.audit()] == [
        ("fault", "station", "thread plain, ZeroDivisionError, roll number 1"),
        ("fault", "station", "the window, ZeroDivisionError, roll number 1"),
        ("fault", "station", "the window, Qt critical, roll number 1"),
    ]
    assert place.met == ["ZeroDivisionError"]
    assert "Qt: only a warning" in [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    told = [text for text in logged(caplog) if text.startswith("A fault")]
    assert ["in divide" in text for text in told] == [True, True, False]
    assert "the screen is gone" in told[2]


FATAL = """
import sys
from pathlib import Path
from PySide6.QtCore import qFatal
from station import last_resort
from station.commands.session import open_records
from ui.qt_messages import qt_messages_told

with last_resort.installed(), open_records(Path(sys.argv[1])) as records, qt_messages_told(records.store):
    qFatal("the display is gone")
"""


@pytest.mark.slow
def test_what_ends_the_process_in_qt_is_on_disk_before(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FATAL, tmp_path], capture_output=True, text=True, timeout=LONG, check=False
    )
    assert ended.returncode < 0, "Qt aborts"
    assert "the display is gone" in ended.stderr
    [(action, _, text, _)] = audit_of(tmp_path)
    assert action == "fault"
    assert text.startswith("A fault in the window, which ends the program (Qt fatal:")


def test_a_line_thread_that_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row, rows = Judge.row, []

    def fails_later(self: Judge, *args: object) -> None:
        rows.append(args)
        if len(rows) > ROWS_BEFORE:
            divide()
        row(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Judge, "row", fails_later)
    said = "a fault in the program (ZeroDivisionError: division by zero); tell the maintainer, the log has details."

    def script(window: MainWindow) -> Iterator[Callable[[], bool]]:
        yield lambda: f"The line has stopped: {said}" in window.alarms.text
        yield lambda: place.station.wait(0)

    place.run(script)
    with pytest.raises(ZeroDivisionError):
        after_window(place.station, 0)
    snapshot = place.snapshot()
    assert snapshot.state is LineState.ERROR
    assert snapshot.message == said
    assert snapshot.ledger.lines_in_flight == 0
    assert snapshot.ledger.lines_uninspected > 0
    kept = place.records.history.roll("r")
    assert kept.ended_at is not None
    assert place.audit() == [("notice: error", "line", f"The line has stopped: {said}", "roll number 1")]
    [told] = logged(caplog)
    assert told.startswith("line-judging has ended")
    assert "in divide" in told
