"""station.toml: what is read, and what is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.mark.field("f12")
@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "line 2 has a sign in another encoding"),
        ("cp850", "line 2 has a sign in another encoding"),
    ],
)
def test_settings_are_read_as_editors_save_them_or_told_to_be_saved_as_utf8(
    tmp_path: Path, encoding: str, said: str, record_property: Callable[[str, object], None]
) -> None:
    text = '\n# Mühle Nord\n[camera]\nkind = "replay"\nfolder = "cloth"\n[line]\nfabric = "Köper 7"\n'
    for ending in ("\n", "\r\n", "\r"):
        file = tmp_path / "station.toml"
        file.write_bytes(text.replace("\n", ending).encode(encoding))
        if not said:
            assert load_settings(file).line.fabric == "Köper 7"
        elif ending != "\r" or "UTF-16" in said:
            with pytest.raises(StationError, match=f"{said}.*save it as UTF-8"):
                load_settings(file)
    record_property(
        "now",
        "Settings with a byte order mark and any line end are read; UTF-16 and ANSI are told with the line and 'save "
        "it as UTF-8'; a tab or a backslash in a path with 'write paths with / or in single quotes'.",
    )


@pytest.mark.field("f12")
@pytest.mark.parametrize(
    "path", [r"C:\temp", r"C:\new\rolls", r"C:\Users\mill", r"D:\bilder", r"\\server\x", "C:\\mill\\"]
)
def test_a_path_of_windows_in_double_quotes_is_told_how_to_be_written(tmp_path: Path, path: str) -> None:
    for text in (
        GOOD.replace('"cloth"', f'"{path}"'),
        f'home = "{path}"\n{GOOD}',
        GOOD + f'shading = "{path}"\n',
        GOOD + f'[record]\nfolder = "{path}"\n',
    ):
        if path.startswith("\\\\"):
            text = text.replace(path, path[1:])  # two are one in TOML, and that is a path
        with pytest.raises(StationError, match="write paths with / or in single quotes") as told:
            load_settings(write(tmp_path, text))
        assert "\n" not in str(told.value)


def test_the_setting_whose_path_is_odd_is_named(tmp_path: Path) -> None:
    joined = (
        '[camera]\nkind = "joined"\njoints = [{ overlap_px = 8, offset_lines = 0 }]\n'
        '[[camera.cameras]]\nkind = "replay"\nfolder = "a"\n'
        '[[camera.cameras]]\nkind = "replay"\nfolder = "C:\\temp"\n[line]\nfabric = "f01"\n'
    )
    with pytest.raises(StationError, match=r"camera\.cameras\.1\.folder: the path C:<tab>emp has a control character"):
        load_settings(write(tmp_path, joined))


def test_paths_in_single_quotes_or_with_slashes_are_read(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD.replace('"cloth"', r"'C:\temp'")))
    assert settings.camera.kind == "replay"
    assert settings.camera.folder.name.endswith("temp")


def test_a_user_who_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATION_HOME", "~no-such-user-here/home")
    with pytest.raises(StationError, match="no such user here"):
        home_folder(None)
    with pytest.raises(StationError, match="no such user here"):
        load_settings(write(tmp_path, GOOD.replace('"cloth"', '"~no-such-user-here/cloth"')))
