"""This module takes a recipe with its model from one station to another."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from model.checkpoint import read_metadata
from station.recipe import Recipe
from station.recipe.names import NameFault, fabric_name
from station.records.history import History
from station.records.model_files import checked_model, keep_model
from station.records.moving.bundle import read_bundle, write_bundle
from station.records.rows import RecordsError
from station.records.store import Store


def export_recipe(history: History, fabric: str, file: Path, version: int | None = None) -> Recipe:
    """Write one version of a fabric's recipe (default: the newest) and its model to a bundle; return the recipe.

    Raises:
        RecordsError: there is no such recipe, its model is missing or damaged, or the file cannot be written.
    """
    recipe = history.recipe(fabric, version)
    model = checked_model(history, recipe.model_sha256)
    try:
        write_bundle(file, recipe, model)
    except OSError as error:
        raise RecordsError(f"The recipe bundle {file} cannot be written: {error.strerror or error}.") from error
    return recipe


def import_recipe(store: Store, file: Path, by: str, *, fabric: str | None = None) -> Recipe:
    """Put the recipe of a bundle on record as the next version of its fabric, and its model; return the recipe.

    Args:
        by: who asks, for the audit.
        fabric: what the fabric is called here; default: as in the bundle.

    Raises:
        RecordsError: the bundle is refused, and nothing was changed; or the records refuse.
    """
    try:
        name = None if fabric is None else fabric_name(fabric)
        with TemporaryDirectory(prefix=".import-", dir=store.home) as scratch:
            recipe, model = read_bundle(file, Path(scratch))
            facts = {key: value for key, value in read_metadata(model).items() if key != "encoder"}
            keep_model(store, model, facts)
    except NameFault as fault:
        raise RecordsError(str(fault)) from fault
    except OSError as error:
        raise RecordsError(f"The recipe bundle {file} could not be taken in: {error.strerror or error}.") from error
    wanted = recipe if name is None else recipe.model_copy(update={"fabric": name})
    why = f"imported from {file.name}: version {recipe.version} of {recipe.fabric}, model {recipe.model_sha256}"
    return store.save_recipe(wanted, by, why)
