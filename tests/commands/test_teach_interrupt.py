"""Ctrl+C during a teach-in: a real signal to a real process, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("sign", ["reading cloth", "teaching"])
def test_ctrl_c_cancels_and_leaves_nothing(tmp_path: Path, cloth_folder: Path, sign: str) -> None:
    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "teach", "f", "--images", str(cloth_folder), "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    heard: list[str] = []
    for line in process.stderr:
        heard.append(line)
        if sign in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, "".join(heard) + err
    assert "cancelled; nothing was changed" in err
    assert "Traceback" not in err
    assert not out
    assert not list(home.glob("models/*"))
    assert not (home / "doubted").exists()
