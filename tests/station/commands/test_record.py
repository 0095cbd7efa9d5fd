"""Recording and playing again, as typed: the same recording and recipe give the same defects."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.recording.camera import RecordedCamera
from drivers.simulated.camera import SimulatedCamera
from station.commands.session import open_records
from station.records.rows import DefectFilter
from tests.rigs.command_line import Station

RIG = """
[camera]
kind = "simulated"
width_px = 512
metres = {metres}
seed = 8
flaws_per_m = 12
faults = ["lost-lines", "duplicate-block", "late-block", "short-block"]
[line]
fabric = "demo"
"""


def settings(folder: Path, text: str, name: str = "station.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def player(recording: Path) -> str:
    camera = f'[camera]\nkind = "recorded"\nfolder = "{recording.as_posix()}"\nspeed = "as fast as possible"\n'
    return camera + '[line]\nfabric = "demo"\n'


def defects_of(home: Path, roll: str) -> list[tuple[object, ...]]:
    with open_records(home) as records:
        rows = records.history.defects(DefectFilter(records.history.roll(roll).id, limit=10_000))
    return [(r.first_line, r.end_line, r.first_px, r.end_px, r.score, r.is_reject, r.position_mm) for r in rows]


@pytest.mark.slow
def test_a_roll_played_again_has_the_same_defects(station: Station, tmp_path: Path, demo_home: Path) -> None:
    live = station("run", "--headless", "--json", "--config", settings(tmp_path, RIG.format(metres=1.5) + "[record]\n"))
    assert live.code == 0, live.err
    (recording,) = (demo_home / "recordings").iterdir()
    again = station("run", "--headless", "--json", "--config", settings(tmp_path, player(recording), "again.toml"))
    assert again.code == 0, again.err
    for key in ("lines_acquired", "lines_inspected", "lines_uninspected", "lines_repeated"):
        assert live.json[key] == again.json[key], key
    found = defects_of(demo_home, live.json["roll"])
    assert found
    assert defects_of(demo_home, again.json["roll"]) == found


def test_record_saves_what_the_camera_shows(station: Station, tmp_path: Path) -> None:
    text = RIG.format(metres=1).replace('"lost-lines", "duplicate-block", "late-block", "short-block"', "")
    out = tmp_path / "rec"
    outcome = station("record", "--config", settings(tmp_path, text), "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    told = outcome.json
    assert (told["lines_acquired"], told["lines_lost"], told["lines_unrecorded"]) == (2000, 0, 0)
    assert told["metres"] == pytest.approx(1.0)
    assert told["compression"] > 1
    assert told["folder"] == str(out)
    played = RecordedCamera(out, as_fast_as_possible=True)
    rig = SimulatedCamera(width_px=512, metres=1, seed=8, flaws_per_m=12)
    played.start()
    rig.start()
    try:
        for _ in range(told["blocks"]):
            again, fresh = played.read(60.0), rig.read(60.0)
            assert again is not None
            assert fresh is not None
            assert again.first_line == fresh.first_line
            assert np.array_equal(again.pixels, fresh.pixels)
    finally:
        rig.stop()


def test_record_ends_after_so_much_cloth(station: Station, tmp_path: Path) -> None:
    text = RIG.format(metres=50)
    outcome = station("record", "--config", settings(tmp_path, text), "--metres", 0.5, "--json")
    assert outcome.code == 0, outcome.err
    assert 0.5 <= outcome.json["metres"] < 2
    assert Path(outcome.json["folder"]).parent == tmp_path / "home" / "recordings"


def test_what_cannot_be_recorded_or_played_is_one_sentence(station: Station, tmp_path: Path, demo_home: Path) -> None:
    rig = settings(tmp_path, RIG.format(metres=1))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("x")
    outcome = station("record", "--config", rig, "--out", tmp_path / "full")
    assert (outcome.code, "not an empty folder" in outcome.sentence) == (1, True)
    cv2.imwrite(str(tmp_path / "full" / "a.png"), np.zeros((64, 300), np.uint8))
    folder = settings(tmp_path, '[camera]\nkind = "replay"\nfolder = "full"\n[line]\nfabric = "demo"\n', "folder.toml")
    outcome = station("record", "--config", folder, "--metres", 1)
    assert (outcome.code, "--seconds" in outcome.sentence) == (1, True)
    for recording, words in ((tmp_path / "none", "does not exist"), (tmp_path / "full", "holds no recording")):
        file = settings(tmp_path, player(recording), "again.toml")
        outcome = station("run", "--headless", "--config", file)
        assert (outcome.code, words in outcome.sentence) == (1, True)
    outcome = station("record", "--config", rig, "--out", tmp_path / "full" / "a.txt" / "r")
    assert outcome.code == 1
    assert "recording has stopped" in outcome.sentence
