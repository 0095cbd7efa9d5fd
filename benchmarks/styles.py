"""This study teaches every fabric of the simulator as a mill would, has it inspected, and writes one table of them all.

Each row is one fabric before a line-scan or an area camera: good cloth teaches it by the normal teach-in, then as many
metres of cloth of another seed, with flaws of all kinds, pass the whole line.  A row's taught recipe and its counts
stay in the work folder, so that a study that was stopped goes on where it was; rows of other settings are made again.

    python -m benchmarks.styles                            # all rows, hours
    python -m benchmarks.styles --only check --minutes 1 --metres 4 --work .scratch/sample --out sample.md
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.study.setting import ROOT, provenance
from benchmarks.styles_page import page_of
from drivers.camera import Camera, EncoderReading, EndOfClothError, LineBlock
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.flaws import Flaw
from drivers.simulated.weaves.fabrics import EVERY
from model.checkpoint import load
from model.durable import write_whole
from model.encoder import load_encoder
from model.runtime import Runtime
from station import demo
from station.contract import Defect
from station.demo import flaws_within
from station.playback import play
from station.recipe.web import WebRule
from station.records.history import History
from station.records.model_files import checked_model
from station.records.store import Store
from station.state.box import Box
from station.teaching.request import TeachRequest
from station.teaching.teach_in import teach

LINE_SCAN, AREA = "line-scan", "area"
CAMERAS = (LINE_SCAN, AREA)
FRAME_LINES, FRAME_OVERLAP, FRAME_FALLOFF = 512, 32, 0.15
GOOD_SEED, FLAWED_SEED = 101, 202
WEB = f"{demo.WEB_PX[0]}:{demo.WEB_PX[1]}"
"""The columns are given: beside this web lie 12 mm of bare machine, too few to be told from cloth on every fabric."""
NEAR_MM = 30.0
"""A false alarm so near a flaw is a stray: the flaw's own halo more likely than good cloth."""


@dataclass(frozen=True)
class Settings:
    """These settings say how a row is made.

    Attributes:
        minutes: of the teach-in.
        teach_metres: of good cloth it is given.
        metres: inspected, with flaws.
        web: columns of cloth, as teach-in takes them.
    """

    style: str
    camera: str
    minutes: float
    teach_metres: float
    metres: float
    web: str = WEB

    def open(self, seed: int, metres: float, flaws_per_m: float) -> SimulatedCamera:
        """Open the camera over so many metres of this fabric."""
        has_frames = self.camera == AREA
        return SimulatedCamera(
            style=self.style,
            width_px=demo.WIDTH_PX,
            mm_per_px=demo.MM_PER_PX,
            web_px=demo.WEB_PX,
            seed=seed,
            metres=metres,
            flaws_per_m=flaws_per_m,
            frame_lines=FRAME_LINES if has_frames else None,
            overlap_lines=FRAME_OVERLAP if has_frames else 0,
            frame_falloff=FRAME_FALLOFF if has_frames else 0.0,
        )


@dataclass(frozen=True)
class Row:
    """A row holds what came out.

    Attributes:
        flaws, found, strong, strong_found: all flaws, and those of 2 σ or more, as the demo counts them.
        false_alarms: rejects that meet no flaw; ``strays`` of them lie near one.
        rejects_on_flaws: how many rejects meet each flaw that any meets.
        looks: by which look flaws were found.
        predicted: false alarms per 100 m that teach-in predicted.
        repeat: how the cloth repeats, in teach-in's words.
    """

    settings: Settings
    metres: float
    flaws: int
    found: int
    strong: int
    strong_found: int
    false_alarms: int
    strays: int
    rejects_on_flaws: list[int]
    looks: dict[str, int]
    predicted: float | None
    repeat: str
    teach_seconds: float
    inspect_seconds: float
    missed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, told: dict[str, object]) -> Row:
        """Make a row of its JSON."""
        settings = Settings(**told["settings"])  # type: ignore[arg-type]
        return cls(**{**told, "settings": settings})  # type: ignore[arg-type]


class KeptCamera(Camera):
    """A kept camera delivers again and again what a camera has delivered to its end, at once."""

    camera_id = "kept"
    waits = True

    def __init__(self, camera: Camera) -> None:
        self._size = camera.width_px, camera.channels
        self._blocks: list[LineBlock] = []
        camera.start()
        try:
            while True:
                if (block := camera.read(1.0)) is not None:
                    self._blocks.append(block)
        except EndOfClothError:
            pass
        finally:
            camera.stop()
        self._next = 0

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return self._size[0]

    @property
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB)."""
        return self._size[1]

    def start(self) -> None:
        """Begin again at the first block."""
        self._next = 0

    def read(self, timeout_s: float) -> LineBlock:
        """Return the next block.  Raises EndOfClothError after the last."""
        del timeout_s
        if self._next == len(self._blocks):
            raise EndOfClothError("All that was kept has been delivered.")
        self._next += 1
        return self._blocks[self._next - 1]

    def encoder(self) -> EncoderReading:
        """Return the line after the last block delivered."""
        last = self._blocks[self._next - 1] if self._next else None
        return EncoderReading(0 if last is None else last.first_line + last.lines, 0.0)

    def stop(self) -> None:
        """Do nothing: there is nothing to free."""


def made(settings: Settings, work: Path) -> Row:
    """Return a row, from the work folder if it is there with these settings; what is missing of it is made."""
    folder = work / f"{settings.style}-{settings.camera}"
    file = folder / "row.json"
    if (kept := _read(file)) is not None and kept["settings"] == asdict(settings):
        return Row.of(kept)
    _teach(settings, folder)
    row = _inspected(settings, folder)
    write_whole(file, json.dumps(asdict(row), indent=1))
    return row


def _read(file: Path) -> dict[str, object] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _teach(settings: Settings, folder: Path) -> None:
    """Teach the fabric into the row's home, unless it was taught so before."""
    file = folder / "taught.json"
    wanted = {"minutes": settings.minutes, "teach_metres": settings.teach_metres, "web": settings.web}
    if (kept := _read(file)) is not None and wanted.items() <= kept.items():
        return
    shutil.rmtree(folder, ignore_errors=True)
    cloth = KeptCamera(settings.open(GOOD_SEED, settings.teach_metres, 0.0))
    request = TeachRequest(
        fabric=settings.style, mm_per_px=demo.MM_PER_PX, minutes=settings.minutes, web=WebRule.of(settings.web)
    )
    with Store.open(folder / "home") as store:
        result, _ = teach(request, lambda: cloth, load_encoder("light"), store)
    write_whole(file, json.dumps({**wanted, "seconds": result.seconds}))


