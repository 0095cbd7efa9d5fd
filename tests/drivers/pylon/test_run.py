"""The committed example: ``station run`` with a Basler camera, as pylon's emulation plays pictures of cloth."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from drivers.pylon.settings import PylonSettings
from drivers.simulated.cloth import Cloth
from station import demo
from station.commands.session import open_records
from station.settings import load_settings
from tests.rigs.places import DOCS

EXAMPLE = DOCS / "pylon.toml"
STATION = (sys.executable, "-m", "station.cli")


def test_every_line_of_the_example_can_be_used(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(re.sub(r"(?m)^# (?=\[|\w+ = )", "", EXAMPLE.read_text(encoding="utf-8")), "utf-8")
    camera = load_settings(config).camera
    assert isinstance(camera, PylonSettings)
    assert camera.encoder is not None
    assert (camera.name, camera.height_px, camera.image_folder) == ("left", 128, tmp_path / "strips" / "play")


@pytest.mark.slow
def test_the_example_runs_until_ctrl_c_and_its_ledger_balances(tmp_path: Path) -> None:
    folder, home = tmp_path / "strips" / "play", tmp_path / "home"
    folder.mkdir(parents=True)
    woven = Cloth("demo", width_px=2048, mm_per_px=demo.MM_PER_PX, seed=1, web_px=(24, 2024))
    for number in range(4):
        assert cv2.imwrite(str(folder / f"{number}.png"), woven.render(128 * number, 128))
    with open_records(home) as records:
        demo.install_fabric(records.store, records.history)
    config = tmp_path / "pylon.toml"
    config.write_text(EXAMPLE.read_text(encoding="utf-8").replace('fabric = "strips"', 'fabric = "demo"'), "utf-8")
    process = subprocess.Popen(
        [*STATION, "run", "--config", str(config), "--headless", "--json", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYLON_CAMEMU": "1", "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    heard: list[str] = []
    for line in process.stderr:
        heard.append(line)
        if "m inspected" in line and not line.startswith("0.0 m"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 128 + signal.SIGINT, "".join(heard) + err
    assert any("takes 4 frames/s of 128 lines" in line for line in heard), "what the camera did not take is told"
    result = json.loads(out.splitlines()[-1])
    assert result["lines_acquired"] == result["lines_inspected"] + result["lines_uninspected"]
    assert result["lines_inspected"] > 128
