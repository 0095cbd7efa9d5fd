"""Camera settings of a recipe: from the command to the camera, and what it does not take told on the roll."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from station.commands.session import open_records
from station.recipe import Recipe
from tests.rigs.command_line import Station
from tests.rigs.records import make_looks


def notices(home: Path) -> list[str]:
    """Notices on record."""
    with sqlite3.connect(home / "station.db") as db:
        return [text for (text,) in db.execute("SELECT new FROM event WHERE action LIKE 'notice%' ORDER BY id")]


def asked(station: Station, home: Path, *words: object) -> dict[str, Any]:
    outcome = station("recipe", "demo", *words, "--home", home, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.json


def test_camera_settings_are_a_recipe_version_of_their_own(station: Station, demo_home: Path) -> None:
    first = asked(station, demo_home)
    assert (first["exposure_us"], first["gain_db"]) == (None, None)
    changed = asked(station, demo_home, "--exposure-us", 80, "--gain-db", 3)
    assert changed == {**first, "recipe_version": first["recipe_version"] + 1, "exposure_us": 80.0, "gain_db": 3.0}
    assert asked(station, demo_home, "--gain-db", 3) == changed, "nothing changed, nothing saved"
    last = asked(station, demo_home, "--as-station", "--gain-db", 1)
    assert (last["exposure_us"], last["gain_db"]) == (None, 1.0)


def test_the_least_size_is_overruled_by_command(station: Station, demo_home: Path) -> None:
    first = asked(station, demo_home)
    changed = asked(station, demo_home, "--min-length", 2.5)
    assert changed == {**first, "recipe_version": first["recipe_version"] + 1, "least_size": 2.5}
    assert asked(station, demo_home, "--gain-db", 3)["least_size"] == 2.5, "the other settings leave it alone"
    outcome = station("recipe", "demo", "--min-length", "inf", "--home", demo_home)
    assert outcome.code == 1
    assert outcome.sentence == "A least size of inf is impossible: give 0 or more; nothing was saved."


def test_whether_differing_cloth_is_told_and_the_columns_are_overruled_by_command(
    station: Station, demo_home: Path
) -> None:
    first = asked(station, demo_home)
    assert (first["tells_differing"], first["web"]) == (True, "auto")
    changed = asked(station, demo_home, "--no-tell-differing", "--web", "100:900")
    assert (changed["tells_differing"], changed["web"]) == (False, "100:900")
    assert asked(station, demo_home, "--min-length", 2)["tells_differing"] is False
    back = asked(station, demo_home, "--tell-differing", "--web", "auto")
    assert (back["tells_differing"], back["web"], back["least_size"]) == (True, "auto", 2.0)


def test_the_width_the_cloth_should_have_is_set_and_taken_back_by_command(station: Station, demo_home: Path) -> None:
    first = asked(station, demo_home)
    assert (first["nominal_width_mm"], first["width_tolerance_mm"]) == (None, None)
    outcome = station("recipe", "demo", "--width-tolerance", 10, "--home", demo_home)
    assert outcome.code == 1
    assert outcome.sentence.startswith("A tolerance of the width needs a nominal width")
    changed = asked(station, demo_home, "--width", 980, "--width-tolerance", 10)
    assert (changed["nominal_width_mm"], changed["width_tolerance_mm"]) == (980.0, 10.0)
    assert asked(station, demo_home, "--width-tolerance", 5)["nominal_width_mm"] == 980.0
    outcome = station("recipe", "demo", "--width", "inf", "--home", demo_home)
    assert outcome.sentence == "A nominal width of inf mm is impossible: give 0 or more; nothing was saved."
    back = asked(station, demo_home, "--width", 0)
    assert (back["nominal_width_mm"], back["width_tolerance_mm"]) == (None, None)


def test_looks_are_switched_off_and_on_by_command_and_that_is_on_the_audit(station: Station, demo_home: Path) -> None:
    with open_records(demo_home) as records:
        demo = records.history.recipe("demo")
        looks = make_looks().model_copy(update={"fabric": "demo", "model_sha256": demo.model_sha256})
        records.store.save_recipe(looks, "ann", "taught")
    first = asked(station, demo_home)
    assert first["looks"] == ["fine", "broad 2", "broad 4", "long"]
    changed = asked(station, demo_home, "--looks", "fine,broad", "--by", "bob", "--why", "slubs")
    told = "fine (threshold 2), broad 2 (threshold 1.25), broad 4 (threshold 0.75), long off"
    expected = {"recipe_version": first["recipe_version"] + 1, "looks": first["looks"][:3], "looks_told": told}
    assert changed == {**first, **expected}
    assert asked(station, demo_home, "--gain-db", 3)["looks"] == first["looks"][:3], "other settings leave them alone"
    assert asked(station, demo_home, "--looks", "fine,broad,long")["looks_told"] == first["looks_told"]
    outcome = station("recipe", "demo", "--looks", "broad", "--home", demo_home)
    assert outcome.code == 1
    assert outcome.sentence == (
        "Looks 'broad' are impossible: the fine look cannot be switched off; name it too; nothing was saved."
    )
    assert told in station("recipe", "demo", "--looks", "fine,broad", "--home", demo_home).out
    with sqlite3.connect(demo_home / "station.db") as db:
        query = "SELECT who, why, new FROM event WHERE action = 'recipe saved' AND who = 'bob'"
        ((who, why, new),) = db.execute(query).fetchall()
    assert (who, why) == ("bob", "slubs")
    assert Recipe.model_validate_json(new).long.is_on is False


@pytest.mark.parametrize("words", [("--exposure-us", "0"), ("--exposure-us", "nan"), ("--gain-db", "1e9")])
def test_impossible_settings_are_refused(station: Station, demo_home: Path, words: tuple[str, str]) -> None:
    before = asked(station, demo_home)
    outcome = station("recipe", "demo", *words, "--home", demo_home)
    assert outcome.code == 1
    assert outcome.sentence.startswith(f"Camera setting {words[0][2:].replace('-', '_')}: ")
    assert asked(station, demo_home) == before


def test_a_camera_that_takes_none_of_them_says_so_on_the_roll(station: Station, demo_home: Path) -> None:
    asked(station, demo_home, "--exposure-us", 80)
    config = demo_home / "station.toml"
    config.write_text(
        '[camera]\nkind = "simulated"\nmetres = 0.2\nweb_px = [24, 2024]\n[line]\nfabric = "demo"\n', encoding="utf-8"
    )
    outcome = station("run", "--config", config, "--headless", "--home", demo_home, "--json")
    assert outcome.code == 0, outcome.err
    sentence = "Camera simulated takes no settings from a recipe, so not exposure_us = 80; its picture stays as it is."
    assert sentence in outcome.err
    assert sentence in notices(demo_home)


def test_the_grading_rule_of_a_fabric_is_chosen_by_command_and_must_be_there(station: Station, demo_home: Path) -> None:
    assert asked(station, demo_home, "--rule", "four-point-yard")["grading_rule"] == "four-point-yard"
    outcome = station("recipe", "demo", "--rule", "five-point", "--home", demo_home)
    assert outcome.code == 1
    assert "There is no grading rule 'five-point'; known rules: four-point," in outcome.err
    assert asked(station, demo_home, "--rule", "four-point")["grading_rule"] == "four-point"
