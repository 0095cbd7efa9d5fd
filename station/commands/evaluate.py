"""This module holds the command that measures the station on a public data set."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from drivers.camera import Camera
from drivers.images import read_raster
from model.durable import write_whole
from model.encoder import load_encoder
from model.mfrnet import MFRNet
from model.runtime import Runtime
from station.commands.evaluation_table import heading
from station.commands.session import PROGRESS_S, TeachingLog, open_records, say
from station.commands.teach import is_web_notable, web_told
from station.contract import StationError
from station.evaluation import metrics
from station.evaluation.contact_sheet import ContactSheet
from station.evaluation.datasets.dataset import GOOD, Dataset
from station.evaluation.datasets.layouts import read_dataset
from station.evaluation.datasets.pictures import PicturesCamera
from station.evaluation.measure import JudgedImage, if_possible, judge
from station.teaching.request import TeachRequest
from station.teaching.sampling import TEACHING_BLOCK_LINES
from station.teaching.teach_in import TeachInResult, teach

RESULTS, SHEETS = "results.json", "contact_sheet_*.png"


@dataclass(frozen=True)
class ImageRow:
    """A row holds the results of one image; ``score`` is as displayed (0.5 = threshold)."""

    image: str
    kind: str
    flawed: bool
    score: float
    rejects: int
    located: bool
    true_px: int
    true_px_off_web: int
    flaws_off_web: int
    web_px: int


@dataclass(frozen=True)
class Evaluation:
    """An evaluation holds what to measure, as typed.

    Attributes:
        folder, layout, fabric: the data set, as in :func:`station.evaluation.datasets.layouts.read_dataset`.
        teaching: how the data set's good part is taught.
        out: folder for ``results.json`` and the contact sheet, None for neither.
    """

    folder: Path
    layout: str
    fabric: str | None
    teaching: TeachRequest
    out: Path | None


def evaluate(task: Evaluation) -> dict[str, object]:
    """Teach on a data set's good part and measure on its test part, in a temporary home folder.

    Raises:
        ModelError, CameraError: the data set is incomplete or damaged.
        StationError: ``out`` cannot be written (this is checked before anything else), or the teach-in failed.
    """
    with results_folder(task.out, task.folder) as unfinished, tempfile.TemporaryDirectory() as scratch:
        dataset = read_dataset(task.folder, task.layout, task.fabric)
        tell(dataset)
        for sample in dataset.test:
            read_raster(sample.path)  # a damaged picture is refused before minutes pass
        taught, network = teach_on(dataset, task.teaching, Path(scratch))
        if is_web_notable(taught):
            say(web_told(replace(taught, web_picture=None)))  # the picture goes with the temporary home
        say(taught.looks.told())
        say(f"Taught on {taught.tiles} tiles in {taught.seconds:.0f} s; judging {len(dataset.test)} images.")
        gathered = Gathered(task.folder, None if unfinished is None else Path(scratch), dataset.white)
        runtime = Runtime(network, device=task.teaching.device)
        try:
            figures, playback = judge(
                dataset.test,
                runtime,
                taught.recipe,
                on_image=gathered.take,
                white=dataset.white,
                progress=JudgingLog(),
            )
        finally:
            runtime.close()
        result: dict[str, object] = {
            **figures,
            "tiles_per_second": playback.snapshot.tiles_per_second,
            "teach_seconds": taught.seconds,
            "encoder": task.teaching.encoder,
            "device": runtime.device,
            "precision": runtime.precision,
            "seed": task.teaching.seed,
            "layout": task.layout,
            "fabric": task.fabric,
            "threshold": taught.recipe.threshold,
            "taught_images": len(dataset.train),
            "taught_tiles": taught.tiles,
            "looks": list(taught.looks.shares),
            "looks_told": taught.looks.told(),
            "least_size": taught.recipe.min_length_mm,
            "too_small": sum(piece.too_small for piece in playback.pieces.values()),
            "images": len(dataset.test),
            "images_left_out": len(dataset.left_out),
            "images_without_cloth": sum(row.web_px == 0 for row in gathered.rows),
            "kinds": kinds(gathered.rows),
        }
        if unfinished is not None:
            _save(task, dataset, gathered, result, unfinished)
    return result


def teach_on(dataset: Dataset, teaching: TeachRequest, scratch: Path) -> tuple[TeachInResult, MFRNet]:
    """Teach on a data set's good part, in a home folder of its own under ``scratch``; raise as :func:`evaluate`."""
    trunk = load_encoder(teaching.encoder, teaching.weights)

    def cloth() -> Camera:
        paths = [sample.path for sample in dataset.train]
        return PicturesCamera(paths, block_lines=TEACHING_BLOCK_LINES, white=dataset.white)

    with open_records(scratch / "home") as records:
        return teach(teaching, cloth, trunk, records.store, progress=TeachingLog())


