"""The evaluate command as outsiders use it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from station.commands.evaluate import ImageRow, kinds, results_folder
from station.commands.evaluation_table import as_table
from station.contract import StationError
from tests.rigs import made_up_data
from tests.rigs.command_line import Station, save_image


def left(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_a_data_set_in_another_layout_is_one_sentence(station: Station, tmp_path: Path) -> None:
    data, out = made_up_data.btad(tmp_path / "data"), tmp_path / "out"
    said = station("evaluate", "--data", data, "--layout", "mvtec", "--out", out)
    assert said.code == 1
    assert "train/good" in said.sentence
    assert "MVTec AD" in said.sentence
    assert not out.exists(), "nothing is left where nothing was measured"


def test_what_is_left_out_is_told_by_name(station: Station, tmp_path: Path) -> None:
    data = made_up_data.aitex(tmp_path / "data")
    said = station("evaluate", "--data", data, "--layout", "aitex", "--object", "01", "--weights", tmp_path / "none")
    assert said.code == 1
    assert "Left out (1), it has no mask: 0100_025_01.png." in said.err
    assert "Left out (1), its mask is empty: 0092_030_01.png." in said.err


@pytest.mark.parametrize("how", ["cut", "one byte"])
def test_a_damaged_test_image_is_named_before_anything_is_taught(station: Station, tmp_path: Path, how: str) -> None:
    data = made_up_data.mvtec(tmp_path / "data")
    damaged = data / "test/good/000.png"
    spoilt = bytearray(damaged.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1  # only decoding finds it
    damaged.write_bytes(spoilt[:200] if how == "cut" else spoilt)
    said = station("evaluate", "--data", data)
    assert said.code == 1
    assert str(damaged) in said.sentence
    assert "Teach-in" not in said.err


@pytest.mark.parametrize("place", ["a file", "below a file", "the data set"])
def test_results_that_cannot_be_written_are_refused_before_anything_is_done(
    station: Station, tmp_path: Path, place: str
) -> None:
    data = made_up_data.mvtec(tmp_path / "data")
    (tmp_path / "file").write_text("mine")
    out = {"a file": tmp_path / "file", "below a file": tmp_path / "file/x", "the data set": data / "results"}[place]
    said = station("evaluate", "--data", data, "--out", out)
    assert said.code == 1
    assert str(out) in said.sentence
    assert "choose another folder" in said.sentence
    assert "Teach-in" not in said.err
    assert (tmp_path / "file").read_text() == "mine"
    assert left(data) == ["ground_truth", "test", "train"]


def test_results_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("contact_sheet_07.png", "mine.txt"):
        (out / name).write_text("old")

    def write(name: str, then: Exception | None = None) -> None:
        with results_folder(out, tmp_path / "data") as unfinished:
            assert unfinished is not None
            (unfinished / name).write_text("new")
            if then is not None:
                raise then

    with pytest.raises(StationError, match="teach-in failed"):
        write("results.json", StationError("teach-in failed"))
    assert left(out) == ["contact_sheet_07.png", "mine.txt"]
    write("contact_sheet_01.png")
    assert left(out) == ["contact_sheet_01.png", "mine.txt"], "pages of a former run would mislead"


def row(kind: str, score: float, rejects: int = 0) -> ImageRow:
    flawed = kind != "good"
    return ImageRow(f"{kind}.png", kind, flawed, score, rejects, flawed and rejects > 0, 4, 0, 0, 100)


def test_kinds_are_measured_against_all_good_images() -> None:
    rows = [row("nep", 0.9, 1), row("good", 0.3), row("nep", 0.2), row("good", 0.4, 1), row("crease", 0.35)]
    assert kinds(rows) == [
        {"kind": "crease", "images": 1, "rejected": 0, "located": 0, "image_auroc": 0.5},
        {"kind": "nep", "images": 2, "rejected": 1, "located": 1, "image_auroc": 0.5},
        {"kind": "good", "images": 2, "rejected": 1, "located": 0, "image_auroc": None},
    ]


@pytest.mark.slow
def test_a_small_data_set_from_folder_to_contact_sheet(station: Station, tmp_path: Path) -> None:
    """Woven cloth, a third of it as KolektorSDD2 has it: narrower than the rest."""
    data, out = tmp_path / "data", tmp_path / "out"
    woven = Cloth(STYLES["demo"], width_px=512, mm_per_px=0.5, seed=77, web_px=(0, 512))
    for number in range(36):
        piece = woven.render(number * 256, 256)[:, : 500 if number % 3 else 512].copy()
        mask = np.zeros_like(piece)
        if number >= 34:
            mask[100:120, 200:230] = 255
            piece[mask > 0] = 255
        folder = data / ("train" if number < 32 else "test")
        save_image(folder / f"{number}.png", piece)
        save_image(folder / f"{number}_GT.png", mask)
    words = ("evaluate", "--data", data, "--layout", "kolektor_sdd2", "--minutes", 3, "--out", out, "--json")
    said = station(*words)
    assert said.code == 0, said.err
    contract = "image_auroc image_f1max tile_auroc pixel_auroc pixel_ap aupro detection_rate false_alarm_rate"
    counts = {"flawed": 2, "found_on_flaw": 2, "good": 2, "fragments_mean": 1.0}
    assert set(f"{contract} tiles_per_second teach_seconds encoder".split()) <= set(said.json)
    assert {key: said.json[key] for key in counts} == counts
    assert said.json["good_rejected"] == round(2 * said.json["false_alarm_rate"])
    assert said.json["strays"] >= 0
    assert said.json["image_auroc"] == 1
    assert said.json["located_rate"] == 1
    assert (said.json["true_px_off_web_share"], said.json["flaws_off_web"]) == (0, 0)
    written = json.loads((out / "results.json").read_text())
    assert {key: written[key] for key in said.json} == said.json
    assert {"encoder", "device", "precision", "seed", "settings", "per_image"} <= set(written)
    assert [(one["image"], one["flawed"]) for one in written["per_image"]] == [
        ("test/32.png", False),
        ("test/33.png", False),
        ("test/34.png", True),
        ("test/35.png", True),
    ]
    assert left(out) == ["contact_sheet_01.png", "results.json"]
    table = as_table(said.json)
    assert "flawed" in table
    assert f"{said.json['pixel_ap']:.3f}" in table
    assert not (tmp_path / "home").exists(), "the home folder stays untouched"
