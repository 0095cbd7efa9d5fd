"""The main job by the commands: real rig, real model, real line, real SQLite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model.mfrnet import MFRNetConfig
from station.commands import teach
from station.teaching.request import TeachRequest
from tests.rigs.command_line import Station, save_image

DEMO_KEYS = {
    "metres_inspected", "metres_uninspected", "lines_acquired", "lines_inspected", "lines_uninspected", "flaws_true",
    "flaws_found", "detection_rate", "false_alarms", "false_alarms_per_100_m", "tiles_per_second", "latency_p50_ms",
    "latency_p99_ms", "lines_repeated", "roll",
}  # fmt: skip


def test_demo_then_its_report(station: Station, tmp_path: Path) -> None:
    outcome = station("demo", "--headless", "--metres", 3, "--seed", 5, "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert set(result) >= DEMO_KEYS
    assert result["lines_acquired"] == 6000
    assert result["lines_inspected"] == 6000
    assert result["lines_uninspected"] == 0
    assert result["metres_inspected"] == pytest.approx(3.0)
    assert result["flaws_true"] >= 3
    assert result["flaws_found"] >= 0.7 * result["flaws_true"]

    csv = tmp_path / "roll.csv"
    report = station("report", result["roll"], "--csv", csv, "--json")
    assert report.code == 0, report.err
    told = report.json
    assert told["roll"] == result["roll"]
    assert told["length_m"] == pytest.approx(3.0)
    assert told["inspected_m"] == pytest.approx(3.0)
    assert told["uninspected_m"] == 0
    assert told["defects"] >= result["flaws_found"] * 0.5
    assert told["points"] > 0
    assert told["grade"]
    assert csv.read_text().count("\n") >= told["defects"]


@pytest.mark.slow
def test_same_seed_same_cloth_same_findings(station: Station, tmp_path: Path) -> None:
    one, other = (
        station("demo", "--headless", "--metres", 1, "--seed", 9, "--home", tmp_path / name, "--json").json
        for name in ("a", "b")
    )
    for key in ("flaws_true", "flaws_found", "false_alarms", "lines_inspected"):
        assert one[key] == other[key], key


def test_inspect_finds_the_planted_hole_and_writes_maps(
    station: Station, demo_home: Path, good_cloth: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "cloth"
    save_image(folder / "a good.png", good_cloth[:512])
    holed = good_cloth[600:1112].copy()
    cv2.ellipse(holed, (300, 200), (14, 9), 0, 0, 360, 20, -1)
    save_image(folder / "sub" / "höle.png", holed)
    outcome = station("inspect", "--fabric", "demo", "--images", folder, "--maps", tmp_path / "maps", "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert result["images"] == 2
    assert result["threshold"] > 0
    scores = [(piece["score"], piece["reject"]) for piece in result["results"]]
    assert all(score > 0.5 for score, reject in scores if reject)
    assert result["lines_acquired"] == result["lines_inspected"] == 1024
    good, bad = result["results"]
    assert (good["image"], bad["image"]) == ("a good.png", "sub/höle.png")
    assert not good["reject"]
    assert bad["reject"]
    hit = [d for d in bad["defects"] if d["x_px"] <= 300 <= d["x_px"] + d["width_px"]]
    assert any(d["y_px"] <= 200 <= d["y_px"] + d["height_px"] for d in hit)
    flat = np.load(tmp_path / "maps" / "a good.npy")
    hot = np.load(tmp_path / "maps" / "sub" / "höle.npy")
    assert flat.shape == hot.shape == (512, 512)
    assert flat.dtype == np.float32
    assert np.isfinite(hot).all()
    assert hot[200, 300] > 0.5
    assert flat.max() < 0.5
    assert bad["score"] == pytest.approx(float(hot.max()), rel=0.2)


def test_cameras_lists_the_rig_and_the_emulator(station: Station) -> None:
    outcome = station("cameras", "--json")
    assert outcome.code == 0
    text = str(outcome.json["cameras"])
    assert "simulated" in text
    assert "Emulation" in text or "pylon" in text


def test_doctor_finds_this_machine_fit(station: Station) -> None:
    outcome = station("doctor", "--json")
    failed = [check for check in outcome.json["checks"] if not check["ok"]]
    assert not failed
    assert outcome.code == 0


@pytest.mark.usefixtures("precisions_are_known")
def test_doctor_names_an_unwritable_home_and_exits_1(station: Station, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    outcome = station("doctor", "--home", tmp_path / "file" / "home", "--json")
    assert outcome.code == 1
    assert "home" in {check["name"] for check in outcome.json["checks"] if not check["ok"]}


@pytest.mark.slow
def test_teach_then_inspect(
    station: Station, good_cloth: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # short by its steps, not by the clock, which a busy machine eats up
    few_steps = MFRNetConfig(channels=24, width=32, steps=12)
    taught_fully = teach.teach

    def briefly(request: TeachRequest, *given: Any, **told: Any) -> Any:
        return taught_fully(replace(request, config=few_steps), *given, **told)

    monkeypatch.setattr(teach, "teach", briefly)
    folder = tmp_path / "teach"
    wide = np.hstack([good_cloth[:2048], good_cloth[1952:]])
    for number in range(4):
        save_image(folder / f"{number}.png", wide[number * 512 : (number + 1) * 512])
    save_image(folder / "4.png", np.hstack([good_cloth[1024:1536], good_cloth[3000:3512]]))
    stained = np.hstack([good_cloth[300:812], good_cloth[2300:2812]])
    cv2.circle(stained, (700, 120), 12, 20, -1)
    save_image(folder / "5.png", stained)
    scale_and_budget = ("--mm-per-px", 0.5, "--false-alarms-per-100-m", 2)
    taught = station("teach", "mine", "--images", folder, *scale_and_budget, "--minutes", 10, "--seed", 1, "--json")
    assert taught.code == 0, taught.err
    result = taught.json
    assert result["fabric"] == "mine"
    assert result["recipe_version"] == 1
    assert result["threshold"] > 0
    assert result["predicted_false_alarms_per_100_m"] == pytest.approx(2, rel=1e-3)
    assert len(result["model_sha256"]) == 64
    assert "5.png" in {suspect["image"] for suspect in result["suspects"]}
    for suspect in result["suspects"]:
        where = f"{suspect['image']}, column {suspect['x_px']}, line {suspect['y_px']}, "
        assert f"{Path(suspect['picture']).name}: {where}" in taught.err, "people can trace the picture, too"
    inspected = station("inspect", "--fabric", "mine", "--images", folder, "--json")
    assert inspected.code == 0, inspected.err
    assert inspected.json["images"] == 6
