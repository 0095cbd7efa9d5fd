"""Recorded cloth taught on and judged again, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.recording.format import What
from station.commands.recordings.rejudge import place_of, unmatched
from station.commands.session import open_records
from station.recipe.names import RecipeNamed
from station.state.box import Box
from tests.rigs.command_line import Station
from tests.rigs.recordings import came, look, record

RIG = """
[camera]
kind = "simulated"
width_px = 512
metres = {metres}
seed = 8
flaws_per_m = {flaws}
[line]
fabric = "demo"
"""


def test_rejects_that_meet_within_what_they_are_grown_by_are_the_same() -> None:
    here, near, far = Box(0, 10, 0, 10), Box(17, 20, 0, 10), Box(100, 110, 0, 10)
    assert unmatched([here, far], [near], grown=4) == [far]
    assert unmatched([here], [near], grown=3) == [here]
    assert place_of(far) == {"x_px": 0, "y_px": 100, "width_px": 10, "height_px": 10}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--recipe", "demo:99"), "There is no version 99 of the recipe for demo"),
        (("--recipe", "nylon:1"), "There is no recipe for the fabric 'nylon'"),
        (("--recipe", "demo:1"), "was made without a roll"),
    ],
)
def test_what_cannot_be_judged_again_is_told_in_one_sentence(
    station: Station, tmp_path: Path, demo_home: Path, words: tuple[str, str], sentence: str
) -> None:
    folder = record(tmp_path / "r", look(What.START, 0), came(0), came(8))
    outcome = station("rejudge", folder, *words)
    assert outcome.code == 1
    assert sentence in outcome.sentence


def test_sources_of_good_cloth_exclude_one_another(station: Station, tmp_path: Path) -> None:
    for words in (
        (),
        ("--images", tmp_path, "--recording", tmp_path),
        ("--images", tmp_path, "--metres", "0-3"),
        ("--live", "3"),
        ("--recording", tmp_path, "--metres", "3-1"),
    ):
        outcome = station("teach", "mine", *words)
        assert outcome.code == 2, words
        assert "Traceback" not in outcome.err


def test_a_recipe_version_is_named_by_fabric_and_number() -> None:
    assert str(RecipeNamed("a:b", 3)) == "a:b:3"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_recorded_cloth_is_taught_on_and_judged_again_as_it_was(
    station: Station, tmp_path: Path, demo_home: Path
) -> None:
    config = tmp_path / "station.toml"
    config.write_text(RIG.format(metres=3.5, flaws=6) + "[record]\n")
    live = station("run", "--headless", "--json", "--config", config)
    assert live.code == 0, live.err
    (recording,) = (demo_home / "recordings").iterdir()
    with open_records(demo_home) as records:
        version = records.history.recipe("demo").version
        rolls = len(records.history.rolls())
    again = station("rejudge", recording, "--recipe", f"demo:{version}", "--json")
    assert again.code == 0, again.err
    told = again.json
    assert told["roll"] == live.json["roll"]
    assert told["rejects_before"] == told["rejects_after"] > 0
    assert (told["appear"], told["vanish"]) == (0, 0), "the same recipe says the same of the same cloth"
    assert told["metres"] == pytest.approx(live.json["metres_inspected"])
    good = tmp_path / "good.toml"
    good.write_text(RIG.format(metres=5, flaws=0))
    for words in (("--recording", recording, "--metres", "0-3.5"), ("--config", good, "--live", "3.5")):
        taught = station("teach", "mine", *words, "--minutes", 0.5, "--json")
        assert taught.code == 0, taught.err
        assert taught.json["web_how"] == "auto"
        assert taught.json["predicted_false_alarms_per_100_m"] is not None, "the scale is the camera's"
    assert taught.json["recipe_version"] == 2
    assert taught.json["metres_to"] >= 3.5
    other = station("rejudge", recording, "--recipe", "mine:2", "--against", "mine:1", "--json")
    assert other.code == 0, other.err
    assert other.json["against"] == "mine:1"
    with open_records(demo_home) as records:
        assert len(records.history.rolls()) == rolls, "nothing was written"
