"""Makes the home folder, settings and ``expected.json`` beside this file, by running the code of commit 832f2a0.

No test: it runs in a checkout of that commit only (``README.md``).  It calls things as
they were called there, and must stay as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sqlite3
import tempfile
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from drawn_board import photograph, pose

import station
from calibration.lens import Lens
from calibration.shading import Shading
from drivers.camera import EndOfClothError
from drivers.recorded import RecordedCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from model import checkpoint
from model.mfrnet import MFRNetConfig
from station.calibrations import Calibrations
from station.cli import app
from station.commands import learning
from station.commands.session import Records, open_records
from station.control import (
    Defect,
    DefectChanged,
    DefectKind,
    Ledger,
    Notice,
    RollEnded,
    RowJudged,
    StopChanged,
    StopStep,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.leniency import Leniency
from station.light_memory import LightMemory
from station.records import audit
from station.records.rows import DefectFilter, RollMeasures, Verdict
from station.records.store import Store
from station.settings import load_settings

OPERATOR = "operator"
FABRIC = "mill-cotton"
WIDTH_PX, WEB_PX, MM_PER_PX = 512, (24, 488), 0.5
CAMERA = {"camera_id": "line-camera", "width_px": WIDTH_PX, "mm_per_px": MM_PER_PX, "web_px": WEB_PX}
MATRIX = np.array([[700.0, 0, 325], [0, 700, 236], [0, 0, 1]])
BARREL = np.array([-0.25, 0.08, 0.001, -0.0005])
TILTS_DEG = ((25, 0, 0), (-25, 5, 0), (0, 25, 10), (5, -25, -5), (-20, -20, 3), (20, -20, 3))
PLACES_MM = ((-50, -30), (50, -30), (-50, 30), (50, 30), (0, -35), (0, 35))
RUN = f"""[camera]
kind = "simulated"
camera_id = "line-camera"
width_px = {WIDTH_PX}
web_px = [{WEB_PX[0]}, {WEB_PX[1]}]
metres = 0.75
seed = 3
flaws_per_m = 2
faults = ["lost-lines", "duplicate-block"]

[line]
fabric = "{FABRIC}"
roll = "run"
device = "cpu"
shading = "shading.json"

[machine]
marker_mm = 100

[machine.stop]
critical_mm = 2
countdown_m = 0.1

[outputs]
kind = "simulated"
"""
NARROW = """[camera]
kind = "simulated"
camera_id = "narrow-camera"
width_px = 256
metres = 0.16
seed = 11

[line]
fabric = "mill-cotton"
"""

PLAY = """[camera]
kind = "recorded"
folder = "recording"
speed = "as fast as possible"

[line]
fabric = "mill-cotton"
device = "torch"
"""
EVERYTHING = """home = "station-data"

[camera]
kind = "simulated"
camera_id = "line-camera"
style = "demo"
width_px = 1024
mm_per_px = 0.25
seed = 4
web_px = [40, 980]
metres = 12.5
speed_m_per_min = 6.5
flaws_per_m = 2.5
disturbances = false
faults = ["jitter", "unplug"]

[line]
fabric = "mill-cotton"
roll = "2026-week-05-roll-17"
device = "cpu"
precision = "f32"
shading = "shading.json"

[calibration]
max_age_days = 95

[record]
folder = "recordings"
max_gb = 7.5

[machine]
marker_mm = 850
roll_mm = 3200
marker_pulse_ms = 150
marker_late_mm = 80
cycle_ms = 40
heartbeat_ms = 600
uninspected_m = 5.5
on_camera_loss = "light"
on_exit = "leave"
doff_ends_roll = true
pulses_per_line = 1.75

[machine.stop]
repeats = 3
repeats_across_mm = 11
repeats_within_m = 2.25
running_m = 1.25
critical_score = 0.9
critical_mm = 110
countdown_m = 3.5

[machine.stop_of.denim-12]
running_m = 4.5

