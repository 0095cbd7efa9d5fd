"""Ctrl+C during a teach-in: a real signal to a real process, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.commands.conftest import save_image


@pytest.mark.parametrize("sign", ["reading cloth", "teaching"])
def test_ctrl_c_cancels_and_leaves_nothing(tmp_path: Path, good_cloth: np.ndarray, sign: str) -> None:
    home, folder = tmp_path / "home", tmp_path / "cloth"
    for number in range(4):
        save_image(folder / f"{number}.png", good_cloth[number * 1000 : (number + 1) * 1000])
    process = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "teach", "f", "--images", str(folder), "--home", str(home)],
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
