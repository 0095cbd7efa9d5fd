"""Ctrl+C while a roll runs headless: a real signal to a real process, and an honest end of the roll."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STATION = (sys.executable, "-m", "station.cli")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "is_inspecting"),  # or at the first word, where the model is hardly ready yet
    [
        (("--speed", "6", "--metres", "1000"), True),
        (("--metres", "1000"), True),
        (("--speed", "6", "--metres", "1000"), False),
    ],
)
def test_ctrl_c_ends_the_roll_and_its_ledger_balances(
    tmp_path: Path, words: tuple[str, ...], is_inspecting: bool
) -> None:
    home = ("--json", "--home", str(tmp_path / "home"))
    process = subprocess.Popen(
        [*STATION, "demo", "--headless", *home, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    heard: list[str] = []
    for line in process.stderr:
        heard.append(line)
        if "m inspected" in line and not line.startswith("0.0 m"):
            break
        if not is_inspecting and line.startswith(("Loading", "Starting", "0.0 m")):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 128 + signal.SIGINT, "".join(heard) + err
    assert "Ending the roll" in err
    result = json.loads(out.splitlines()[-1])
    assert result["lines_acquired"] == result["lines_inspected"] + result["lines_uninspected"]
    if is_inspecting:
        assert result["lines_inspected"] > 0
    told = subprocess.run([*STATION, "report", result["roll"], *home], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout.splitlines()[-1])["inspected_m"] == pytest.approx(result["metres_inspected"])
