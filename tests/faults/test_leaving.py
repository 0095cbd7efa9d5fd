"""The end of the process with a thread that hangs in a driver: records closed, outputs safe, no destructor run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from drivers import abandoned
from station.shutdown import before_leaving, end_process
from tests.rigs.places import ROOT

STATION = """
import atexit, sys, threading
from pathlib import Path
from tests.rigs.hanging import EvenScorer
from station import demo, loaded_model
from station import shutdown
from station.cli import app
from station.line import inspection
from station.line.acquiring import acquisition

mark = Path({mark!r})
atexit.register(lambda: mark.with_suffix(".destructors").touch())
shutdown.before_leaving(lambda: mark.with_suffix(".safe").touch())
scorer = EvenScorer()
scorer.prepare, scorer.close, scorer.precision = lambda channels: None, lambda: None, "f32"
loaded_model.LoadedModel.load = lambda self, sha256, channels: scorer
acquisition.STOP_LIMIT_S = acquisition.LAST_STOP_LIMIT_S = 0.5
inspection.STOP_S = 10.0
inspection.Inspection.finish.__defaults__ = (20.0,)

def hang(*_):
    print("now it hangs", file=sys.stderr, flush=True)
    threading.Event().wait()

def hanging_camera(*args):
    camera = made(*args)
    read = camera.read
    camera.read = lambda timeout_s: (hang if camera.encoder().due_line > 200 else read)(timeout_s)
    return camera

if {what!r} == "scorer":
    scorer.infer = hang
else:
    made, demo.open_demo_camera = demo.open_demo_camera, hanging_camera
app.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "number"),
    [("camera", signal.SIGTERM), ("scorer", signal.SIGINT)],
)
def test_with_a_thread_that_hangs_the_process_ends_in_order(tmp_path: Path, what: str, number: signal.Signals) -> None:
    mark, home = tmp_path / "mark", str(tmp_path / "home")
    script = STATION.format(mark=str(mark), what=what)
    words = ["demo", "--headless", "--speed", "6", "--metres", "1000", "--home", home, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    sign = "has not answered" if what == "camera" else "now it hangs"
    heard = ""
    for line in process.stderr:
        heard += line
        if sign in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 128 + number, heard + err
    assert "hangs and was abandoned" in heard + err
    result = json.loads(out.splitlines()[-1])
    assert result["lines_acquired"] == result["lines_inspected"] + result["lines_uninspected"]
    assert mark.with_suffix(".safe").exists()
    assert not mark.with_suffix(".destructors").exists()
    words = [sys.executable, "-m", "station.cli", "report", result["roll"], "--home", home, "--json"]
    report = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    assert report["uninspected_m"] == pytest.approx(result["metres_uninspected"])
    assert report["inspected_m"] == pytest.approx(result["metres_inspected"])


WINDOW = """
import os, signal, sys
from pathlib import Path
from tests.rigs.hanging import EvenScorer
from station import core, loaded_model
from station import shutdown
from station.cli import app

shutdown.before_leaving(lambda: Path({mark!r}).touch())
scorer = EvenScorer()
scorer.prepare, scorer.close, scorer.precision = lambda channels: None, lambda: None, "f32"
loaded_model.LoadedModel.load = lambda self, sha256, channels: scorer
drain, killed = core.Station.drain, []

def drained(self, limit=256):  # by the window, in its loop
    if not killed and self.snapshot().ledger.lines_inspected > 0:
        killed.append(os.kill(os.getpid(), signal.SIGTERM))
    return drain(self, limit)

core.Station.drain = drained
app.main()
"""


@pytest.mark.slow
def test_a_polite_kill_closes_the_window_the_roll_and_the_outputs(tmp_path: Path) -> None:
    mark, home = tmp_path / "safe", str(tmp_path / "home")
    script = WINDOW.format(mark=str(mark))
    ended = subprocess.run(
        [sys.executable, "-c", script, "demo", "--home", home, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"},
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert mark.exists()
    result = json.loads(ended.stdout.splitlines()[-1])
    assert result["lines_acquired"] == result["lines_inspected"] + result["lines_uninspected"] > 0


def test_a_polite_kill_of_any_command_makes_outputs_safe(tmp_path: Path) -> None:
    mark = tmp_path / "safe"
    script = f"""
import os, signal, threading
from pathlib import Path
from station import shutdown
from station.cli import app
shutdown.before_leaving(lambda: Path({str(mark)!r}).touch())
app.app = lambda: (os.kill(os.getpid(), signal.SIGTERM), threading.Event().wait(300))
app.main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGTERM, "")
    assert mark.exists()


@pytest.fixture
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that is slow on a busy machine must not end this process."""
    monkeypatch.setattr("station.shutdown.HOOK_LIMIT_S", 120.0)
    monkeypatch.setattr("station.shutdown.PATIENCE_S", 60.0)


@pytest.mark.usefixtures("_unhurried")
def test_an_impatient_person_does_not_keep_outputs_from_being_made_safe() -> None:
    ran: list[str] = []
    for name, number in (("first", signal.SIGINT), ("second", signal.SIGTERM)):
        before_leaving(lambda name=name, number=number: (os.kill(os.getpid(), number), ran.append(name)))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as end:
        end_process(0)
    assert (end.value.code, ran) == (0, ["first", "second"])
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("_unhurried")
def test_hooks_run_in_order_and_one_that_fails_stops_no_other() -> None:
    ran: list[str] = []

    def broken() -> None:
        raise OSError("no link to the machine")

    taken_back = before_leaving(lambda: ran.append("taken back"))
    before_leaving(lambda: ran.append("first"))
    before_leaving(broken)
    before_leaving(lambda: ran.append("second"))
    taken_back()
    taken_back()
    with pytest.raises(SystemExit) as end:
        end_process(3)
    assert end.value.code == 3
    assert ran == ["first", "second"]


def test_a_call_that_returns_late_is_abandoned_only_so_long() -> None:
    go = threading.Event()
    assert not abandoned.returned_within(0.05, go.wait, "late")
    assert [thread.name for thread in abandoned.alive()] == ["late"]
    go.set()
    assert abandoned.alive(60.0) == []
    assert abandoned.returned_within(60.0, go.wait, "at once")