[outputs]
kind = "modbus"
host = "192.168.0.10"
coils = { stop = 0, red = 1, amber = 2, marker = 3, heartbeat = 4 }
inverted = ["stop"]
distances = { to_marker = 0, to_roll = 1 }
discrete_inputs = { running = 0, doff = 1, release = 2 }
counter = { address = 0, bits = 32 }
"""


def typed(*words: object) -> dict[str, Any]:
    """The JSON of a ``station`` command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        app([str(word) for word in (*words, "--home", "home", "--json")], standalone_mode=False)
    print("station", *words, "\n   ", err.getvalue().strip().replace("\n", "\n    "))
    return json.loads(out.getvalue().splitlines()[-1])


def saved(file: Path, pixels: np.ndarray) -> Path:
    """Write a picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return file


def cloth(seed: int, lines: int) -> np.ndarray:
    """Good cloth as the camera of the settings sees it."""
    return Cloth(STYLES["demo"], width_px=WIDTH_PX, mm_per_px=MM_PER_PX, seed=seed, web_px=WEB_PX).render(0, lines)


def teach(scratch: Path) -> None:
    """Version 1, a tiny model of 12 steps, by the command."""
    learning.teach = partial(learning.teach, config=MFRNetConfig(channels=8, width=8, steps=12), by=OPERATOR)
    pixels = cloth(77, 6144)
    for number in range(12):
        saved(scratch / "good" / f"{number:02}.png", pixels[number * 512 : (number + 1) * 512])
    words = ("--mm-per-px", MM_PER_PX, "--minutes", 10, "--seed", 1, "--device", "torch")
    typed("teach", FABRIC, "--images", scratch / "good", *words)


def change_recipe() -> None:
    """Version 2 as the tuning page saves one, with a profile beside the edges and a streak; version 3 by the command,
    with camera settings."""
    with open_records(Path("home")) as records:
        taught = records.history.recipe(FABRIC)
        profile = Leniency(
            left=(1.75, 1.5, 1.25), right=(2.0, 1.125), columns=((200, 1.5), (204, 1.25)), width_px=WIDTH_PX
        )
        update = {"leniency": profile, "min_length_mm": 1.5, "edge_margin_mm": 4.0, "note": "Selvedge – höher gewebt"}
        changed = taught.model_copy(update=update)
        records.store.save_recipe(changed, OPERATOR, "selvedge scored high", based_on=taught.version)
    typed("recipe", FABRIC, "--exposure-us", 80, "--gain-db", 3.5, "--why", "dark dye")


def calibrate(scratch: Path) -> None:
    """Scale, shading, stitching and lens, by the commands."""
    Path("run.toml").write_text(RUN.replace('shading = "shading.json"\n', ""))
    marks = np.where(np.arange(WIDTH_PX) % 50 < 6, 40, 200).astype(np.uint8)
    ruler = saved(scratch / "ruler.png", np.repeat(marks[None], 200, axis=0))
    along = ("--run", "1960:1000", "--run", "3921:2000", "--pulses-per-line", 1)
    words = ("--images", ruler, "--ruler-mm", 25.5)
    typed("calibrate", "scale", "--config", "run.toml", *words, *along)
    light = 180 * (1 - 0.05 * np.linspace(-1, 1, WIDTH_PX) ** 2)
    white = np.clip(light + np.random.default_rng(1).normal(0, 1, (64, WIDTH_PX)), 0, 255).astype(np.uint8)
    white[:, 100] = 4
    white[:, 300:306] = np.rint(0.9 * white[:, 300:306])
    saved(scratch / "white.png", white)
    saved(scratch / "dark.png", np.full((64, WIDTH_PX), 4, np.uint8))
    words = ("--images", scratch / "white.png", "--dark", scratch / "dark.png", "--out", "shading.json")
    typed("calibrate", "shading", "--config", "run.toml", *words)
    pixels = cloth(78, 512)
    left, right = saved(scratch / "left.png", pixels[:, :300]), saved(scratch / "right.png", pixels[:, 236:])
    typed("calibrate", "stitching", "--left", left, "--right", right)
    views = zip(TILTS_DEG, PLACES_MM, strict=True)
    for number, (tilt, place) in enumerate(views):
        pixels = photograph(pose(tilt, place, 260), MATRIX, (640, 480), distortion=BARREL, seed=number)
        saved(scratch / "boards" / f"{number}.png", pixels)
    words = ("--images", scratch / "boards", "--chessboard", "9x6", "--square-mm", 10)
    typed("calibrate", "lens", *words, "--camera", "area-camera")
    Path("run.toml").write_text(RUN)


def inspect() -> dict[str, Any]:
    """One picture with a hole and a thick pick: what the model says of its first tile, what the line says of it."""
    picture = cloth(79, 320)[:, 64:384].copy()
    cv2.ellipse(picture, (200, 150), (12, 8), 0, 0, 360, 20, -1)
    picture[260:264] = np.clip(picture[260:264].astype(int) + 70, 0, 255)
    saved(Path("pictures/holed.png"), picture)
    return typed("inspect", "--fabric", FABRIC, "--images", "pictures", "--device", "torch")


def craft_rolls() -> None:
    """Rolls of which the line would need long: each kind of defect and each reason, a merged defect, a roll broken
    off, stops, notices, the light's reference."""
    with open_records(Path("home")) as records:
        calibrations = tuple(row.id for row in records.history.calibrations("line-camera"))
        measures = RollMeasures(0.51, 0.5102, "", calibrations)
        store, recipe = records.store, records.history.recipe(FABRIC)
        store.begin_roll("crafted", recipe, "line-camera", measures=measures, by=OPERATOR)
        line = 0
        for reason in (None, *UninspectedReason):
            line = _stretch(store, line, line + (4000 if reason is None else 100), reason)
        peaks = np.linspace(0.2, 1.4, 4, dtype=np.float32) * np.float32(recipe.threshold)
        for first_line in range(0, 4000, 250):
            store.write(RowJudged(first_line, first_line + 250, peaks), 5.0)
        for number, kind in enumerate(DefectKind, start=1):
            store.write(DefectChanged(_defect(number, kind, recipe.threshold)), 5.0)
        store.write(DefectChanged(_defect(5, DefectKind.SPOT, recipe.threshold, merged_into=4)), 5.0)
        store.write(DefectChanged(_defect(6, DefectKind.SPOT, recipe.threshold, is_reject=False)), 5.0)
        store.write(Notice("warning", "The lamp is dim."), 5.0)
        for step in (StopStep.ANNOUNCED, StopStep.REQUESTED):
            store.write(StopChanged(step, "3 rejects at one place", "station"), 5.0)
        store.write(RollEnded("crafted", Ledger(line, 4000, line - 4000, 128)), 5.0)
        assert store.flush()
        _review(records, "crafted")
        store.begin_roll("broken-off", recipe, "line-camera", by=OPERATOR)
        _stretch(store, 0, 1500, None)
        store.write(DefectChanged(_defect(1, DefectKind.WARP_LINE, recipe.threshold, closed=False)), 5.0)
        means = np.full(WIDTH_PX, np.nan)
        means[WEB_PX[0] : WEB_PX[1]] = np.linspace(118, 122, WEB_PX[1] - WEB_PX[0])
        camera = SimulatedCamera(**CAMERA)
        LightMemory(store, records.history, camera).keep((FABRIC, calibrations), means)


