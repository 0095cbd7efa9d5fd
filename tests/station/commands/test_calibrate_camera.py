"""Calibrating the camera that the settings name, and the rolls inspected with it afterwards."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from station.commands.session import open_records
from station.records.engine import default_url, make_engine
from tests.rigs.command_line import Outcome, Station, save_image

REPLAY = "[camera]\nkind = 'replay'\ncamera_id = '24115'\nfolder = '{folder}'\n"
SIMULATED = "[camera]\nkind = 'simulated'\nwidth_px = 512\nmetres = {metres}\nflaws_per_m = 0\n"
LINE = "[line]\nfabric = 'demo'\ndevice = 'cpu'\nroll = '{roll}'\n"


def config(folder: Path, camera: str, roll: str = "r", more: str = "") -> Path:
    file = folder / "station.toml"
    file.write_text(camera + LINE.format(roll=roll) + more)
    return file


def replay(folder: Path, images: Path, roll: str = "r", more: str = "") -> Path:
    return config(folder, REPLAY.format(folder=images.as_posix()), roll, more)


def inspected(station: Station, settings: Path, roll: str) -> tuple[Outcome, dict[str, object]]:
    """A roll on the settings' camera, and its report."""
    outcome = station("run", "--headless", "--config", settings, "--json")
    assert outcome.code == 0
    return outcome, station("report", roll, "--json").json


def calibrated(station: Station, settings: Path, mm_per_px: float) -> None:
    """A scale along and across of the settings' camera."""
    along = ("--run", f"{round(1000 / mm_per_px)}:1000", "--pulses-per-line", 1)
    marks = np.where(np.arange(512) % 50 < 6, 40, 200).astype(np.uint8)
    ruler = save_image(settings.parent / "ruler.png", np.repeat(marks[None], 200, axis=0))
    words = ("--images", ruler, "--ruler-mm", 50 * mm_per_px)
    assert station("calibrate", "scale", "--config", settings, *words, *along).code == 0


@pytest.fixture
def images(tmp_path: Path, good_cloth: NDArray[np.uint8]) -> Path:
    """Good cloth with one hole, 512 lines."""
    cloth = good_cloth[:512].copy()
    cloth[200:240, 200:230] = 10
    return save_image(tmp_path / "cloth" / "0.png", cloth).parent


