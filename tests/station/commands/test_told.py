"""What is not looked at is said, by the commands: columns, another light, doubtful folders, the machine's pace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from sqlalchemy import select

from model.encoder import Light
from model.mfrnet import MFRNetConfig
from station.commands import teach as teaching
from station.commands.good_cloth import FOLDERS_NAMED
from station.commands.session import open_records
from station.commands.teach import sentences, web_told
from station.recipe.cloth import TaughtCloth
from station.records.schema import EventTable
from station.teaching.request import TeachRequest
from station.teaching.teach_in import TeachInResult
from station.teaching.threshold import Threshold
from tests.rigs.command_line import Outcome, Station, save_image
from tests.rigs.records import make_recipe

SMALL = MFRNetConfig(channels=24, width=32, steps=12)
QUICK = ("--json",)


def striped(seed: int, lines: int = 512) -> np.ndarray:
    """Grey cloth with a black border stripe woven of the same yarn, 300 of 1,024 columns, and another within."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:lines, :1024].astype(np.float32)
    over = (np.floor(x / 6) + np.floor(y / 6)) % 2 > 0
    weave = np.where(over, np.sin(np.pi * (x % 6) / 6), np.sin(np.pi * (y % 6) / 6)) - 0.6
    yarn = cv2.GaussianBlur(random.normal(0, 1, weave.shape).astype(np.float32), (0, 0), 4)
    light = np.where((x < 300) | ((x > 600) & (x < 660)), 25.0, 150.0)
    return np.clip(light * (1 + 0.5 * weave + 0.2 * yarn) + random.normal(0, 0.8, weave.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def quick_teaching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teach-ins train a small network on a small random trunk for a few steps."""
    full = teaching.teach

    def quick(request: TeachRequest, *rest: Any, **more: Any) -> Any:
        return full(replace(request, config=SMALL), *rest, **more)

    torch.manual_seed(3)
    trunk = Light((8, 16, 32), 48).eval()
    monkeypatch.setattr(teaching, "teach", quick)
    monkeypatch.setattr(teaching, "load_encoder", lambda *_: trunk)


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Nine pictures of striped cloth."""
    for number in range(9):
        save_image(tmp_path / "stripes" / f"{number:02d}.png", striped(number))
    return tmp_path / "stripes"


def taught(station: Station, folder: Path, *words: object) -> Outcome:
    return station("teach", "stripe", "--images", folder, "--mm-per-px", 0.2, "--minutes", 2, *QUICK, *words)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_teaching")
@pytest.mark.field("f02")
def test_a_dark_border_stripe_is_taken_for_cloth_and_what_is_left_out_is_told_and_drawn(
    station: Station, stripes: Path, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    outcome = taught(station, stripes)
    assert outcome.code == 0, outcome.err
    first = outcome.json
    assert (first["web_left_px"], first["web_right_px"], first["web_how"]) == (0, 1024, "auto")
    assert not any("not taught" in warning or "dust" in warning for warning in first["warnings"])
    whole = station("inspect", "--fabric", "stripe", "--images", stripes, *QUICK)
    assert (whole.json["web_left_px"], whole.json["web_right_px"]) == (0, 1024)
    record_property(
        "now",
        "the stripe shows the cloth's own yarns, so it is taught and inspected: columns 0 to 1023 of 1024; what --web "
        "leaves out is drawn, and named on each roll and its report",
    )

    second = taught(station, stripes, "--web", "304:1024").json
    drawn = cv2.imread(second["web_picture"])
    assert drawn.shape[1] >= 1024
    inspected = station("inspect", "--fabric", "stripe", "--images", stripes, *QUICK)
    assert inspected.json["web_left_px"] == 304
    assert inspected.json["warnings"] == []
    told = "304 to 1023 of 1024"
    assert f"Columns inspected: {told}" in inspected.err
    csv = tmp_path / "roll.csv"
    report = station("report", inspected.json["roll"], "--csv", csv)
    assert f"Columns        {told} inspected" in report.out
    assert "columns_inspected" in csv.read_text(encoding="utf-8-sig")

    third = taught(station, stripes, "--web", "full").json
    assert (third["web_left_px"], third["web_right_px"], third["web_how"]) == (0, 1024, "full")
    assert not any("taken for cloth" in warning for warning in third["warnings"])
    narrower = station("inspect", "--fabric", "stripe", "--images", stripes, "--web", "400:1000", *QUICK)
    assert (narrower.json["web_left_px"], narrower.json["web_right_px"]) == (400, 1000)
    (warning,) = narrower.json["warnings"]
    assert "41% narrower" in warning
    assert "columns 400 to 999 of 1024 are judged, at teach-in they were 0 to 1023" in warning


@pytest.mark.slow
@pytest.mark.usefixtures("quick_teaching")
def test_columns_given_at_teach_in_are_kept_for_every_roll(station: Station, stripes: Path) -> None:
    result = taught(station, stripes, "--web", "330:1020").json
    assert (result["web_left_px"], result["web_right_px"], result["web_how"]) == (332, 1020, "given")
    inspected = station("inspect", "--fabric", "stripe", "--images", stripes, *QUICK).json
    assert (inspected["web_left_px"], inspected["web_right_px"]) == (332, 1020)
    narrow = save_image(stripes.parent / "narrow" / "1.png", striped(1)[:, :900])
    refused = station("inspect", "--fabric", "stripe", "--images", narrow.parent)
    assert refused.code == 1
    assert "the picture has 900 columns" in refused.sentence


@pytest.mark.parametrize("web", ["900:100", "half", "10:20"])
def test_columns_that_are_none_are_wrong_usage(station: Station, stripes: Path, web: str) -> None:
    for words in (("teach", "stripe"), ("inspect", "--fabric", "stripe")):
        outcome = station(*words, "--images", stripes, "--web", web)
        assert outcome.code == 2
        assert "Traceback" not in outcome.err
        assert web in outcome.err


def test_columns_outside_the_picture_are_refused_before_the_teaching(station: Station, stripes: Path) -> None:
    outcome = taught(station, stripes, "--web", "0:2000")
    assert outcome.code == 1
    assert "the picture has 1024 columns" in outcome.sentence


@pytest.fixture
def data_set(tmp_path: Path, good_cloth: np.ndarray) -> Path:
    """Good cloth, flawed cloth and masks, as data sets are published."""
    root = tmp_path / "dataset"
    parts = {"train/good": 6, "test/good": 1, "test/hole": 1, "ground_truth/hole": 1}
    for part, count in parts.items():
        for number in range(count):
            picture = good_cloth[number * 512 : (number + 1) * 512].copy()
            if "hole" in part:
                picture[200:260, 200:260] = 0
            if "truth" in part:
                picture = (np.indices(picture.shape).sum(0) < 300).astype(np.uint8)
            save_image(root / part / f"{number}.png", picture)
    return root


@pytest.mark.slow
@pytest.mark.usefixtures("quick_teaching")
@pytest.mark.field("f19")
def test_the_root_of_a_data_set_is_refused_by_name_and_nothing_is_taught(
    station: Station, data_set: Path, record_property: pytest.RecordProperty
) -> None:
    words = ("teach", "x", "--images", data_set, "--minutes", 2, *QUICK)
    outcome = station(*words)
    assert outcome.code == 1
    said = outcome.sentence
    assert "Not all of the 9 pictures" in said
    assert "masks, by the folder's name: ground_truth/hole" in said
    assert "flawed cloth, by the folder's name: test/hole" in said
    assert "--all-good" in said
    assert "6 in train/good" in outcome.err
    assert "no recipe" in station("inspect", "--fabric", "x", "--images", data_set).sentence
    record_property(
        "now", "refused, exit 1, nothing stored: masks (ground_truth/hole) and flawed cloth (test/hole) named"
    )

    confirmed = station(*words, "--all-good")
    assert confirmed.code == 0, confirmed.err
    folders = {row["folder"]: row["pictures"] for row in confirmed.json["folders"]}
    assert folders == {"train/good": 6, "test/good": 1, "test/hole": 1, "ground_truth/hole": 1}


@pytest.mark.slow
@pytest.mark.usefixtures("demo_home")
@pytest.mark.field("other light")
def test_a_folder_in_another_light_is_told_once_on_stderr_in_the_json_and_in_the_audit(
    station: Station, tmp_path: Path, good_cloth: np.ndarray, record_property: pytest.RecordProperty
) -> None:
    for number in range(6):
        save_image(tmp_path / "dark" / f"{number}.png", good_cloth[number * 512 : (number + 1) * 512] // 2)
    outcome = station("inspect", "--fabric", "demo", "--images", tmp_path / "dark", "--json")
    width, light = outcome.json["warnings"]
    assert "512 columns wide, at teach-in it was 2048" in width
    assert "darker than the cloth taught" in light
    assert "at teach-in it was 120" in light
    assert outcome.err.count(light) == 1
    with open_records(tmp_path / "home") as records, records.store.read_engine.connect() as connection:
        actions = connection.scalars(select(EventTable.action).where(EventTable.new == light)).all()
    assert actions == ["notice: warning"]
    record_property("now", f"told once a roll: “{light}”")


@pytest.mark.slow
@pytest.mark.field("f03")
def test_pictures_are_played_at_the_white_of_the_teaching_and_another_depth_is_told(
    station: Station, demo_home: Path, tmp_path: Path, good_cloth: np.ndarray
) -> None:
    with open_records(demo_home) as records:
        recipe = records.history.recipe("demo")
        assert recipe.cloth is not None
        cloth = recipe.cloth.model_copy(update={"white": 4095, "width_px": 512, "web_left_px": 0, "web_right_px": 512})
        taught_so = {"cloth": cloth, "tells_differing": False}  # what the web looks like as a whole is another matter
        records.store.save_recipe(recipe.model_copy(update=taught_so), "me", "taught on 12 bits")
    dark = good_cloth[:512].astype(np.uint16) * 4  # 10 bits would do, so that by itself it would be taken for bright
    save_image(tmp_path / "deep" / "1.png", dark)
    save_image(tmp_path / "flat" / "1.png", good_cloth[:512])
    warnings = station("inspect", "--fabric", "demo", "--images", tmp_path / "deep", *QUICK).json["warnings"]
    (light,) = (told for told in warnings if "differs from what was taught" not in told)
    assert "its mean grey is 30 of 255, at teach-in it was 120" in light
    (depth,) = station("inspect", "--fabric", "demo", "--images", tmp_path / "flat", *QUICK).json["warnings"]
    assert "Full white is 255 in these picture files, at teach-in it was 4095" in depth


@pytest.mark.usefixtures("demo_home")
def test_a_running_station_tells_the_columns_and_takes_others_for_a_while(
    station: Station, tmp_path: Path, good_cloth: np.ndarray
) -> None:
    for number in range(2):
        save_image(tmp_path / "pictures" / f"{number}.png", good_cloth[number * 512 : (number + 1) * 512])
    config = tmp_path / "station.toml"
    config.write_text('[camera]\nkind = "replay"\nfolder = "pictures"\n\n[line]\nfabric = "demo"\n')
    words = ("run", "--headless", "--config", config)
    outcome = station(*words, "--json")
    assert "Columns inspected: 0 to 511 of 512" in outcome.err
    assert (outcome.json["web_left_px"], outcome.json["web_right_px"]) == (0, 512)
    overruled = station(*words, "--web", "100:420", "--json")
    assert (overruled.json["web_left_px"], overruled.json["web_right_px"]) == (100, 420)
    assert "the web is 100:420, as asked with --web; the recipe says auto" in overruled.err
    refused = station(*words, "--web", "0:513")
    assert refused.code == 1
    assert "the picture has 512 columns" in refused.sentence


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.usefixtures("demo_home")
@pytest.mark.field("r15")
def test_doctor_says_how_fast_this_machine_can_go_for_each_fabric(
    station: Station, record_property: pytest.RecordProperty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.commands.doctor.PACE_S", 0.2)
    checks = {check["name"]: check for check in station("doctor", "--json").json["checks"]}
    assert checks["pace"]["ok"]
    detail = checks["pace"]["detail"]
    assert detail.startswith("demo: up to ")
    assert detail.endswith(" m/min at 0.98 m width")
    record_property("now", f"`doctor` says: {detail}; the live page says it while a roll runs")


def test_a_full_disk_is_told_before_the_teaching(
    station: Station, stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("station.teaching.disk_space.shutil.disk_usage", lambda _: Usage)
    outcome = taught(station, stripes)
    assert outcome.code == 1
    assert "1.0 MB are free" in outcome.sentence
    assert "nothing was begun" in outcome.sentence


def result_with(width_px: int, left_px: int, right_px: int, spread_px: int = 0, web: str = "auto") -> TeachInResult:
    """A teach-in that took these columns for cloth."""
    cloth = TaughtCloth(
        width_px=width_px,
        channels=1,
        mean_grey=100,
        grey_spread=1,
        web_left_px=left_px,
        web_right_px=right_px,
        web_spread_px=spread_px,
    )
    recipe = make_recipe(cloth=cloth, web=web)
    return TeachInResult(recipe, 300, 300, 1.0, Threshold(1.0, 100, None, None, 1.0))


@pytest.mark.parametrize(
    ("result", "told", "is_warned_of"),
    [
        (result_with(1000, 0, 1000), "Columns 0 to 999 of 1000 were taken for cloth.", False),
        (result_with(1000, 40, 980), "the left 4% and the right 2% of the picture were not taught", False),
        (result_with(1000, 0, 700), "the right 30% of the picture was not taught and will not be inspected", True),
        (result_with(1000, 0, 1000, 80), "between pictures the edges differ by up to 80 columns", True),
        (result_with(1000, 300, 900, web="300:900"), "300 to 899 of 1000 were taken for cloth (--web 300:900).", False),
        (result_with(1000, 0, 1000, web="full"), "0 to 999 of 1000 were taken for cloth (--web full).", False),
    ],
)
def test_columns_are_always_told_and_warned_of_where_much_is_left_out_or_they_are_unsteady(
    result: TeachInResult, told: str, is_warned_of: bool
) -> None:
    assert told in web_told(result)
    assert any(told in sentence for sentence in sentences(result)) is is_warned_of
    assert ("teach with --web full" in web_told(result)) is ("not taught" in told or "differ" in told)


def test_many_folders_are_not_all_named(station: Station, tmp_path: Path, good_cloth: np.ndarray) -> None:
    for number in range(FOLDERS_NAMED + 3):
        save_image(tmp_path / "lots" / f"lot {number:02d}" / "1.png", good_cloth[:40])
    outcome = station("teach", "x", "--images", tmp_path / "lots", "--minutes", 1)
    assert outcome.code == 1
    assert "1 in lot 00" in outcome.err
    assert "lot 20" not in outcome.err
    assert "and more in 3 other folders" in outcome.err
