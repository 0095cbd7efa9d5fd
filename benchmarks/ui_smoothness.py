"""This benchmark measures how smooth the window is: frames painted and length of event-loop turns while a core runs.

    python -m benchmarks.ui_smoothness [--seconds 60] [--demo]

The window is offscreen.  With ``--demo`` the real demo runs (simulated camera, model, records) and shares the cores
with the window; without it a scripted core plays cloth and defects, and ``--load N`` keeps N threads busy in OpenCV
meanwhile.  A turn runs from the first event handled after a sleep of the event loop to its next sleep: meanwhile the
window answers nobody.  ``turn_cpu_…`` is the time that the window itself worked, whatever else the machine does.  The
figures are printed as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np
from PySide6.QtCore import QAbstractEventDispatcher, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from station.contract import Core
from station.records.history import History
from station.records.store import Store
from ui import theme
from ui.app import prompt_window
from ui.shell import MainWindow

PROBE_MS = 10
WARM_UP_S = 3.0
KNOWN_MS = 120.0
PATIENCE_S = 90.0


class MeasuredApplication(QApplication):
    """This application notes when it begins to handle the first event after a sleep of the loop."""

    def __init__(self) -> None:
        super().__init__([])
        self.begun = 0.0
        self.begun_cpu = 0.0

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Handle an event."""
        if not self.begun:
            self.begun = time.perf_counter()
            self.begun_cpu = time.thread_time()
        return super().notify(receiver, event)


class Turns:
    """This measures the event loop's turns, ms: from the first event handled after a sleep to the next sleep."""

    def __init__(self, app: MeasuredApplication) -> None:
        self.lengths_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self.on = False
        self._app = app
        self._longest_ms = 0.0
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        dispatcher.aboutToBlock.connect(self._sleep)

    def _sleep(self) -> None:
        if self._app.begun:
            passed_ms = (time.perf_counter() - self._app.begun) * 1000
            self._app.begun = 0.0
            self._longest_ms = max(self._longest_ms, passed_ms)
            if self.on:
                self.lengths_ms.append(passed_ms)
                self.cpu_ms.append((time.thread_time() - self._app.begun_cpu) * 1000)

    def check(self) -> None:
        """Raise unless a turn made long on purpose was seen: if turns go unseen, good figures mean nothing."""
        if self._longest_ms < KNOWN_MS:
            raise RuntimeError("The event loop does not tell when it sleeps; its turns cannot be measured here.")


class Probe:
    """The probe is a timer that should fire every 10 ms; how late it is shows both turns and a starved thread."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._last = 0.0
        self.timer = QTimer()
        self.timer.setInterval(PROBE_MS)
        self.timer.timeout.connect(self._fire)

    def _fire(self) -> None:
        now = time.perf_counter()
        if self._last:
            self.late_ms.append(max((now - self._last) * 1000 - PROBE_MS, 0.0))
        self._last = now


@contextlib.contextmanager
def scripted(home: Path, load: int) -> Iterator[tuple[Core, Store, History]]:
    """Open a core that plays a script, and start threads that keep OpenCV busy."""
    from tests.rigs.scripted_core import ScriptedCore, recipe_of, weave_loop

    stop = threading.Event()

    def work() -> None:
        cv2.setNumThreads(1)
        noise = np.random.default_rng(1).random((512, 512), np.float32)
        while not stop.is_set():
            cv2.GaussianBlur(noise, (31, 31), 0)

    threads = [threading.Thread(target=work) for _ in range(load)]
    with Store.open(home) as store:
        model = home / "model.safetensors"
        model.write_bytes(b"never loaded")
        store.add_model("5" * 64, model, {})
        store.save_recipe(recipe_of(), "benchmark", "first")
        core = ScriptedCore(home, store, weave_loop(), speed_m_per_min=20.0)
        core.start_roll("demo")
        core.run()
        for thread in threads:
            thread.start()
        try:
            yield core, store, History(store)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            core.close()


@contextlib.contextmanager
def demo(home: Path) -> Iterator[tuple[Core, Store, History]]:
    """Open the station's own demo, as ``station demo`` runs it."""
    from station import demo as shipped
    from station.core import Station

    with Store.open(home) as store:
        history = History(store)
        recipe = shipped.install_fabric(store, history)
        camera = shipped.open_demo_camera(1, None, shipped.WINDOW_SPEED_M_PER_MIN)
        station = Station(home, store, history, camera)
        try:
            station.start_roll(recipe.fabric)
            yield station, store, history
        finally:
            station.close()


