"""From a photographed target to the millimetres of a report: calibrate by command, inspect, hold against the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import Flaw
from station import demo
from station.commands.run import rejects_of
from station.commands.session import open_records
from tests.rigs.command_line import Station, save_image
from tests.rigs.drawn_board import INNER, SQUARE_MM, photograph, pose

pytestmark = pytest.mark.slow

WIDTH_PX, LINES, MM_PER_PX = 1024, 16000, 0.5
GRID_PX = 8
"""A cell of the model's grid: sizes are right within it or 5 %, whichever is larger."""


def sides(flaw: Flaw) -> tuple[int, int]:
    """True length and width in px."""
    return flaw.end_line - flaw.first_line, flaw.end_px - flaw.first_px


def test_sizes_on_the_report_are_those_of_the_flaws(station: Station, demo_home: Path, tmp_path: Path) -> None:
    """A board tilted by 2 degrees, in noise, gives the scale within a hundredth; the fabric itself knows none.

    Flaws are of all kinds, sizes and contrasts; every defect that lies on one counts, be it but a piece of it.
    """
    with open_records(demo_home) as records:
        bare = records.history.recipe("demo").model_copy(update={"mm_per_px": None})
        records.store.save_recipe(bare, "ann", "no scale")
    cloth = Cloth("demo", width_px=WIDTH_PX, mm_per_px=MM_PER_PX, seed=7, web_px=(24, 1000), flaws_per_m=10)
    folder = save_image(tmp_path / "cloth" / "0.png", cloth.render(0, LINES)).parent
    settings = tmp_path / "station.toml"
    settings.write_text(
        f"[camera]\nkind = 'replay'\ncamera_id = '24115'\nfolder = '{folder.as_posix()}'\n"
        "[line]\nfabric = 'demo'\ndevice = 'cpu'\nroll = 'r'\n"
    )
    lens = np.array([[600.0, 0, WIDTH_PX / 2], [0, 600.0, 300], [0, 0, 1]])
    board = photograph(pose((2, 2, 2), (0, 0), 300), lens, (WIDTH_PX, 600), noise=6)
    target = ("--images", save_image(tmp_path / "board.png", board), "--square-mm", SQUARE_MM)
    told = station("calibrate", "scale", "--config", settings, "--chessboard", f"{INNER[0]}x{INNER[1]}", *target)
    assert told.code == 0

    assert station("run", "--headless", "--config", settings).code == 0
    report = station("report", "r", "--json").json
    assert report["unverified"] == ""
    assert report["length_m"] == pytest.approx(LINES * MM_PER_PX / 1000, rel=0.01)
    with open_records(demo_home) as records:
        defects = rejects_of(records, "r")
    sizes_mm, true_px = [], []
    for flaw in cloth.flaws(0, LINES):
        for defect in defects:
            if demo.Box.of(defect).meets(demo.Box.of(flaw)):
                sizes_mm.append((defect.length_mm, defect.width_mm))
                true_px.append(sides(flaw))
    truth = np.array(true_px)
    errors_px = np.array(sizes_mm) / MM_PER_PX - truth
    right = np.abs(errors_px) <= np.maximum(GRID_PX, 0.05 * truth)
    assert len(truth) >= 60
    assert abs(np.median(errors_px)) <= GRID_PX / 2
    assert right.mean() >= 0.9
    assert right.mean(axis=0).min() >= 0.85, "lengths and widths, each for themselves"
