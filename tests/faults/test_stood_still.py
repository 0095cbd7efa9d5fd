"""A station that is stopped for a while says so, and takes neither its camera nor its model for faulty."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rigs.places import ROOT

STATION = """
from tests.rigs.hanging import EvenScorer
from station import loaded_model
from station.cli import app

scorer = EvenScorer()
scorer.prepare, scorer.close, scorer.precision = lambda channels: None, lambda: None, "f32"
loaded_model.LoadedModel.load = lambda self, sha256, channels: scorer
app.main()
"""
STOPPED_S = 5.0


@pytest.mark.skipif(sys.platform == "win32", reason="stops a process the POSIX way")
@pytest.mark.field("r11")
@pytest.mark.parametrize(
    "all_processes",
    [
        pytest.param(True, id="all processes", marks=pytest.mark.slow),
        pytest.param(False, id="only the line's", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_station_blames_no_camera(
    tmp_path: Path, all_processes: bool, record_property: Callable[[str, object], None]
) -> None:
    home = str(tmp_path / "home")
    words = ["demo", "--headless", "--speed", "6", "--metres", "1000", "--home", home, "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", STATION, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    send = os.killpg if all_processes else os.kill
    try:
        assert process.stderr is not None
        heard = ""
        for line in process.stderr:
            heard += line
            if "m inspected" in line and not line.startswith("0.0 m"):
                break
        send(process.pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        send(process.pid, signal.SIGCONT)
        for line in process.stderr:
            heard += line
            if "stood still" in line:
                break
        time.sleep(2.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    heard += err
    assert heard.count("This computer stood still for") == 1
    for blame in ("has not answered", "has sent nothing", "lost", "restart", "Slow the machine", "abandoned", "trying"):
        assert blame not in heard, heard
    result = json.loads(out.splitlines()[-1])
    assert result["lines_acquired"] == result["lines_inspected"] + result["lines_uninspected"]
    sentence = next(line for line in heard.splitlines() if "stood still" in line)
    record_property("now", f'Stopped for {STOPPED_S:g} s it says once "{sentence.removeprefix("Warning: ")}"')
    words = [sys.executable, "-m", "station.cli", "report", result["roll"], "--home", home]
    told = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "lost by camera" not in told
    assert "camera gone" not in told
    if not all_processes:  # the rig's cloth went on meanwhile
        assert "computer stood still" in told
