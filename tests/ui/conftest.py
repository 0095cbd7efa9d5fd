"""The real window over a scripted core and real records; what a test leaves behind fails it."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QtMsgType, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from station.records.history import History
from station.records.store import Store
from tests.rigs.scripted_core import STRIP, Loop, ScriptedCore, recipe_of, weave_loop
from ui import theme
from ui.history import page as history_page
from ui.shell import MainWindow
from ui.tuning import page as tuning_page

_OF_THE_PLATFORM = "This plugin does not support"
"""What the offscreen platform says of itself; a screen has it."""

_PATIENCE_S = 60
"""How long a wait may last on a loaded machine; what is waited for comes at once on an idle one."""


class PatientBot(QtBot):
    """Waits as long as a loaded machine needs."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = _PATIENCE_S * 1000) -> None:
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(app: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(scope="session")
def app(qapp: QApplication) -> QApplication:
    theme.apply(qapp)
    gc.collect()
    gc.freeze()  # what other tests left stays, and need not be looked at after each test
    return qapp


@pytest.fixture(autouse=True)
def nothing_left(app: QApplication, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Any Qt warning, leaked thread, leaked top-level widget or logged error fails the test that made it."""
    said: list[str] = []

    def hear(kind: QtMsgType, _where: object, text: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and not text.startswith(_OF_THE_PLATFORM):
            said.append(text)

    threads, widgets = set(threading.enumerate()), set(map(id, app.topLevelWidgets()))
    old = qInstallMessageHandler(hear)
    with caplog.at_level(logging.WARNING):
        yield
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    app.processEvents()
    qInstallMessageHandler(old)
    assert said == []
    left = [widget for widget in app.topLevelWidgets() if id(widget) not in widgets]
    assert left == [], "top-level widgets were left behind"
    assert [t for t in threading.enumerate() if t not in threads and t.is_alive()] == [], "threads were left behind"
    logged = caplog.get_records("call")  # those of the test: by now the fixture itself holds those of the teardown
    assert [r.getMessage() for r in logged if r.levelno >= logging.ERROR] == []


@pytest.fixture(scope="session")
def loop() -> Loop:
    return weave_loop(1024, 8)


@pytest.fixture
def store(tmp_path: Path, nothing_left: None) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        model = tmp_path / "model.safetensors"
        model.write_bytes(b"never loaded")
        opened.add_model("5" * 64, model, {})
        for fabric in ("demo", "twill-3"):
            opened.save_recipe(recipe_of(fabric), "engineer", "first")
        yield opened


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


@pytest.fixture
def core(store: Store, loop: Loop) -> Iterator[ScriptedCore]:
    made = ScriptedCore(store.home, store, loop)
    yield made
    made.close()
    store.flush()


@pytest.fixture
def past_rolls(core: ScriptedCore, store: Store) -> list[str]:
    """Two finished rolls: one of demo with a lost stretch, one of twill-3."""
    names = []
    for fabric, strips in (("demo", 12), ("twill-3", 8)):
        core.start_roll(fabric)
        assert core.roll is not None
        names.append(core.roll)
        core.play(strips)
        if fabric == "demo":
            core.lose(2 * STRIP)
            core.play(4)
        core.end_roll()
    core.drain(100_000)
    assert store.flush()
    return names


@pytest.fixture
def open_window(
    app: QApplication, core: ScriptedCore, store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MainWindow]]:
    """Opens the main window, as large as asked; closes it after the test.  Its pages wait for a slow disk."""
    opened: list[MainWindow] = []
    for page in (tuning_page, history_page):
        monkeypatch.setattr(page, "FLUSH_S", float(_PATIENCE_S))

    def open_it(page: str = "live", size: tuple[int, int] = (1280, 800)) -> MainWindow:
        window = MainWindow(core, store, history, start_page=page)
        window.resize(*size)
        window.show()
        window.activateWindow()
        assert QTest.qWaitForWindowActive(window, _PATIENCE_S * 1000)
        opened.append(window)
        return window

    yield open_it
    for window in opened:
        window.close()
        window.deleteLater()