def measure(core: Core, store: Store, history: History, seconds: float) -> dict[str, object]:
    """Open the window, let it run, count."""
    app = MeasuredApplication()
    theme.apply(app)
    window = MainWindow(core, store, history)
    turns, probe, seen = Turns(app), Probe(), {"frames": 0, "cpu": 0.0, "begun": 0.0}

    def begin() -> None:
        turns.check()
        seen.update(frames=window.live.web.frames_painted, cpu=time.thread_time(), begun=time.perf_counter())
        turns.on = True
        probe.timer.start()
        QTimer.singleShot(round(seconds * 1000), window, end)

    def end() -> None:
        turns.on = False
        seen["frames"] = window.live.web.frames_painted - seen["frames"]
        seen["cpu"] = time.thread_time() - seen["cpu"]
        seen["begun"] = time.perf_counter() - seen["begun"]
        probe.timer.stop()
        window.close()

    def first(_strip: object) -> None:
        window.bridge.strip_judged.disconnect(first)
        QTimer.singleShot(0, window, lambda: time.sleep(KNOWN_MS / 1000))
        QTimer.singleShot(round(WARM_UP_S * 1000), window, begin)

    def give_up() -> None:
        if not seen["begun"]:
            window.close()

    QTimer.singleShot(round((PATIENCE_S + WARM_UP_S) * 1000), window, give_up)
    window.bridge.strip_judged.connect(first)
    window.show()
    with prompt_window():
        app.exec()
    if not turns.lengths_ms:
        raise RuntimeError(f"No cloth came within {PATIENCE_S:.0f} s: {window.alarms.text}.")
    lengths, late = np.array(turns.lengths_ms), np.array(probe.late_ms)
    tiles = core.snapshot().tiles_per_second
    return {
        "seconds": round(seen["begun"], 2),
        "frames_per_second": round(seen["frames"] / seen["begun"], 2),
        "turns": len(lengths),
        "turn_p50_ms": round(float(np.median(lengths)), 2),
        "turn_p99_9_ms": round(float(np.percentile(lengths, 99.9)), 2),
        "turn_max_ms": round(float(lengths.max()), 2),
        "turn_cpu_p99_9_ms": round(float(np.percentile(turns.cpu_ms, 99.9)), 2),
        "turn_cpu_max_ms": round(max(turns.cpu_ms), 2),
        "turns_to_50_ms_share": round(float((lengths <= 50).mean()), 6),
        "timer_late_p99_9_ms": round(float(np.percentile(late, 99.9)), 2),
        "timer_late_max_ms": round(float(late.max()), 2),
        "gui_thread_cpu_share": round(seen["cpu"] / seen["begun"], 3),
        "tiles_per_second": round(tiles, 1),
        "smooth": bool((lengths <= 50).mean() >= 0.999 and lengths.max() <= 100),
        "cores": os.cpu_count(),
        "machine": platform.processor() or platform.machine(),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--demo", action="store_true", help="the real demo instead of a scripted core")
    parser.add_argument("--load", type=int, default=1, help="busy threads beside the scripted core")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with demo(home) if chosen.demo else scripted(home, chosen.load) as (core, store, history):
            figures = measure(core, store, history, chosen.seconds)
    print(json.dumps({"core": "demo" if chosen.demo else "scripted", **figures}))


if __name__ == "__main__":
    main()
