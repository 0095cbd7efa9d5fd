"""This module does what moves records: ``station backup`` and ``restore``, ``export-recipe`` and ``import-recipe``."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from station.recipe import Recipe
from station.recording.recorder import be_nice
from station.records.moving.backup import Moved, Progress, back_up
from station.records.moving.restore import restore
from station.records.reading.home import open_history
from station.records.store import Store

PROGRESS_S = 5.0


def make_backup(home: Path, folder: Path, say: Progress, *, with_recordings: bool) -> dict[str, object]:
    """Back a home up, at low priority as its station may run; return the figures for JSON.  Raises RecordsError."""
    progress = _Sometimes(say)
    with ThreadPoolExecutor(1, "backup", be_nice) as pool:
        work = pool.submit(back_up, home, folder, with_recordings=with_recordings, progress=progress)
        try:
            return _figures(work.result(), say)
        finally:
            progress.is_cancelled = not work.done()


def restore_backup(folder: Path, home: Path, say: Progress, *, replace: bool) -> dict[str, object]:
    """Bring a backup back into a home and return the figures for JSON.  Raises RecordsError."""
    return _figures(restore(folder, home, replace=replace, progress=_Sometimes(say)), say)


def export_to(home: Path, fabric: str, file: Path, version: int | None) -> dict[str, object]:
    """Write a recipe and its model to a file, from records that are only read.  Raises RecordsError."""
    from station.records.moving.recipes import export_recipe  # loads torch

    with open_history(home) as history:
        return _named(export_recipe(history, fabric, file, version))


def import_from(store: Store, file: Path, by: str, fabric: str | None) -> dict[str, object]:
    """Take a recipe and its model from a file.  Raises RecordsError."""
    from station.records.moving.recipes import import_recipe

    return _named(import_recipe(store, file, by, fabric=fabric))


def _named(recipe: Recipe) -> dict[str, object]:
    return {"fabric": recipe.fabric, "version": recipe.version, "model_sha256": recipe.model_sha256}


def _figures(moved: Moved, say: Progress) -> dict[str, object]:
    for note in moved.notes:
        say(note)
    figures = asdict(moved)
    del figures["notes"]
    return figures


class _Sometimes:
    """It passes on a word of progress at most every five seconds, and ends what tells it once that is cancelled."""

    def __init__(self, say: Progress) -> None:
        self._say = say
        self._last = time.monotonic()
        self.is_cancelled = False

    def __call__(self, text: str) -> None:
        """Say it, unless something was said less than five seconds ago.  Raises KeyboardInterrupt once cancelled."""
        if self.is_cancelled:
            raise KeyboardInterrupt
        if time.monotonic() - self._last >= PROGRESS_S:
            self._last = time.monotonic()
            self._say(f"{text[0].upper()}{text[1:]}")
