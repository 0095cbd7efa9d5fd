"""Bad input: one clear sentence, exit 1, nothing lost."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.rigs.command_line import Outcome, Station, save_image


def inspect(station: Station, folder: Path, *more: object) -> Outcome:
    return station("inspect", "--fabric", "demo", "--images", folder, *more)


def test_missing_folder(station: Station, demo_home: Path, tmp_path: Path) -> None:
    outcome = inspect(station, tmp_path / "none")
    assert outcome.code == 1
    assert "does not exist" in outcome.sentence
    assert str(tmp_path / "none") in outcome.sentence


def test_empty_folder(station: Station, demo_home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = inspect(station, tmp_path / "empty")
    assert outcome.code == 1
    assert "no images" in outcome.sentence


def test_a_file_in_place_of_a_folder(station: Station, demo_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    outcome = inspect(station, tmp_path / "file")
    assert outcome.code == 1
    assert "not a folder" in outcome.sentence


def test_unreadable_image_is_named(station: Station, demo_home: Path, cloth_folder: Path) -> None:
    (cloth_folder / "2.png").write_bytes(b"this is no picture")
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert "2.png" in outcome.sentence


def test_truncated_image_is_refused_and_what_came_before_is_kept(
    station: Station, demo_home: Path, cloth_folder: Path
) -> None:
    whole = (cloth_folder / "3.png").read_bytes()
    (cloth_folder / "3.png").write_bytes(whole[: len(whole) // 2])
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert "3.png" in outcome.sentence


def test_pictures_of_different_width_are_refused_with_both_names(
    station: Station, demo_home: Path, cloth_folder: Path
) -> None:
    save_image(cloth_folder / "narrow.png", np.full((512, 300), 120, np.uint8))
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert "narrow.png" in outcome.sentence
    assert "0.png" in outcome.sentence


def test_unknown_fabric_names_the_known_ones(station: Station, demo_home: Path, cloth_folder: Path) -> None:
    outcome = station("inspect", "--fabric", "velvet", "--images", cloth_folder)
    assert outcome.code == 1
    assert "velvet" in outcome.sentence
    assert "demo" in outcome.sentence


def test_corrupted_model_file(station: Station, demo_home: Path, cloth_folder: Path) -> None:
    models = list(demo_home.rglob("*.safetensors"))
    assert len(models) == 1
    models[0].chmod(0o600)
    models[0].write_bytes(models[0].read_bytes()[:1000])
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert models[0].name in outcome.sentence


def test_two_images_that_would_write_one_map_are_refused_before_anything_is_played(
    station: Station, demo_home: Path, cloth_folder: Path, tmp_path: Path
) -> None:
    (cloth_folder / "3.png").rename(cloth_folder / "2.jpg.png")
    save_image(cloth_folder / "2.jpg", np.full((512, 512), 120, np.uint8))
    outcome = inspect(station, cloth_folder, "--maps", tmp_path / "maps")
    assert outcome.code == 1
    assert "2.jpg" in outcome.sentence
    assert "2.png" in outcome.sentence
    assert "2.jpg.png" not in outcome.sentence
    assert "Roll" not in outcome.err
    assert not (tmp_path / "maps").exists()
    assert inspect(station, cloth_folder).code == 0


def test_foreign_trunk_weights(station: Station, cloth_folder: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pth"
    foreign.write_bytes(b"\x80\x04not weights")
    outcome = station("teach", "f", "--images", cloth_folder, "--encoder", "vgg16", "--weights", foreign)
    assert outcome.code == 1
    assert "foreign.pth" in outcome.sentence


def test_newer_database_is_refused_and_left_alone(station: Station, demo_home: Path, cloth_folder: Path) -> None:
    database = demo_home / "station.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    connection.close()
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert "newer" in outcome.sentence
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM recipe_version").fetchone() == (1,)
    connection.close()


def test_a_home_that_cannot_be_written(station: Station, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    outcome = station("demo", "--headless", "--metres", 1, "--home", tmp_path / "file" / "home")
    assert outcome.code == 1
    assert str(tmp_path / "file") in outcome.sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_home(station: Station, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    outcome = station("demo", "--headless", "--metres", 1, "--home", tmp_path / "locked" / "home")
    assert outcome.code == 1


@pytest.mark.parametrize("words", [("demo",), ("run", "--config", "station.toml")])
def test_no_display(station: Station, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "station.toml").write_text('[camera]\nkind = "simulated"\n[line]\nfabric = "demo"\n')
    outcome = station(*words)
    assert outcome.code == 1
    assert "no display" in outcome.sentence
    assert "--headless" in outcome.sentence


@pytest.mark.parametrize(("name", "value"), [("DISPLAY", ":4711"), ("WAYLAND_DISPLAY", "wayland-4711")])
def test_a_display_that_does_not_answer(
    station: Station, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for other in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", "linux")
    outcome = station("demo")
    assert outcome.code == 1
    assert value in outcome.sentence
    assert "--headless" in outcome.sentence


def test_impossible_settings(station: Station, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[camera]\nkind = "simulated"\nspeed_m_per_min = -3\n[line]\nfabric = "demo"\n')
    outcome = station("run", "--headless", "--config", config)
    assert outcome.code == 1
    assert "speed_m_per_min" in outcome.sentence


def test_a_fabric_name_never_becomes_a_path(station: Station, cloth_folder: Path) -> None:
    outcome = station("teach", "../../etc", "--images", cloth_folder)
    assert outcome.code == 1
    assert "name" in outcome.sentence


@pytest.mark.parametrize(
    "words",
    [
        ("demo", "--metres", "-5"),
        ("demo", "--speed", "fast"),
        ("teach",),
        ("fly",),
        ("teach", "f", "--images", ".", "--minutes", "0"),
        ("teach", "f", "--images", ".", "--false-alarms-per-100-m", "2"),
        ("demo", "--headless", "--screenshot", "w.png"),
        ("demo", "--headless", "--after", "1"),
        ("demo", "--after", "1"),
    ],
)
def test_wrong_usage_is_exit_2(station: Station, words: tuple[str, ...]) -> None:
    assert station(*words).code == 2


def test_unknown_fault_of_the_rig_names_those_there_are(station: Station) -> None:
    outcome = station("demo", "--headless", "--metres", 1, "--fault", "gremlins")
    assert outcome.code in (1, 2)
    assert "lost-lines" in outcome.err


def test_unknown_roll(station: Station, demo_home: Path) -> None:
    outcome = station("report", "2001-01-01-001")
    assert outcome.code == 1
    assert "2001-01-01-001" in outcome.sentence