def _inspected(settings: Settings, folder: Path) -> Row:
    """Have flawed cloth inspected by the row's recipe; return what was found."""
    with Store.open(folder / "home") as store:
        history = History(store)
        recipe = history.recipe(settings.style)
        network = load(checked_model(history, recipe.model_sha256))
    camera = settings.open(FLAWED_SEED, settings.metres, demo.FLAWS_PER_M)
    runtime = Runtime(network)
    begun = time.monotonic()
    try:
        played = play(camera, runtime, recipe, roll="styles")
    finally:
        runtime.close()
    seconds = time.monotonic() - begun
    ledger = played.snapshot.ledger
    flaws = flaws_within(camera.truth(), played.snapshot.origin_line or 0, ledger.lines_acquired)
    rejects = [one for piece in played.pieces.values() for one in piece.defects if one.is_reject]
    repeat = recipe.repeat
    taught = _read(folder / "taught.json") or {}
    return Row(
        settings=settings,
        metres=ledger.lines_inspected * demo.MM_PER_PX / 1000,
        **_matched(flaws, rejects),  # type: ignore[arg-type]
        predicted=recipe.predicted_false_alarms_per_100_m,
        repeat="" if repeat is None else repeat.told(demo.MM_PER_PX, demo.MM_PER_PX),
        teach_seconds=float(str(taught.get("seconds", 0.0))),
        inspect_seconds=seconds,
    )


def _matched(flaws: Sequence[Flaw], rejects: Sequence[Defect]) -> dict[str, object]:
    """Match rejects to flaws as the demo does; return the counts of a row."""
    grow = demo.GROW_MM / demo.MM_PER_PX
    true = [Box.of(flaw).grown(grow) for flaw in flaws]
    near = [Box.of(flaw).grown(NEAR_MM / demo.MM_PER_PX) for flaw in flaws]
    boxes = [Box.of(one) for one in rejects]
    meets = [[box.meets(one) for box in boxes] for one in true]
    found_by = [
        [one for one, box, met in zip(rejects, boxes, row, strict=True) if met and box.area <= 4 * flaw.area]
        for flaw, row in zip(true, meets, strict=True)
    ]
    alarms = [box for number, box in enumerate(boxes) if not any(row[number] for row in meets)]
    strong = [flaw.contrast_sigma >= demo.STRONG_SIGMA for flaw in flaws]
    best = [max(found, key=lambda one: one.ratio).look.value for found in found_by if found]
    missed = [flaw for flaw, found in zip(flaws, found_by, strict=True) if not found]
    return {
        "flaws": len(flaws),
        "found": sum(map(bool, found_by)),
        "strong": sum(strong),
        "strong_found": sum(is_strong and bool(found) for is_strong, found in zip(strong, found_by, strict=True)),
        "false_alarms": len(alarms),
        "strays": sum(any(box.meets(one) for one in near) for box in alarms),
        "rejects_on_flaws": [sum(row) for row in meets if any(row)],
        "looks": dict(Counter(best)),
        "missed": [
            f"{flaw.kind} {flaw.length_mm:.0f} mm, {flaw.contrast_sigma:.1f} σ"
            for flaw in missed
            if flaw.contrast_sigma >= demo.STRONG_SIGMA
        ],
    }


def main(words: Sequence[str] | None = None) -> None:
    """Make the rows that are missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(EVERY), metavar="STYLE", help="these fabrics")
    parser.add_argument("--cameras", nargs="+", choices=CAMERAS, default=list(CAMERAS))
    parser.add_argument("--minutes", type=float, default=5.0, help="of each teach-in")
    parser.add_argument("--teach-metres", type=float, default=20.0, help="of good cloth")
    parser.add_argument("--metres", type=float, default=35.0, help="inspected")
    parser.add_argument("--web", default=WEB, help="columns of cloth given to teach-in, or auto")
    parser.add_argument("--work", type=Path, default=ROOT / ".scratch" / "styles", help="where rows are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "styles.md")
    options = parser.parse_args(words)
    rows = []
    for style in options.only or EVERY:
        for camera in options.cameras:
            settings = Settings(style, camera, options.minutes, options.teach_metres, options.metres, options.web)
            rows.append(made(settings, options.work))
            print(json.dumps(asdict(rows[-1])), flush=True)
            about = provenance("benchmarks.styles", list(sys.argv[1:] if words is None else words))
            write_whole(options.out, page_of(rows, about))


if __name__ == "__main__":
    main()
