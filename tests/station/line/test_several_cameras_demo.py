"""The same cloth under one wide camera and under two that overlap, with the shipped fabric, through `station run`."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pytest

from station import demo
from station.cli import app
from station.commands.session import open_records
from tests.rigs.places import DOCS

EXAMPLE = DOCS / "two-cameras.toml"

WIDE = """
[camera]
kind = "simulated"
metres = 1.5
seed = 2
[line]
fabric = "demo"
"""


OF_THE_ROLL = ("roll", "crop_file", "found_at", "columns_inspected")


@pytest.mark.slow
def test_two_cameras_report_the_same_defects_as_a_wide_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    with open_records(home) as records:
        demo.install_fabric(records.store, records.history)

    def defects(text: str) -> list[dict[str, str]]:
        """Of a roll with these settings, as its report has them."""
        config = tmp_path / "station.toml"
        config.write_text(text, encoding="utf-8")
        run = typed("run", "--config", str(config), "--headless")
        assert (run["lines_inspected"], run["lines_uninspected"]) == (3000, 0)
        report = tmp_path / "roll.csv"
        typed("report", str(run["roll"]), "--csv", str(report))
        with report.open(newline="", encoding="utf-8-sig") as file:
            rows = [dict(row) for row in csv.DictReader(file)]
        return [{name: cell for name, cell in row.items() if name not in OF_THE_ROLL} for row in rows]

    def typed(*words: str) -> dict[str, object]:
        monkeypatch.setattr("sys.argv", ["station", *words, "--home", str(home), "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main()
        assert not ended.value.code
        made: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return made

    example = EXAMPLE.read_text(encoding="utf-8")
    assert tomllib.loads(example)["camera"]["kind"] == "joined"
    two = example.replace("speed_m_per_min = 6.0", "metres = 1.5").replace("seed = 0", "seed = 2")
    wide = defects(WIDE)
    assert len(wide) >= 2
    assert defects(two) == wide
