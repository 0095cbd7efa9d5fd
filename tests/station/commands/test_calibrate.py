"""Calibrating a camera's flat field, and the line that uses it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.shading import Shading
from drivers.simulated.cloth import Cloth
from drivers.simulated.optics import OpticsSettings
from drivers.simulated.weave import STYLES
from tests.rigs.command_line import Outcome, Station, save_image
from tests.rigs.shadings import neutral_shading

WIDTH_PX, LINES, WEB_PX = 768, 1536, (64, 704)


@pytest.fixture(scope="module")
def shaded() -> Cloth:
    """The demo's fabric under a lens that loses 30 % of the light at the sides, the bare machine beside it."""
    return Cloth(
        STYLES["demo"], width_px=WIDTH_PX, mm_per_px=0.5, seed=5, web_px=WEB_PX, optics=OpticsSettings(falloff=0.3)
    )


@pytest.fixture
def shaded_folder(tmp_path: Path, shaded: Cloth) -> Path:
    """Three pictures of it, 1536 lines in all."""
    for number in range(3):
        save_image(tmp_path / "shaded" / f"{number}.png", shaded.render(512 * number, 512))
    return tmp_path / "shaded"


def run(station: Station, folder: Path, images: Path, shading: str) -> Outcome:
    """``station run`` on a folder, with a shading file named from the settings file's folder."""
    config = folder / "station.toml"
    config.write_text(
        f"[camera]\nkind = 'replay'\nfolder = '{images.as_posix()}'\n"
        f"[line]\nfabric = 'demo'\nroll = 'shaded'\ndevice = 'cpu'\nshading = '{shading}'\n"
    )
    return station("run", "--headless", "--config", config, "--json")


def test_calibrating_evens_out_the_light(station: Station, shaded: Cloth, shaded_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "flat" / "shading.json"
    outcome = station("calibrate", "shading", "--images", shaded_folder, "--out", out, "--json")
    assert outcome.code == 0
    figures = outcome.json
    assert figures["lines"] == LINES
    assert figures["width_px"] == WIDTH_PX
    assert figures["file"] == str(out)
    assert figures["residual_percent"] < 1 < 4 < figures["residual_before_percent"]
    assert [file.name for file in out.parent.iterdir()] == ["shading.json"]
    even = Shading.from_dict(json.loads(out.read_text())).gain * shaded.column_gain
    inside = np.convolve(even, np.ones(64) / 64, mode="valid")[WEB_PX[0] : WEB_PX[1] - 64]
    assert np.abs(inside / inside.mean() - 1).max() < 0.03


def test_the_line_corrects_every_line_it_inspects(
    station: Station, demo_home: Path, shaded_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station("calibrate", "shading", "--images", shaded_folder, "--out", tmp_path / "shading.json").code == 0
    corrected = 0
    correct = Shading.apply

    def counted(shading: Shading, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        nonlocal corrected
        corrected += len(pixels)
        return correct(shading, pixels)

    monkeypatch.setattr(Shading, "apply", counted)
    outcome = run(station, tmp_path, shaded_folder, "shading.json")
    assert outcome.code == 0
    assert outcome.json["lines_acquired"] == LINES
    assert outcome.json["lines_inspected"] + outcome.json["lines_uninspected"] == LINES
    assert outcome.json["lines_inspected"] > 0.9 * LINES
    assert corrected >= outcome.json["lines_inspected"]


def test_too_little_cloth_is_refused_and_the_file_from_before_is_left_alone(
    station: Station, good_cloth: NDArray[np.uint8], tmp_path: Path
) -> None:
    save_image(tmp_path / "little" / "0.png", good_cloth[:512])
    out = tmp_path / "shading.json"
    out.write_text("from before")
    outcome = station("calibrate", "shading", "--images", tmp_path / "little", "--out", out)
    assert outcome.code == 1
    assert "512 lines" in outcome.sentence
    assert "1000" in outcome.sentence
    assert out.read_text() == "from before"


def test_pictures_without_cloth_are_refused(station: Station, tmp_path: Path) -> None:
    save_image(tmp_path / "lamp" / "0.png", np.full((1200, 512), 255, np.uint8))
    outcome = station("calibrate", "shading", "--images", tmp_path / "lamp", "--out", tmp_path / "shading.json")
    assert outcome.code == 1
    assert "No cloth" in outcome.sentence
    assert not (tmp_path / "shading.json").exists()


def test_light_that_does_not_stay_is_refused_and_nothing_kept(
    station: Station, good_cloth: NDArray[np.uint8], tmp_path: Path
) -> None:
    lines, columns = np.indices(good_cloth.shape)
    swinging = 1 + 0.3 * (columns / columns.max() - 0.5) * (lines // 64 % 2)
    save_image(tmp_path / "swinging" / "0.png", np.clip(good_cloth * swinging, 0, 255).astype(np.uint8))
    out = tmp_path / "shading.json"
    outcome = station("calibrate", "shading", "--images", tmp_path / "swinging", "--out", out)
    assert outcome.code == 1
    assert "uneven" in outcome.sentence
    assert not out.exists()
    assert station("calibrate", "list", "--json").json["calibrations"] == []


@pytest.mark.parametrize("place", ["folder", "file/shading.json"])
def test_a_file_that_cannot_be_written_is_named(
    station: Station, cloth_folder: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    outcome = station("calibrate", "shading", "--images", cloth_folder, "--out", tmp_path / place)
    assert outcome.code == 1
    assert str(tmp_path / place) in outcome.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist"),
        ("{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        ("[1, 2]", "no shading"),
        ('{"gain": [1, 1]}', "offset"),
        ('{"gain": [1, -1], "offset": [0, 0]}', "positive"),
        (f'{{"gain": [1{"0" * 400}], "offset": [0]}}', "cannot be used"),
        (json.dumps(neutral_shading(512).to_dict()), "512 columns"),
    ],
)
def test_a_wrong_shading_file_is_refused_before_a_roll_is_opened(
    station: Station, demo_home: Path, tmp_path: Path, text: str | bytes | None, said: str
) -> None:
    images = save_image(tmp_path / "cloth" / "0.png", np.full((64, 300), 120, np.uint8)).parent
    if text is not None:
        (tmp_path / "wrong.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    outcome = run(station, tmp_path, images, "wrong.json")
    assert outcome.code == 1
    assert said in outcome.sentence
    assert str(tmp_path / "wrong.json") in outcome.sentence
    assert station("report", "shaded").code == 1
