"""Ctrl+C while a folder is inspected: what nobody looked at is on record, and why, and the command says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from station import demo
from station.commands.session import open_records
from tests.rigs.places import ROOT

COUNT, LINES, WIDTH = 100, 300, 700
INSPECT = """
import sys, time
from tests.rigs.hanging import EvenScorer
from station.commands import run

class Slow(EvenScorer):
    precision = "f32"

    def __init__(self, *_, **__):
        super().__init__()

    def infer(self, tiles):
        print("looks", file=sys.stderr, flush=True)
        time.sleep(0.3)
        return super().infer(tiles)

    def prepare(self, *_):
        pass

    def close(self):
        pass

run.Runtime = Slow
from station.cli import app
app.main()
"""


@pytest.mark.slow
@pytest.mark.field("f20")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_folder_is_broken_off_and_the_rest_counted(
    tmp_path: Path, number: signal.Signals, record_property: Callable[[str, object], None]
) -> None:
    home, folder, maps = tmp_path / "home", tmp_path / "cloth", tmp_path / "maps"
    folder.mkdir()
    rng = np.random.default_rng(int(number))
    for picture in range(COUNT):
        grain = rng.normal(120, 6, (LINES, WIDTH)).clip(0, 255).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{picture:03d}.png"), grain)
    with open_records(home) as records:
        demo.install_fabric(records.store, records.history)
    words = ["inspect", "--fabric", "demo", "--images", str(folder), "--maps", str(maps), "--home", str(home), "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", INSPECT, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stderr is not None
        seen = 0
        for line in process.stderr:
            seen += line == "looks\n"
            if seen == 4:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    told = json.loads(out.splitlines()[-1])
    assert told["broken_off"]
    assert told["incomplete"]
    assert told["lines_inspected"] + told["lines_uninspected"] == COUNT * LINES
    assert "Traceback" not in err
    (sentence,) = [line for line in err.splitlines() if "broken off" in line]
    with open_records(home) as records:
        (roll,) = records.history.rolls()
        stretches = records.history.stretches(roll.id)
    ledger = roll.ledger
    assert roll.broken_off
    assert ledger.lines_acquired == COUNT * LINES
    assert 0 < ledger.lines_inspected < COUNT * LINES
    assert ledger.lines_inspected + ledger.lines_uninspected == COUNT * LINES
    assert stretches[-1].end_line == COUNT * LINES
    assert str(stretches[-1].reason) == "line aborted"
    assert f"{ledger.lines_uninspected} of its {COUNT * LINES} lines are not inspected" in sentence
    shapes = {np.load(file).shape for file in maps.glob("*.npy")}
    assert shapes <= {(LINES, WIDTH)}, "no map of half a picture"
    share = ledger.lines_uninspected / ledger.lines_acquired
    record_property("now", f"Broken off, with {share:.0%} of the lines on record as not inspected; exit 130 or 143.")
