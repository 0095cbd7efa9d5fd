"""This module opens the window on a running core."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QTimer
from PySide6.QtWidgets import QApplication

from model.durable import write_whole
from station import last_resort
from station.contract import Core
from station.records.history import History
from station.records.store import Store
from station.shutdown import interrupt_noted
from ui import theme
from ui.qt_messages import qt_messages_told
from ui.shell import MainWindow

_NO_PICTURE_S = 90.0
_SWITCH_S = 0.001
_LOOK_MS = 100


def run_window(
    core: Core,
    store: Store,
    history: History,
    *,
    screenshot: Path | None = None,
    after_s: float | None = None,
    start_page: str = "live",
) -> int:
    """Show the window until it is closed.

    Args:
        core: the running station; started and ended by the caller.
        store, history: the open records.
        screenshot: save the window as PNG there, then quit.
        after_s: seconds from the first live picture to the screenshot; 0 without a value.
        start_page: live, tuning or history.

    Returns:
        0, or 1 if the screenshot could not be saved or no picture ever came.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Fabric inspection station")
    faults: list[str] = []
    reported = last_resort.reporting_to(core.report_fault, last_resort.WINDOW)
    with interrupt_noted() as interrupted, reported, qt_messages_told(store):
        theme.apply(app)
        window = MainWindow(core, store, history, start_page=start_page)
        window.show()
        if screenshot is not None:
            _arrange_screenshot(window, screenshot, after_s or 0.0, faults)
        look = QTimer(window)  # what a signal raised while Qt calls Python would be swallowed
        look.timeout.connect(lambda: interrupted.is_set() and window.close())
        look.start(_LOOK_MS)
        with prompt_window():
            app.exec()
        window.close()
        window.deleteLater()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


@contextlib.contextmanager
def prompt_window() -> Iterator[None]:
    """Let Python's threads take turns five times as often meanwhile.

    Each time Qt calls Python and each time a call into Qt returns, the window waits for the interpreter; behind the
    line's threads that is up to one switch interval, many times per frame.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _arrange_screenshot(window: MainWindow, path: Path, after_s: float, faults: list[str]) -> None:
    """Save the window ``after_s`` after the first strip of cloth; give up if none ever comes."""
    late = QTimer(window)
    late.setSingleShot(True)

    def save() -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _png(window))
        except OSError:
            faults.append(f"The screenshot could not be written to {path}; choose a folder you may write to.")
        window.close()

    def give_up() -> None:
        faults.append(f"No live picture came within {_NO_PICTURE_S:.0f} s, so no screenshot was taken.")
        window.close()

    def first_picture(_strip: object) -> None:
        window.bridge.strip_judged.disconnect(first_picture)
        late.stop()
        QTimer.singleShot(round(after_s * 1000), window, save)

    late.timeout.connect(give_up)
    late.start(round(_NO_PICTURE_S * 1000))
    window.bridge.strip_judged.connect(first_picture)


def _png(window: MainWindow) -> bytes:
    """Return what the window shows as PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")
    return bytes(buffer.data().data())