@pytest.mark.slow
def test_an_uncalibrated_camera_runs_and_says_so_and_once_calibrated_measures_with_its_own_scale(
    station: Station, demo_home: Path, tmp_path: Path, images: Path
) -> None:
    outcome, before = inspected(station, replay(tmp_path, images, "before"), "before")
    assert "Warning: Sizes are unverified: there is no scale of camera 24115; calibrate with" in outcome.err
    assert before["unverified"] == "there is no scale of camera 24115"
    assert before["calibrations"] == []
    station("report", "before", "--csv", tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        assert "length_mm_unverified" in next(csv.reader(file))

    calibrated(station, replay(tmp_path, images), 0.51)
    outcome, report = inspected(station, replay(tmp_path, images), "r")
    assert "unverified" not in outcome.err
    assert report["unverified"] == ""
    assert report["length_m"] == pytest.approx(512 * 0.51 / 1000, rel=0.002)
    assert [one["kind"] for one in report["calibrations"]] == ["scale"]
    assert before["defect_list"], "the hole was found"
    for old, new in zip(before["defect_list"], report["defect_list"], strict=True):
        assert new["length"] == pytest.approx(old["length"] * 0.51 / 0.5, rel=0.005)
        assert new["width"] == pytest.approx(old["width"] * 0.51 / 0.5, rel=0.005)


@pytest.mark.slow
def test_a_stale_calibration_is_used_but_vouches_for_nothing(
    station: Station, demo_home: Path, tmp_path: Path, images: Path
) -> None:
    calibrated(station, replay(tmp_path, images), 0.51)
    engine = make_engine(default_url(demo_home), read_only=False)
    with engine.begin() as connection:
        made = (datetime.now(UTC) - timedelta(days=200)).replace(tzinfo=None).isoformat(" ")
        connection.execute(text("UPDATE calibration SET created_at = :made"), {"made": made})
    engine.dispose()
    _, report = inspected(station, replay(tmp_path, images), "r")
    assert "is stale" in str(report["unverified"])
    assert report["length_m"] == pytest.approx(512 * 0.51 / 1000, rel=0.002)
    longer = replay(tmp_path, images, "patient", "[calibration]\nmax_age_days = 365\n")
    _, report = inspected(station, longer, "patient")
    assert report["unverified"] == ""


@pytest.mark.slow
def test_the_calibration_of_another_camera_or_width_is_not_used(
    station: Station, demo_home: Path, tmp_path: Path, images: Path, good_cloth: NDArray[np.uint8]
) -> None:
    narrow = save_image(tmp_path / "narrow" / "0.png", good_cloth[:512, :400]).parent
    calibrated(station, replay(tmp_path, images), 0.7)
    _, report = inspected(station, replay(tmp_path, narrow), "r")
    assert "512 columns, the camera has 400" in str(report["unverified"])
    assert report["length_m"] == pytest.approx(0.256)
    other = config(tmp_path, REPLAY.replace("24115", "24999").format(folder=images.as_posix()), "other")
    _, report = inspected(station, other, "other")
    assert report["unverified"] == "there is no scale of camera 24999, only of camera 24115"


@pytest.mark.slow
def test_a_fabric_taught_at_quite_another_scale_is_told(
    station: Station, demo_home: Path, tmp_path: Path, images: Path
) -> None:
    calibrated(station, replay(tmp_path, images), 0.8)
    outcome, report = inspected(station, replay(tmp_path, images), "r")
    assert "taught at 0.5 mm/px" in outcome.err
    assert report["length_m"] == pytest.approx(512 * 0.8 / 1000, rel=0.002)


@pytest.mark.slow
def test_the_shading_of_a_live_camera_is_applied_by_the_next_roll(
    station: Station, demo_home: Path, tmp_path: Path
) -> None:
    settings = config(tmp_path, SIMULATED.format(metres=1.3))
    told = station("calibrate", "shading", "--config", settings, "--json").json
    assert told["camera"] == "simulated"
    assert told["residual"] < 1
    assert told["lines"] >= 2000
    assert told["faults"] == []
    few = station("calibrate", "shading", "--config", settings, "--lines", 1500)
    assert few.code == 1
    assert "at least 2000 lines" in few.sentence
    _, report = inspected(station, config(tmp_path, SIMULATED.format(metres=0.3)), "r")
    assert [one["kind"] for one in report["calibrations"]] == ["shading"]


def test_a_live_camera_that_runs_out_of_cloth_leaves_nothing(station: Station, demo_home: Path, tmp_path: Path) -> None:
    settings = config(tmp_path, SIMULATED.format(metres=0.2))
    outcome = station("calibrate", "shading", "--config", settings)
    assert outcome.code == 1
    assert "400 lines" in outcome.sentence
    with open_records(demo_home) as records:
        assert records.history.calibrations() == []


def test_joined_cameras_are_evened_each_by_itself(
    station: Station, tmp_path: Path, good_cloth: NDArray[np.uint8]
) -> None:
    dim = np.clip(good_cloth[:1100] * 0.8, 0, 255).astype(np.uint8)
    for side, pixels in (("left", good_cloth[:1100]), ("right", dim)):
        save_image(tmp_path / side / "0.png", pixels)
    parts = "".join(
        f"[[camera.cameras]]\nkind = 'replay'\ncamera_id = '{side}'\nfolder = '{side}'\n" for side in ("left", "right")
    )
    settings = config(tmp_path, f"[camera]\nkind = 'joined'\n{parts}[[camera.joints]]\noverlap_px = 12\n")
    told = station("calibrate", "shading", "--config", settings, "--json").json
    with open_records(tmp_path / "home") as records:
        (row,) = records.history.calibrations(str(told["camera"]))
    gain = np.array(row.result["gain"])
    assert len(gain) == 1012
    assert gain[515:525].mean() / gain[490:500].mean() == pytest.approx(1.25, rel=0.03)


def test_dark_and_white_references(station: Station, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    light = 180 * (1 - 0.3 * np.linspace(-1, 1, 512) ** 2)
    white = np.clip(light + 6 + rng.normal(0, 1, (64, 512)), 0, 255).astype(np.uint8)
    save_image(tmp_path / "white" / "0.png", white)
    save_image(tmp_path / "dark" / "0.png", np.full((64, 512), 6, np.uint8))
    references = ("--images", tmp_path / "white", "--dark", tmp_path / "dark")
    told = station("calibrate", "shading", *references, "--camera", "24115", "--json").json
    assert told["residual_percent"] < 1 < told["residual_before_percent"]
    save_image(tmp_path / "dark" / "0.png", np.full((64, 300), 6, np.uint8))
    outcome = station("calibrate", "shading", *references)
    assert outcome.code == 1
    assert "same camera" in outcome.sentence


def test_dead_and_dusty_columns_are_named(station: Station, tmp_path: Path) -> None:
    white = np.random.default_rng(1).normal(180, 1, (64, 512))
    white[:, 100] = 4
    white[:, 300:306] *= 0.9
    save_image(tmp_path / "white.png", np.clip(white, 0, 255).astype(np.uint8))
    save_image(tmp_path / "dark.png", np.full((64, 512), 4, np.uint8))
    outcome = station(
        "calibrate", "shading", "--images", tmp_path / "white.png", "--dark", tmp_path / "dark.png", "--json"
    )
    assert [(fault["first_px"], fault["reason"]) for fault in outcome.json["faults"]] == [(100, "dead"), (300, "dusty")]
    assert "Warning: Column 100 is dead" in outcome.err


def test_pictures_that_are_not_this_cameras_are_refused(
    station: Station, demo_home: Path, tmp_path: Path, cloth_folder: Path
) -> None:
    settings = config(tmp_path, SIMULATED.format(metres=1).replace("512", "1024"))
    outcome = station("calibrate", "shading", "--config", settings, "--images", cloth_folder)
    assert outcome.code == 1
    assert "512 columns wide" in outcome.sentence
    assert "1024" in outcome.sentence


def test_a_wrong_serial_number_is_one_sentence(station: Station, tmp_path: Path) -> None:
    settings = config(tmp_path, "[camera]\nkind = 'pylon'\nserial = '99999999'\n")
    for kind in (("shading",), ("scale", "--ruler-mm", "5"), ("focus",)):
        outcome = station("calibrate", *kind, "--config", settings)
        assert outcome.code == 1
        assert "99999999" in outcome.sentence


@pytest.mark.slow
def test_focus_and_exposure_are_told_every_second(station: Station, tmp_path: Path) -> None:
    settings = config(tmp_path, SIMULATED.format(metres=100) + "speed_m_per_min = 20\n")
    outcome = station("calibrate", "focus", "--config", settings, "--seconds", 3, "--json")
    assert outcome.code == 0
    assert 0 < outcome.json["focus"] <= outcome.json["best_focus"] < 100
    assert 0 < outcome.json["median_level"] < 255
    assert outcome.json["advice"].endswith(".")
    assert sum(line.startswith("Focus ") for line in outcome.err.splitlines()) >= 2
