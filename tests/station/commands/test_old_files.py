"""Files that commit 832f2a0 wrote are read as that commit read them, whatever things are called by now."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibration.lens import Lens
from calibration.shading import Shading
from calibration.stitching import Stitch
from drivers.camera import EndOfClothError, LineBlock
from drivers.recording.camera import RecordedCamera
from model import checkpoint
from station.calibration.light_reference import LightMemory
from station.calibration.selection import Calibrations
from station.calibration.shading_file import load_shading
from station.commands.session import Records, open_records
from station.recipe import Recipe
from station.records import audit
from station.records.model_files import checked_model
from station.records.rows import CalibrationRow, DefectFilter
from station.settings import load_settings
from tests.rigs.command_line import Station
from tests.rigs.places import ROOT

OLD = ROOT / "tests" / "data" / "made_at_832f2a0"
FABRIC, CAMERA, WIDTH_PX = "mill-cotton", "line-camera", 512

# ------------------------------------------------------------------ today's names of what was renamed: only here


def sensitivity(recipe: Recipe) -> dict[str, object]:
    """How high good cloth scores in places, by the old file's names."""
    profile = recipe.sensitivity
    return {
        "left": list(profile.left),
        "right": list(profile.right),
        "columns": [list(column) for column in profile.columns],
        "width_px": profile.width_px,
    }


def camera_settings(recipe: Recipe) -> dict[str, float | None]:
    """What the recipe asks of the camera."""
    return {"exposure_us": recipe.camera.exposure_us, "gain_db": recipe.camera.gain_db}


def numbers_of(row: CalibrationRow) -> Any:
    """A calibration's result as it lies on record."""
    return row.result


def results_of(rows: dict[str, CalibrationRow]) -> tuple[Lens, Stitch, Shading]:
    """Calibrations read from their records."""
    lens, stitching, shading = (numbers_of(rows[kind]) for kind in ("lens", "stitching", "shading"))
    return Lens.from_dict(lens), Stitch.from_dict(stitching), Shading.from_dict(shading)


def known_of_model(file: Path) -> dict[str, Any]:
    """What a checkpoint says of its teaching."""
    return checkpoint.read_metadata(file)


def light_of(records: Records, calibrations: tuple[int, ...]) -> NDArray[np.float64] | None:
    """The light's reference that is kept for the fabric."""
    camera: Any = named(CAMERA, WIDTH_PX)
    return LightMemory(records.store, records.history, camera).recall((FABRIC, calibrations))


# ------------------------------------------------------------------ the tests


