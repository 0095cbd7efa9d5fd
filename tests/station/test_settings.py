"""station.toml: what is read, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.contract import StationError
from station.settings import home_folder, load_settings

GOOD = """
[camera]
kind = "replay"
folder = "cloth"

[line]
fabric = "f01"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "station.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_paths_count_from_the_settings_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, 'home = "data"\n' + GOOD))
    assert settings.home == tmp_path / "data"
    assert settings.camera.kind == "replay"
    assert settings.camera.folder == tmp_path / "cloth"
    assert settings.line.fabric == "f01"


def test_the_shading_file_counts_from_the_settings_file_too(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, GOOD)).line.shading is None
    settings = load_settings(write(tmp_path, GOOD + 'shading = "flat/shading.json"\n'))
    assert settings.line.shading == tmp_path / "flat" / "shading.json"
    assert settings.line.fabric == "f01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("camera = [", "not valid TOML"),
        (GOOD + 'roll_colour = "red"\n', "roll_colour"),
        (GOOD.replace('"f01"', '"../f01"'), "line.fabric"),
        (GOOD.replace('"replay"', '"crystal ball"'), "camera"),
        ("[line]\nfabric = 'f01'\n", "camera"),
        (GOOD + 'device = "abacus"\n', "line.device"),
    ],
)
def test_impossible_settings_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StationError, match=said) as refused:
        load_settings(write(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_home_comes_from_the_option_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATION_HOME", str(tmp_path / "env"))
    assert home_folder(tmp_path / "option") == tmp_path / "option"
    assert home_folder(None) == tmp_path / "env"
    monkeypatch.delenv("STATION_HOME")
    assert home_folder(None).name == "fabric-station"
