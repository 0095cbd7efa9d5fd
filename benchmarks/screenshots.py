"""This script saves the pictures of the three pages that the documents show, played by the real demo.

    python -m benchmarks.screenshots [--into docs/images] [--seconds 50]

A first roll runs for ``--seconds`` and is taken live with rejects in sight; it is ended and partly reviewed, a second
one begins, and Tuning (threshold moved) and History show the first.  Each picture is 1600 × 950 px.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["LOGNAME"] = "engineer"  # who saves a recipe is in the picture

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.ui_smoothness import demo
from station.contract import Core
from station.records.rows import Verdict
from ui import theme
from ui.app import prompt_window
from ui.shell import MainWindow

SIZE = (1600, 950)
PATIENCE_S = 120.0
SETTLE_S = 1.0


def wait(seconds: float) -> None:
    """Let the window run on."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def wait_until(happens: Callable[[], bool], what: str) -> None:
    """Let the window run until ``happens`` is true.  Raises RuntimeError if it never is."""
    end = time.monotonic() + PATIENCE_S
    while not happens():
        if time.monotonic() > end:
            raise RuntimeError(f"The demo did not come to {what} within {PATIENCE_S:.0f} s.")
        wait(0.02)


def save(window: MainWindow, path: Path) -> None:
    """Save what the window shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(path), "PNG", 0):
        raise RuntimeError(f"The picture could not be written to {path}.")
    print(f"{path}: {path.stat().st_size / 1024:.0f} kB")


def rejects_in_sight(window: MainWindow) -> int:
    """Return how many rejects have their outlines within the picture."""
    web = window.live.web
    boxes = [web.outline(row.defect.number) for row in window.live.defects.rows if row.defect.is_reject]
    return sum(box.top() > 60 and box.bottom() < web.height() - 30 for box in boxes)


def show_live(window: MainWindow, path: Path, seconds: float) -> None:
    """Take the picture of the first roll: its early alarms are acknowledged, the last ones are still open."""
    wait_until(lambda: window.live.web.banner == "" and window.live.web.camera_px > 0, "a live picture")
    wait(seconds * 0.8)
    window.alarms.acknowledge()
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > seconds * 0.2 and rejects_in_sight(window) >= 2, "two rejects")
    wait_until(lambda: not window.live.web._flash_on, "a red outline")
    save(window, path)


def change_roll(window: MainWindow, core: Core) -> None:
    """End the first roll and begin another."""
    ended: list[object] = []
    window.bridge.roll_ended.connect(ended.append)
    core.end_roll()
    wait_until(lambda: bool(ended) and not window.live.roll_open, "the end of the roll")
    wait(SETTLE_S)
    window.live.controls.start()
    wait_until(lambda: window.live.web.banner == "", "a live picture of the second roll")


def show_tuning(window: MainWindow, path: Path) -> None:
    """Take the picture of Tuning, the threshold moved so that two defects come or, where nothing passed, go."""
    window.open_page("tuning")
    page = window.tuning
    wait_until(lambda: page.data is not None and page.data.roll is not None and not page.worker.busy, "scores")
    passed = sorted((row.score for row, _fate in page.table.rows if not row.is_reject), reverse=True)
    rejects = sorted(row.score for row, _fate in page.table.rows if row.is_reject)
    scores = passed if len(passed) > 2 else rejects
    if len(scores) > 2:
        page.plot.line.setValue((scores[1] + scores[2]) / 2)
    wait(SETTLE_S)
    wait_until(lambda: not page.worker.busy, "pictures")
    wait(SETTLE_S)
    save(window, path)


def show_history(window: MainWindow, path: Path) -> None:
    """Take the picture of the first roll, the first half of its rejects reviewed, the largest of the rest chosen."""
    window.open_page("history")
    page = window.history
    wait_until(lambda: page.rolls.rowCount() == 2 and not page.worker.busy, "two rolls")
    page.roll_view.setCurrentIndex(page.rolls.index(1))
    wait(SETTLE_S)
    rejects = [row for row in page.gallery.rows if row.is_reject]
    for row in rejects[: len(rejects) // 2]:
        page.choose_defect(row.id)
        page.judge(Verdict.CONFIRMED)
        wait(0.1)
    rest = rejects[len(rejects) // 2 :]
    if rest:
        page.choose_defect(max(rest, key=lambda row: row.length_mm * row.width_mm).id)
    wait(SETTLE_S)
    wait_until(lambda: not page.worker.busy, "pictures")
    wait(SETTLE_S)
    save(window, path)


def main() -> None:
    """Parse, play, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path("docs/images"))
    parser.add_argument("--seconds", type=float, default=50.0, help="length of the first roll")
    chosen = parser.parse_args()
    app = QApplication([])
    theme.apply(app)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as (core, store, history), prompt_window():
        window = MainWindow(core, store, history)
        window.resize(*SIZE)
        window.show()
        show_live(window, chosen.into / "live.png", chosen.seconds)
        change_roll(window, core)
        window.alarms.acknowledge()
        show_tuning(window, chosen.into / "tuning.png")
        window.alarms.acknowledge()
        show_history(window, chosen.into / "history.png")
        window.close()


if __name__ == "__main__":
    main()
