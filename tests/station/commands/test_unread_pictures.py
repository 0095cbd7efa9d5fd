"""What a picture's file does to a roll: read right, refused before the roll, or declared uninspected by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tifffile import imwrite

from station.commands.session import open_records
from station.contract import UninspectedReason
from station.quality.report import report
from tests.rigs.command_line import Outcome, Station, save_image
from tests.rigs.picture_files import blank_png, encoded


def inspect(station: Station, folder: Path, *more: object) -> Outcome:
    return station("inspect", "--fabric", "demo", "--images", folder, "--json", *more)


@pytest.mark.slow
@pytest.mark.field("f08")
@pytest.mark.field("f21")
def test_the_roll_goes_on_behind_damaged_pictures_which_are_named_everywhere(
    station: Station,
    demo_home: Path,
    cloth_folder: Path,
    good_cloth: np.ndarray,
    record_property: Callable[[str, object], None],
) -> None:
    jpeg = encoded("JPEG", good_cloth[:512], quality=95)
    half = len(jpeg) // 2
    (cloth_folder / "4.jpg").write_bytes(jpeg[:half] + b"\xff\xd9")
    (cloth_folder / "5.jpg").write_bytes(jpeg[:half] + bytes(4096) + jpeg[half + 4096 :])
    png = bytearray((cloth_folder / "0.png").read_bytes())
    png[len(png) // 2] ^= 1
    (cloth_folder / "6.png").write_bytes(png)
    imwrite(cloth_folder / "7.tif", good_cloth[:512], compression="lzw", photometric="minisblack")
    lzw = (cloth_folder / "7.tif").read_bytes()
    (cloth_folder / "7.tif").write_bytes(lzw[: len(lzw) // 2] + bytes(600) + lzw[len(lzw) // 2 + 600 :])
    outcome = inspect(station, cloth_folder)
    assert outcome.code == 1
    assert outcome.sentence == "4 of 8 images could not be read and were not inspected."
    result = outcome.json
    assert (result["images"], result["images_uninspected"]) == (8, 4)
    assert (result["lines_inspected"], result["lines_uninspected"]) == (2048, 2048)
    for row in result["results"][4:]:
        assert row["score"] is None
        assert row["image"] in row["uninspected"]
        assert f"{row['image']}" in outcome.err
    assert all(row["score"] is not None and "uninspected" not in row for row in result["results"][:4])
    said = [line for line in outcome.err.splitlines() if line]
    assert all(line.startswith(("Warning: ", "Roll ", "Columns inspected: ", "station: ")) for line in said), (
        "one voice"
    )
    with open_records(demo_home) as records:
        roll = records.history.roll(result["roll"])
        fates = {
            stretch.reason: stretch.end_line - stretch.first_line for stretch in records.history.stretches(roll.id)
        }
        told = " ".join(report(records.history, result["roll"]).warnings)
    assert fates == {None: 2048, UninspectedReason.UNREADABLE: 2048}
    assert all(name in told for name in ("4.jpg", "5.jpg", "6.png", "7.tif")), "the report names them too"
    record_property(
        "now", "4 damaged of 8 pictures are named, 2048 of 4096 lines 'picture unreadable', 4 judged, JSON and exit 1."
    )


@pytest.mark.slow
@pytest.mark.field("f21")
def test_what_the_header_shows_is_refused_before_the_roll(
    station: Station,
    demo_home: Path,
    cloth_folder: Path,
    good_cloth: np.ndarray,
    record_property: Callable[[str, object], None],
) -> None:
    picture = good_cloth[:512]
    imwrite(cloth_folder / "a.tif", picture, photometric="minisblack")
    cut = (cloth_folder / "a.tif").read_bytes()[:100_000]
    imwrite(cloth_folder / "a.tif", picture.astype(np.float32), photometric="minisblack")
    wrongs = {
        "float.tif": ((cloth_folder / "a.tif").read_bytes(), "has float32 pixels; save it with 8 or 16 bits"),
        "cut.tif": (cut, "is truncated"),
        "cut.bmp": (encoded("BMP", picture)[:100_000], "is truncated"),
        "large.png": (blank_png(20_000, 20_000), "is too large: 20000 x 20000 px, at most 268 million"),
    }
    (cloth_folder / "a.tif").unlink()
    for name, (data, told) in wrongs.items():
        (cloth_folder / name).write_bytes(data)
        outcome = inspect(station, cloth_folder)
        assert outcome.code == 1
        assert f"{name} {told}" in outcome.sentence
        assert len(outcome.err.strip().splitlines()) == 1
        (cloth_folder / name).unlink()
    with open_records(demo_home) as records:
        assert records.history.rolls() == []
    record_property(
        "now", f"{len(wrongs)} of {len(wrongs)} (float, cut TIFF and BMP, too large) refused before a roll begins."
    )


@pytest.mark.slow
@pytest.mark.field("f03")
def test_12_bits_in_16_are_judged_as_the_same_cloth_in_8(
    station: Station,
    demo_home: Path,
    cloth_folder: Path,
    good_cloth: np.ndarray,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    flawed = good_cloth[:512].copy()
    flawed[200:216, 100:260] = 25
    save_image(cloth_folder / "4.png", flawed)
    for path in sorted(cloth_folder.iterdir()):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint16)
        save_image(tmp_path / "deep" / path.name, grey << 4)
    shallow, deep = inspect(station, cloth_folder).json, inspect(station, tmp_path / "deep").json
    assert shallow["rejects"] > 0
    assert [row["reject"] for row in deep["results"]] == [row["reject"] for row in shallow["results"]]
    scores = [abs(a["score"] - b["score"]) for a, b in zip(deep["results"], shallow["results"], strict=True)]
    assert max(scores) < 0.02
    record_property(
        "now",
        f"5 pictures as 12 bits in 16 are judged as in 8 bits: {deep['rejects']} and {shallow['rejects']} rejects, "
        f"scores differ by at most {max(scores):.3f}.",
    )


def test_numbers_links_and_phones_pictures_on_one_roll(
    station: Station, demo_home: Path, good_cloth: np.ndarray, tmp_path: Path
) -> None:
    for number in (1, 2, 10):
        save_image(tmp_path / "store" / f"roll_{number}.png", good_cloth[:256])
    (tmp_path / "day").mkdir()
    (tmp_path / "day/monday").symlink_to(tmp_path / "store")
    outcome = inspect(station, tmp_path / "day")
    assert outcome.code == 0
    assert [row["image"] for row in outcome.json["results"]] == [f"monday/roll_{n}.png" for n in (1, 2, 10)]


def test_a_teach_in_on_a_damaged_picture_is_refused_by_name(
    station: Station, cloth_folder: Path, good_cloth: np.ndarray
) -> None:
    png = bytearray((cloth_folder / "2.png").read_bytes())
    png[len(png) // 2] ^= 1
    (cloth_folder / "2.png").write_bytes(png)
    outcome = station("teach", "x", "--images", cloth_folder, "--minutes", "0.5")
    assert outcome.code == 1
    assert "2.png cannot be read" in outcome.sentence


def test_what_a_folder_for_teaching_leaves_out_is_said(station: Station, cloth_folder: Path) -> None:
    (cloth_folder / "4.heic").write_bytes(b"a phone's")
    png = bytearray((cloth_folder / "2.png").read_bytes())
    png[len(png) // 2] ^= 1
    (cloth_folder / "2.png").write_bytes(png)  # so that nothing is taught
    outcome = station("teach", "x", "--images", cloth_folder, "--minutes", "0.5")
    assert "Warning: Pictures of formats that are not read are left out: 4.heic" in outcome.err