def _stretch(store: Store, first_line: int, end_line: int, reason: UninspectedReason | None) -> int:
    store.write(StretchClosed(Stretch(first_line, end_line, reason)), 5.0)
    return end_line


def _defect(
    number: int,
    kind: DefectKind,
    threshold: float,
    *,
    merged_into: int | None = None,
    is_reject: bool = True,
    closed: bool = True,
) -> Defect:
    y, x = np.indices((24, 24))
    near = np.exp(-((y - 12) ** 2 + (x - 8 - number) ** 2) / 20)
    lengths = {DefectKind.WARP_LINE: (300, 4), DefectKind.WEFT_LINE: (4, 300), DefectKind.SPOT: (12, 14)}
    lines, px = lengths.get(kind, (120, 150))
    return Defect(
        number=number,
        first_line=500 * number,
        end_line=500 * number + lines,
        first_px=60 + 10 * number,
        end_px=60 + 10 * number + px,
        length_mm=lines * 0.5102,
        width_mm=px * 0.51,
        area_mm2=lines * px * 0.15,
        position_mm=500 * number * 0.5102,
        across_mm=(36 + 10 * number + px / 2) * 0.51,
        score=threshold * (1.1 + number / 10 if is_reject else 0.9),
        kind=kind,
        is_reject=is_reject and merged_into is None,
        closed=closed,
        crop=np.rint(120 - 100 * near).astype(np.uint8),
        heat=near.astype(np.float32),
        merged_into=merged_into,
    )


