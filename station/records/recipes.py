"""This module writes fabrics, models and recipe versions inside a write transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from station.recipe import NO_DECISION, Recipe
from station.records import audit
from station.records.rows import RecordsError
from station.records.schema import FabricTable, ModelTable, RecipeTable, now


class SupersededError(RecordsError):
    """The change was based on a recipe version that is no longer the newest."""


def fabric_row(session: Session, name: str) -> FabricTable:
    """Return the fabric's row; add it if it is missing."""
    row = session.scalar(select(FabricTable).where(FabricTable.name == name))
    if row is None:
        row = FabricTable(name=name, created_at=now())
        session.add(row)
        session.flush()
    return row


def model_row(session: Session, sha256: str) -> ModelTable:
    """Return the model's row; add it if it is missing."""
    row = session.get(ModelTable, sha256)
    if row is None:
        row = ModelTable(sha256=sha256, metadata_json="{}", created_at=now())
        session.add(row)
        session.flush()
    return row


def recipe_row(session: Session, recipe: Recipe, by: str, why: str) -> RecipeTable:
    """Return the row of exactly this recipe; add it if it is missing.  Raises RecordsError if another recipe has its
    version."""
    fabric = fabric_row(session, recipe.fabric)
    query = select(RecipeTable).where(RecipeTable.fabric_id == fabric.id, RecipeTable.version == recipe.version)
    row = session.scalar(query)
    if row is None:
        return add_recipe(session, fabric, recipe, by, why)
    try:
        on_record = Recipe.model_validate_json(row.body)
    except ValueError:
        raise RecordsError(
            f"Row {row.id} of table recipe_version is spoilt: its body is no recipe; save version {recipe.version} of "
            f"{recipe.fabric} as a new one."
        ) from None
    if on_record != recipe:
        raise RecordsError(
            f"Another recipe is on record as version {recipe.version} of {recipe.fabric}; save this one as a new one."
        )
    return row


def add_recipe(session: Session, fabric: FabricTable, recipe: Recipe, by: str, why: str) -> RecipeTable:
    """Write a recipe version and its audit row.  Raises RecordsError if it has no threshold: that is a draft."""
    if recipe.threshold == NO_DECISION:
        raise RecordsError(
            f"The recipe of {recipe.fabric} has no threshold yet and would let everything pass; set one."
        )
    model_row(session, recipe.model_sha256)
    row = RecipeTable(
        fabric_id=fabric.id,
        version=recipe.version,
        model_sha256=recipe.model_sha256,
        threshold=recipe.threshold,
        mm_per_px=recipe.mm_per_px,
        body=recipe.model_dump_json(),
        created_at=now(),
        created_by=by,
        why=why,
    )
    session.add(row)
    session.flush()
    query = select(RecipeTable.body).where(RecipeTable.fabric_id == fabric.id, RecipeTable.version < recipe.version)
    old = session.scalar(query.order_by(RecipeTable.version.desc()).limit(1)) or ""
    audit.append(session, "recipe saved", old, row.body, by, why)
    return row


def next_recipe(session: Session, recipe: Recipe, by: str, why: str, based_on: int | None = None) -> Recipe:
    """Write a recipe as the next version of its fabric and return it with that version.

    Raises:
        SupersededError: a version newer than ``based_on`` is on record.
    """
    fabric = fabric_row(session, recipe.fabric)
    newest = session.scalar(select(func.max(RecipeTable.version)).where(RecipeTable.fabric_id == fabric.id))
    if based_on is not None and newest is not None and newest > based_on:
        raise SupersededError(f"Version {newest} of {recipe.fabric} was saved meanwhile; look at it and try again.")
    saved = recipe.model_copy(update={"version": (newest or 0) + 1})
    add_recipe(session, fabric, saved, by, why)
    return saved


def set_model(session: Session, sha256: str, path: str, metadata: Mapping[str, Any], by: str, why: str) -> None:
    """Write the path of a model and its metadata."""
    row = model_row(session, sha256)
    old = row.file or ""
    row.file = path
    row.metadata_json = json.dumps(dict(metadata), sort_keys=True, default=str)
    audit.append(session, "model added", old, f"{sha256} {path}", by, why)
