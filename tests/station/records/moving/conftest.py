"""A home with two rolls, pictures, a model and rules of its own."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from station.contract import DefectChanged, Ledger, RollEnded
from station.records.moving.backup import back_up
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe, picture

MODEL = b"weights" * 1000
MODEL_SHA = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, a backup of it and another home with a fabric of its own; never changed."""
    folder = tmp_path_factory.mktemp("once")
    home = folder / "home"
    with Store.open(home) as store:
        model = home / "models" / f"{MODEL_SHA}.safetensors"
        model.parent.mkdir()
        model.write_bytes(MODEL)
        store.add_model(MODEL_SHA, model, {})
        recipe = store.save_recipe(make_recipe(model_sha256=MODEL_SHA), "ann", "taught")
        for name in ("a", "b"):
            store.begin_roll(name, recipe, "cam")
            for number in (1, 2, 3):
                store.write(DefectChanged(make_defect(number, crop=picture(30, 30 + number))))
            store.write(RollEnded(name, Ledger(100, 100, 0)))
        assert store.flush()
    (home / "rules").mkdir()
    (home / "rules" / "own.toml").write_text("name = 'our own'\n")
    (home / "recordings" / "one").mkdir(parents=True)
    (home / "recordings" / "one" / "000000.cloth").write_bytes(bytes(5000))
    back_up(home, folder / "backup")
    with Store.open(folder / "used") as store:
        store.save_recipe(make_recipe(fabric="own"), "bob", "taught")
    return folder


@pytest.fixture
def old_home(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once / "home", tmp_path / "home"))


@pytest.fixture
def backup(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once / "backup", tmp_path / "backup"))


@pytest.fixture
def used_home(made_once: Path, tmp_path: Path) -> Path:
    """Another home, with a fabric of its own."""
    return Path(shutil.copytree(made_once / "used", tmp_path / "used"))


def content(home: Path) -> dict[str, bytes]:
    """All files of a home by their paths, but those that only a running station or a restore has."""
    passing = ("locks", "backups", "before-restore", "restored.json")
    files = {file.relative_to(home).as_posix(): file for file in home.rglob("*") if file.is_file()}
    return {path: file.read_bytes() for path, file in files.items() if not path.startswith(passing)}
