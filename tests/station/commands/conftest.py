"""Commands run in this process, as typed, against a home folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from station import demo
from station.cli import app
from station.commands import doctor
from station.commands.bench.precisions import PrecisionPace, Precisions
from station.commands.session import open_records
from tests.rigs.command_line import Outcome, Station, save_image


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Station:
    """Type a command; --home is a fresh folder unless the command names one."""

    def typed(*words: object) -> Outcome:
        argv = ["station", *map(str, words)]
        if "--home" not in argv:
            argv += ["--home", str(tmp_path / "home")]
        monkeypatch.setattr(sys, "argv", argv)
        capsys.readouterr()
        code = 0
        try:
            app.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return typed


@pytest.fixture
def precisions_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor times no precision: that takes seconds and is not what the test is about."""
    known = Precisions((PrecisionPace("openvino", "f32", 0.0, 0.0, 0.0, 100.0, 30.0),), "f32")
    monkeypatch.setattr(doctor, "measure_precisions", lambda seconds: known)


@pytest.fixture
def demo_home(tmp_path: Path) -> Path:
    """A home folder that knows the shipped fabric."""
    home = tmp_path / "home"
    with open_records(home) as records:
        demo.install_fabric(records.store, records.history)
    return home


@pytest.fixture(scope="session")
def good_cloth() -> np.ndarray:
    """2 m of the demo's fabric, 512 px wide, cloth all over, uint8 [4000, 512]."""
    return Cloth(STYLES["demo"], width_px=512, mm_per_px=0.5, seed=77, web_px=(0, 512)).render(0, 4000)


@pytest.fixture
def cloth_folder(tmp_path: Path, good_cloth: np.ndarray) -> Path:
    """Four pictures of good cloth, 512 × 512 px."""
    for number in range(4):
        save_image(tmp_path / "cloth" / f"{number}.png", good_cloth[number * 512 : (number + 1) * 512])
    return tmp_path / "cloth"