def _review(records: Records, roll: str) -> None:
    rows = records.history.defects(DefectFilter(records.history.roll(roll).id, rejects_only=True))
    words = [(Verdict.CONFIRMED, ""), (Verdict.FALSE_ALARM, "only lint"), (Verdict.CONFIRMED, "seen on the table")]
    for row, (verdict, note) in zip(rows, words, strict=False):
        records.store.review(row.id, verdict, OPERATOR, note)
    if rows:  # the last word counts
        records.store.review(rows[0].id, Verdict.FALSE_ALARM, OPERATOR, "a thread lay on it")


def record() -> dict[str, Any]:
    """Some hundred narrow lines, by the command; and what the line says when they are played again."""
    Path("narrow.toml").write_text(NARROW)
    typed("record", "--config", "narrow.toml", "--out", "recording")
    Path("narrow.toml").unlink()
    Path("play.toml").write_text(PLAY)
    return typed("run", "--config", "play.toml", "--headless")


def settings_of(checkout: Path) -> None:
    """One that has all sections, and the commit's examples for cameras."""
    Path("settings").mkdir()
    Path("settings/station.toml").write_text(EVERYTHING, encoding="utf-8")
    for name in ("pylon.toml", "two-cameras.toml"):
        shutil.copyfile(checkout / "docs" / name, Path("settings") / name)


def leaves_of(settings: Path) -> list[str]:
    """All that settings say, defaults too, without the names; paths from their own folder."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                walk(one)
        else:
            found.append(str(value).replace(f"{settings.resolve().parent}/", ""))

    walk(load_settings(settings).model_dump(mode="json"))
    return sorted(found)


def told(inspected: dict[str, Any], played: dict[str, Any]) -> dict[str, Any]:
    """What 832f2a0 says of all this."""
    home = Path("home")
    with open_records(home) as records:
        history = records.history
        rolls = [row.name for row in history.rolls()]
        recipes = {
            str(row.recipe.version): {**row.recipe.model_dump(mode="json"), "by": row.created_by, "why": row.why}
            for row in history.recipes(FABRIC)
        }
        facts = {row.kind: summary(row.facts) for row in history.calibrations()}
        fitted = Calibrations(history, max_age_days=36500).fit(SimulatedCamera(**CAMERA), history.recipe(FABRIC))
        lens = next(row for row in history.calibrations("area-camera"))
        light = LightMemory(records.store, history, SimulatedCamera(**CAMERA)).recall(
            (FABRIC, tuple(row.id for row in history.calibrations("line-camera") if row.kind != "light"))
        )
        sha256 = history.recipe(FABRIC).model_sha256
        file = history.model_file(sha256)
        model = {"sha256": sha256, "facts": checkpoint.read_facts(file), **scores_of(file)}
        profiles = {}
        for row in history.rolls():
            lines, peaks = history.profile(row.id)
            profiles[row.name] = [len(lines), int(lines.sum()), float(peaks.sum())]
        stop = history.unreleased_stop()
        check = audit.verify(history.engine)
    reports = {name: typed("report", name) for name in rolls}
    for report in reports.values():
        for defect in report["defect_list"]:
            if defect["crop_file"] is not None:
                defect["crop_file"] = Path(defect["crop_file"]).relative_to(home.absolute()).as_posix()
    shading = Shading.from_facts(json.loads(Path("shading.json").read_text()))
    assert light is not None
    return {
        "rolls": rolls,
        "reports": reports,
        "recipes": recipes,
        "camera": typed("recipe", FABRIC),
        "calibrations": typed("calibrate", "list")["calibrations"],
        "calibration_facts": facts,
        "light": [float(np.nanmean(light)), int(np.isnan(light).sum())],
        "shading_file": shading_of(shading),
        "used": {
            "ids": list(fitted.measures.calibration_ids),
            "mm_per_px": fitted.measures.mm_per_px,
            "mm_per_line": fitted.measures.mm_per_line,
            "unverified": fitted.measures.unverified,
            "shading": shading_of(fitted.shading),
        },
        "lens": [*Lens.from_facts(lens.facts).focal_px, Lens.from_facts(lens.facts).residual_px],
        "profiles": profiles,
        "unreleased_stop": stop,
        "audit": list(check),
        "model": model,
        "inspected": inspected,
        "played": played,
        "recording": recording_of(Path("recording")),
        "settings": {file.name: leaves_of(file) for file in sorted(Path("settings").iterdir())},
    }


def shading_of(shading: Shading) -> dict[str, Any]:
    """A shading's figures."""
    return {
        "width_px": shading.width_px,
        "mean_gain": float(shading.gain.mean()),
        "largest_gain": float(shading.gain.max()),
        "faults": [[fault.first_px, str(fault.reason)] for fault in shading.faults],
    }