@pytest.fixture(scope="module")
def then() -> dict[str, Any]:
    """What 832f2a0 said."""
    return json.loads((OLD / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the old home folder, and beside it all else that was made then."""
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    return tmp_path / "home"


@pytest.fixture
def records(home: Path) -> Iterator[Records]:
    """The old records, open."""
    with open_records(home) as opened:
        yield opened


def named(camera_id: str, width_px: int) -> SimpleNamespace:
    """Stands for a camera where only its name counts."""
    return SimpleNamespace(camera_id=camera_id, width_px=width_px, serial="", mm_per_px=None)


def assert_as_told(now: Any, old: Any, where: str = "", rel: float = 1e-6) -> None:
    """All of the old word stands; what is told beyond it is another matter."""
    if isinstance(old, dict):
        for key, value in old.items():
            assert key in now, f"{where}: no {key}"
            assert_as_told(now[key], value, f"{where}.{key}", rel)
    elif isinstance(old, list):
        assert len(now) == len(old), where
        for number, value in enumerate(old):
            assert_as_told(now[number], value, f"{where}[{number}]", rel)
    elif isinstance(old, float):
        assert now == pytest.approx(old, rel=rel), where
    else:
        assert now == old, where


def leaves(value: Any) -> Iterator[Any]:
    """All values in a nest of lists and dicts."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


def blocks_of(camera: RecordedCamera) -> Iterator[LineBlock]:
    """All that the camera delivers to the end of the cloth."""
    with contextlib.suppress(EndOfClothError):
        while True:
            block = camera.read(5.0)
            if block is not None:
                yield block


def figures(shading: Shading) -> dict[str, object]:
    """A shading in a few figures."""
    return {
        "width_px": shading.width_px,
        "mean_gain": float(shading.gain.mean()),
        "largest_gain": float(shading.gain.max()),
        "faults": [[fault.first_px, str(fault.reason)] for fault in shading.faults],
    }


def test_every_roll_is_reported_as_then(station: Station, home: Path, then: dict[str, Any]) -> None:
    kinds, reasons = set(), set()
    for roll, old in then["reports"].items():
        outcome = station("report", roll, "--json")
        assert outcome.code == 0, outcome.err
        report = outcome.json
        for defect in report["defect_list"]:
            picture = Path(defect["crop_file"])
            assert picture.is_file()
            defect["crop_file"] = picture.relative_to(home).as_posix()
            kinds.add(defect["kind"])
        reasons |= {stretch["reason"] for stretch in report["stretches"]}
        if report["incomplete"]:  # a later station knows one more reason not to grade a roll that was broken off
            assert (report["grade"], old.pop("grade"), old.pop("grade_reasons")[1:]) == ("not graded", "not graded", [])
        assert_as_told(report, old, roll)
    assert len(kinds) == 4, "each kind of defect is among them"
    assert len(reasons) == 10, "each fate of a line is among them"


def test_the_records_hold_what_they_held(records: Records, then: dict[str, Any]) -> None:
    history = records.history
    assert history.fabrics() == [FABRIC]
    assert [roll.name for roll in history.rolls()] == then["rolls"]
    assert history.unreleased_stop() == then["unreleased_stop"]
    for roll in history.rolls():
        lines, peaks = history.profile(roll.id)
        assert_as_told([len(lines), int(lines.sum()), float(peaks.sum())], then["profiles"][roll.name], roll.name)
        for defect in history.defects(DefectFilter(roll.id)):
            for file in (defect.crop_file, defect.heat_file):
                assert file is not None
                assert cv2.imread(str(file)) is not None
    check = audit.verify(records.store.read_engine)
    assert check.ok
    assert check.rows >= then["audit"][0]


def test_recipes_keep_their_profile_and_what_they_ask_of_the_camera(records: Records, then: dict[str, Any]) -> None:
    rows = {str(row.recipe.version): row for row in records.history.recipes(FABRIC)}
    assert rows.keys() == then["recipes"].keys()
    for version, old in then["recipes"].items():
        recipe = rows[version].recipe
        assert sensitivity(recipe) == old["leniency"]
        assert camera_settings(recipe) == old["camera"]
        assert (rows[version].created_by, rows[version].why) == (old["by"], old["why"])
        assert recipe.web.finds == old["find_web"]
        for name in old.keys() - {"leniency", "camera", "by", "why", "find_web"}:
            assert getattr(recipe, name) == old[name], name
    assert len(sensitivity(rows["3"].recipe)["left"]) == 3
    assert camera_settings(rows["3"].recipe) == {"exposure_us": 80.0, "gain_db": 3.5}


def test_a_new_version_of_an_old_recipe_keeps_all_else(station: Station, home: Path, then: dict[str, Any]) -> None:
    assert_as_told(station("recipe", FABRIC, "--json").json, then["camera"])
    changed = station("recipe", FABRIC, "--gain-db", 1, "--json")
    assert changed.code == 0, changed.err
    assert_as_told(changed.json, {**then["camera"], "recipe_version": 4, "gain_db": 1.0})
    with open_records(home) as records:
        new, old = (records.history.recipe(FABRIC, version) for version in (4, 3))
        assert sensitivity(new) == then["recipes"]["3"]["leniency"]
        assert (new.note, new.edge_margin_mm, new.model_sha256) == (old.note, old.edge_margin_mm, old.model_sha256)
        assert audit.verify(records.store.read_engine).ok


def test_calibrations_are_listed_and_used_as_then(
    station: Station, home: Path, tmp_path: Path, then: dict[str, Any]
) -> None:
    listed = station("calibrate", "list", "--json").json["calibrations"]
    old = [{key: value for key, value in row.items() if key != "age_days"} for row in then["calibrations"]]
    assert_as_told(listed, old)
    with open_records(home) as records:
        history = records.history
        rows = {row.kind: row for row in history.calibrations()}
        used_then = then["used"]
        camera: Any = named(CAMERA, WIDTH_PX)
        used = Calibrations(history, max_age_days=36500).fit(camera, history.recipe(FABRIC))
        light = light_of(records, tuple(row.id for row in rows.values() if row.kind in ("shading", "scale")))
    for kind, (count, total) in then["calibration_facts"].items():
        numbers = [value for value in leaves(numbers_of(rows[kind])) if isinstance(value, int | float)]
        assert (len(numbers), sum(numbers)) == (count, pytest.approx(total)), kind
    assert list(used.measures.calibration_ids) == used_then["ids"]
    for name in ("mm_per_px", "mm_per_line", "unverified"):
        assert getattr(used.measures, name) == used_then[name]
    assert used.shading is not None
    assert_as_told(figures(used.shading), used_then["shading"])
    lens, stitching, _ = results_of(rows)
    assert_as_told([*lens.focal_px, lens.residual_px], then["lens"])
    assert stitching.overlap_px == pytest.approx(64, abs=0.1)
    assert light is not None
    assert_as_told([float(np.nanmean(light)), int(np.isnan(light).sum())], then["light"])
    assert_as_told(figures(load_shading(tmp_path / "shading.json", WIDTH_PX)), then["shading_file"])


def test_the_model_scores_a_tile_as_then(records: Records, then: dict[str, Any]) -> None:
    old = then["model"]
    assert records.history.recipe(FABRIC).model_sha256 == old["sha256"]
    file = checked_model(records.history, old["sha256"])
    assert known_of_model(file) == old["facts"]
    picture = cv2.imread(str(OLD / "pictures" / "holed.png"), cv2.IMREAD_GRAYSCALE)
    tile = torch.from_numpy(np.ascontiguousarray(picture[None, None, :256, :256]))
    with torch.no_grad():
        scores = checkpoint.load(file)(tile)[0].numpy()
    assert float(scores.mean()) == pytest.approx(old["mean"], rel=1e-2)
    assert scores.reshape(4, 16, 4, 16).max((1, 3)) == pytest.approx(np.array(old["largest"]), rel=1e-2)


def test_an_old_fabric_inspects_the_picture_as_then(station: Station, home: Path, then: dict[str, Any]) -> None:
    old = then["inspected"]
    pictures = home.parent / "pictures"
    outcome = station("inspect", "--fabric", FABRIC, "--images", pictures, "--device", "torch", "--json")
    assert outcome.code == 0, outcome.err
    now = outcome.json
    assert now["roll"] not in then["rolls"]
    for key in ("threshold", "images", "rejects", "defects", "lines_acquired", "lines_inspected", "lines_uninspected"):
        assert now[key] == old[key], key
    (piece,), (piece_then,) = now["results"], old["results"]
    assert piece["score"] == pytest.approx(piece_then["score"], rel=0.05)  # then in f32; processors that can take bf16
    for defect, defect_then in zip(piece["defects"], piece_then["defects"], strict=True):
        assert (defect["kind"], defect["is_reject"]) == (defect_then["kind"], defect_then["is_reject"])
        assert defect["score"] == pytest.approx(defect_then["score"], rel=0.05)
        for side in ("x_px", "y_px", "width_px", "height_px"):
            assert defect[side] == pytest.approx(defect_then[side], abs=16), side
    assert station("report", now["roll"], "--json").json["recipe_version"] == 3


def test_an_old_recording_plays_every_line(then: dict[str, Any]) -> None:
    old = then["recording"]
    camera = RecordedCamera(OLD / "recording", as_fast_as_possible=True)
    assert (camera.camera_id, camera.width_px, camera.total_lines) == (old["camera_id"], old["width_px"], old["lines"])
    camera.start()
    try:
        played = list(blocks_of(camera))
    finally:
        camera.stop()
    assert sum(block.lines for block in played) == old["lines"]
    assert hashlib.sha256(b"".join(block.pixels.tobytes() for block in played)).hexdigest() == old["sha256"]


def test_old_settings_play_the_recording_through_the_line(station: Station, home: Path, then: dict[str, Any]) -> None:
    outcome = station("run", "--headless", "--config", home.parent / "play.toml", "--json")
    assert outcome.code == 0, outcome.err
    for key in ("lines_acquired", "lines_inspected", "lines_uninspected", "lines_repeated", "metres_inspected"):
        assert outcome.json[key] == then["played"][key], key
    assert "exposure_us = 80, gain_db = 3.5" in outcome.err, "the recipe still asks for them"


@pytest.mark.parametrize("name", ["station.toml", "pylon.toml", "two-cameras.toml"])
def test_old_settings_say_what_they_said(name: str, then: dict[str, Any]) -> None:
    file = OLD / "settings" / name
    settings = load_settings(file)
    said = Counter(str(leaf).replace(f"{file.parent}/", "") for leaf in leaves(settings.model_dump(mode="json")))
    assert not Counter(then["settings"][name]) - said
    if name == "station.toml":
        assert settings.machine is not None
        assert settings.machine.stop_for("denim-12").running_m == 4.5
        assert settings.record is not None
        assert settings.record.max_gb == 7.5
        assert settings.calibration.max_age_days == 95


def test_old_settings_of_a_roll_are_read(home: Path) -> None:
    settings = load_settings(home.parent / "run.toml")
    assert settings.line.shading == home.parent / "shading.json"
    assert settings.machine is not None
    assert settings.machine.stop_for(FABRIC).critical_mm == 2