def _save(task: Evaluation, dataset: Dataset, gathered: Gathered, result: dict[str, object], folder: Path) -> None:
    details = {
        **result,
        "settings": {
            "data": str(task.folder),
            "weights": None if task.teaching.weights is None else str(task.teaching.weights),
            "minutes": task.teaching.minutes,
        },
        "notes": dataset.notes,
        "left_out": [{"image": str(one.path), "reason": one.reason} for one in dataset.left_out],
        "per_image": [asdict(row) for row in sorted(gathered.rows, key=lambda row: row.image)],
    }
    write_whole(folder / RESULTS, json.dumps(details, indent=1) + "\n")
    if gathered.sheet is not None:
        gathered.sheet.save(folder, heading(result, task.folder.absolute().name))


def tell(dataset: Dataset) -> None:
    """Print what was left out of a data set, and what else users should know about it."""
    reasons = [one.reason for one in dataset.left_out]
    for reason in dict.fromkeys(reasons):
        named = [one.path.name for one in dataset.left_out if one.reason == reason]
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        say(f"Left out ({len(named)}), {reason}: {', '.join(named[:5])}{more}.")
    for note in dataset.notes:
        say(note)


class Gathered:
    """This class gathers the rows and the contact sheet of the judged images.

    Args:
        root: the data set's folder; image names are relative to it.
        scratch: where the contact sheet may put its drawings; None for no sheet.
        white: the white level of the data set's 16-bit images.
    """

    def __init__(self, root: Path, scratch: Path | None, white: int | None = None) -> None:
        self._root = root
        self.rows: list[ImageRow] = []
        self.sheet = None if scratch is None else ContactSheet(scratch, white)

    def take(self, image: JudgedImage) -> None:
        """Add one judged image."""
        name = Path(os.path.relpath(image.sample.path, self._root)).as_posix()
        row = ImageRow(
            image=name,
            kind=image.sample.kind,
            flawed=not image.sample.is_good,
            score=image.score,
            rejects=len(image.rejects),
            located=image.located,
            true_px=image.true_px,
            true_px_off_web=image.true_px_off_web,
            flaws_off_web=image.flaws_off_web,
            web_px=int(image.web.sum()),
        )
        self.rows.append(row)
        if self.sheet is not None:
            self.sheet.add(image, name)


def kinds(rows: list[ImageRow]) -> list[dict[str, object]]:
    """Return figures by kind of flaw, good images last; ``image_auroc`` compares with all good images."""
    good = [row.score for row in rows if not row.flawed]
    listed: list[dict[str, object]] = []
    for kind in sorted({row.kind for row in rows}, key=lambda kind: (kind == GOOD, kind)):
        own = [row for row in rows if row.kind == kind]
        scores = [row.score for row in own] + good
        truth = [True] * len(own) + [False] * len(good)
        listed.append(
            {
                "kind": kind,
                "images": len(own),
                "rejected": sum(row.rejects > 0 for row in own),
                "located": sum(row.located for row in own),
                "image_auroc": None if kind == GOOD else if_possible(partial(metrics.auroc, truth, scores)),
            }
        )
    return listed


class JudgingLog:
    """The log says every few seconds how many images were begun."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, begun: int, images: int) -> None:
        """Receive the number of images begun."""
        if time.monotonic() - self._last >= PROGRESS_S:
            self._last = time.monotonic()
            say(f"Judging image {begun} of {images}.")


@contextmanager
def results_folder(out: Path | None, data: Path) -> Iterator[Path | None]:
    """Give a folder inside ``out`` to write into; at the end its files move to ``out``, on failure they are removed.

    Raises:
        StationError: ``out`` cannot be written, or lies in the data set.
    """
    if out is None:
        yield None
        return
    if out.resolve().is_relative_to(data.resolve()):
        raise StationError(f"Results would lie in the data set if they were written to {out}; choose another folder.")
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise StationError(f"Results cannot be written to {out} ({error.strerror}); choose another folder.") from error
    try:
        yield unfinished
        for stale in out.glob(SHEETS):
            stale.unlink()
        for file in sorted(unfinished.iterdir()):
            file.replace(out / file.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if is_new and not any(out.iterdir()):
            out.rmdir()
