"""Opening and closing the window, the bridge, the worker, and the Qt binding itself."""

from __future__ import annotations

import gc
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from station.contract import LookView, Severity, StripView
from station.records.history import History
from station.records.store import Store
from station.state.defect import Look
from tests.rigs.scripted_core import ScriptedCore
from ui.app import run_window
from ui.bridge import CoreBridge
from ui.shell import MainWindow
from ui.theme import tokens
from ui.worker import Worker

UI = Path(__file__).parents[2] / "ui"


def test_a_screenshot_is_taken_after_the_first_live_picture(
    core: ScriptedCore, store: Store, history: History, tmp_path: Path
) -> None:
    core.start_roll("demo")
    core.speed_m_per_min = 30
    core.run()
    file = tmp_path / "shots" / "window.png"
    assert run_window(core, store, history, screenshot=file, after_s=0.5) == 0
    picture = QImage(str(file))
    assert (picture.width(), picture.height()) == (1600, 950)


def test_a_screenshot_that_cannot_be_written_is_one_sentence(
    core: ScriptedCore, store: Store, history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    core.start_roll("demo")
    core.play(1)
    assert run_window(core, store, history, screenshot=tmp_path / "file" / "window.png", after_s=0.0) == 1
    said = capsys.readouterr().err.strip()
    assert "could not be written" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("page", ["live", "tuning", "history"])
def test_every_page_opens_and_closes(
    open_window: Callable[..., MainWindow], past_rolls: list[str], qtbot: QtBot, page: str
) -> None:
    window = open_window(page, (1600, 950))
    qtbot.waitUntil(lambda: not window.worker.busy)
    assert window.tabs[page].isChecked()
    assert not window.grab().toImage().isNull()


def test_the_bridge_keeps_the_order_and_speaks_in_the_gui_thread(core: ScriptedCore, qtbot: QtBot) -> None:
    bridge = CoreBridge(core)
    lines: list[int] = []
    threads: set[int] = set()

    def hear(strip: StripView) -> None:
        lines.append(strip.first_line)
        threads.add(threading.get_ident())

    bridge.strip_judged.connect(hear)
    core.speed_m_per_min = 600
    core.store = None  # so much cloth would keep the disk busy
    core.start_roll("demo")
    core.run()
    bridge.start()
    qtbot.waitUntil(lambda: len(lines) > 30)
    bridge.stop()
    assert lines == sorted(set(lines))
    assert threads == {threading.main_thread().ident}


def test_the_bridge_tells_what_other_looks_see_too(core: ScriptedCore, qtbot: QtBot) -> None:
    bridge = CoreBridge(core)
    heard: list[LookView] = []
    bridge.look_judged.connect(heard.append)
    view = LookView(Look.LONG, 0, 8, np.zeros((2, 4), np.float32), 1.0, 4)
    core.tell(view)
    bridge.start()
    qtbot.waitUntil(lambda: bool(heard))
    bridge.stop()
    assert heard == [view]


def test_a_burst_of_events_leaves_the_window_alive(core: ScriptedCore, qtbot: QtBot) -> None:
    bridge = CoreBridge(core)
    turns: list[int] = []
    probe = QTimer()
    probe.setInterval(5)
    probe.timeout.connect(lambda: turns.append(len(core.events)))
    core.start_roll("demo")
    for _ in range(3000):
        core.say(Severity.INFO, "a word")
    bridge.notice.connect(lambda _notice: sum(range(2000)))
    probe.start()
    bridge.start()
    qtbot.waitUntil(lambda: not core.events)
    bridge.stop()
    probe.stop()
    assert len([left for left in turns if left]) >= 2, "other timers had their turn in between"


def test_the_worker_answers_in_order_in_the_gui_thread(qtbot: QtBot) -> None:
    worker, answers = Worker(), []
    for number in range(20):
        worker.run(lambda number=number: (number, threading.current_thread().name), answers.append)  # type: ignore[misc]
    qtbot.waitUntil(lambda: len(answers) == 20)
    assert [number for number, _ in answers] == list(range(20))
    assert all(name.startswith("window-worker") for _, name in answers)
    failures: list[Exception] = []
    worker.run(Path("nowhere").read_bytes, answers.append, failures.append)
    qtbot.waitUntil(lambda: len(failures) == 1)
    assert not worker.busy
    worker.close()


def test_colours_that_carry_words_can_be_read() -> None:
    def light(name: str) -> float:
        channels = [int(tokens()[name][at : at + 2], 16) / 255 for at in (1, 3, 5)]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    pairs = [("text", "panel"), ("text_soft", "panel"), ("frame_text", "frame"), ("frame_text_soft", "frame")]
    pairs += [("critical_text", "critical"), ("warning_text", "warning"), ("act_text", "act")]
    pairs += [("critical_deep", "panel"), ("warning_deep", "panel"), ("text", "selection"), ("text_faint", "panel")]
    for words, ground in pairs:
        dark, pale = sorted((light(words), light(ground)))
        assert (pale + 0.05) / (dark + 0.05) >= 4.5, f"{words} on {ground} is hard to read (WCAG 2.2, 1.4.3)"


def test_every_size_and_colour_the_window_names_is_a_token() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in UI.rglob("*.py"))
    sizes, colours = (set(re.findall(rf"theme\.{what}\(\"(\w+)\"", source)) for what in ("font", "colour"))
    assert {"banner", "caption"} <= sizes, "they are looked for where they stand"
    assert {f"size_{name}_px" for name in sizes} | colours <= tokens().keys()


def test_the_binding_keeps_its_references(app: QApplication) -> None:
    """PySide6 6.12 drops a reference of ``True`` at every emit on Python 3.11 and aborts; the pin must hold."""

    class Sender(QObject):
        said = Signal(bool)

    sender, heard = Sender(), []
    sender.said.connect(heard.append)
    gc.collect()  # or what others left behind takes its references along meanwhile
    before = sys.getrefcount(True)
    for _ in range(5000):
        sender.said.emit(True)
        heard.clear()
    assert sys.getrefcount(True) > before - 2500, "half of those that a drop at every emit would cost"
