"""``station backup``, ``restore``, ``export-recipe`` and ``import-recipe`` as typed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from station.commands.session import open_records
from station.demo import install_fabric
from tests.rigs.command_line import Station


def hashes(folder: Path) -> dict[str, str]:
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    passing = ("backups", "locks", "station.db", "restored.json", "backup.jsonl")
    return {
        path: hashlib.sha256(file.read_bytes()).hexdigest()
        for path, file in files.items()
        if not path.startswith(passing)
    }


def test_a_home_goes_to_another_computer_with_equal_counts_and_hashes(station: Station, tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    with open_records(home) as records:
        recipe = install_fabric(records.store, records.history)
        records.store.begin_roll("r1", recipe, "cam")
    made = station("backup", tmp_path / "backup", "--home", home, "--json")
    assert made.code == 0, made.err
    assert set(made.json) == {"files", "bytes", "rolls"}
    came = station("restore", tmp_path / "backup", "--home", other, "--json")
    assert came.code == 0, came.err
    assert came.json == made.json
    assert hashes(other) == hashes(home) == hashes(tmp_path / "backup")
    assert (
        station("audit", "verify", "--home", other, "--json").json
        == station("audit", "verify", "--home", home, "--json").json
    )
    refused = station("restore", tmp_path / "backup", "--home", other)
    assert (refused.code, refused.sentence.endswith("add --replace to have them kept aside.")) == (1, True)
    assert station("backup", "--home", home).code == 2
    assert "There are no records in" in station("backup", tmp_path / "b", "--home", tmp_path / "none").sentence

    file = tmp_path / "demo.recipe"
    sent = station("export-recipe", "demo", file, "--home", home, "--json")
    got = station("import-recipe", file, "--by", "ann", "--home", other, "--json")
    assert set(sent.json) == set(got.json) == {"fabric", "version", "model_sha256"}
    assert (got.json["fabric"], got.json["version"]) == ("demo", sent.json["version"] + 1)
    assert got.json["model_sha256"] == sent.json["model_sha256"] == recipe.model_sha256
    file.write_bytes(file.read_bytes()[:5000])
    assert "cut off" in station("import-recipe", file, "--home", other).sentence