def summary(facts: Any) -> list[float]:
    """Number and sum of all numbers in a calibration's result, whatever they are called."""
    numbers = list(numbers_in(facts))
    return [len(numbers), float(sum(numbers))]


def numbers_in(value: Any) -> Any:
    """All numbers in a nest of lists and dicts."""
    if isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def scores_of(file: Path) -> dict[str, Any]:
    """What the model says of the first tile of the picture."""
    picture = cv2.imread("pictures/holed.png", cv2.IMREAD_GRAYSCALE)
    with torch.no_grad():
        scores = checkpoint.load(file)(torch.from_numpy(picture[None, None, :256, :256].copy()))[0].numpy()
    coarse = scores.reshape(4, 16, 4, 16).max((1, 3))
    return {"mean": float(scores.mean()), "largest": np.round(coarse.astype(float), 4).tolist()}


def recording_of(folder: Path) -> dict[str, Any]:
    """What a player of the recording delivers."""
    camera = RecordedCamera(folder, as_fast_as_possible=True)
    digest, lines = hashlib.sha256(), 0
    camera.start()
    try:
        while True:
            block = camera.read(5.0)
            if block is not None:
                digest.update(block.pixels.tobytes())
                lines += block.lines
    except EndOfClothError:
        pass
    finally:
        camera.stop()
    return {"camera_id": camera.camera_id, "width_px": camera.width_px, "lines": lines, "sha256": digest.hexdigest()}


def close(home: Path) -> None:
    """One file without a log beside it, no locks."""
    with closing(sqlite3.connect(home / "station.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("VACUUM")
    shutil.rmtree(home / "locks", ignore_errors=True)


def main() -> None:
    """Make everything in a folder of its own, then move it beside this file."""
    checkout, target = Path.cwd(), Path(__file__).resolve().parent
    assert Path(station.__file__).is_relative_to(checkout), "run this in the checkout"
    original = Store.__init__

    def nameless(store: Store, *args: Any) -> None:
        original(store, *args)
        store._station = "station-1:station-data"  # no host's name, no path

    Store.__init__ = nameless
    with tempfile.TemporaryDirectory() as folder:
        scratch, work = Path(folder) / "scratch", Path(folder) / "work"
        work.mkdir()
        with chdir(work):
            teach(scratch)
            change_recipe()
            calibrate(scratch)
            inspected = inspect()
            typed("run", "--config", "run.toml", "--headless")
            craft_rolls()
            played = record()
            settings_of(checkout)
            expected = told(inspected, played)
            close(Path("home"))
            Path("expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", "utf-8")
        for made in work.iterdir():
            if made.is_dir():
                shutil.rmtree(target / made.name, ignore_errors=True)
            shutil.move(made, target / made.name)


if __name__ == "__main__":
    main()
