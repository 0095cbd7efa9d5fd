"""This module parses the options of the commands that move records: a home by backup, a recipe by bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli.options import Home, Json, emit, person


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, best on another disk.")],
    with_recordings: Annotated[
        bool, typer.Option("--with-recordings", help="Recordings of cloth too, which are large.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copies a home as a whole while its station runs, and reads the copy back."""
    from station.commands.moving import make_backup
    from station.commands.session import say
    from station.settings import home_folder

    emit(make_backup(home_folder(home), folder, say, with_recordings=with_recordings), as_json)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="A home that has records is replaced; they are kept in a folder in it.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Brings a backup back, on the same or another computer, once every file of it is found to be whole."""
    from station.commands.moving import restore_backup
    from station.commands.session import say
    from station.settings import home_folder

    emit(restore_backup(folder, home_folder(home), say, replace=replace), as_json)


def export_recipe(
    fabric: Annotated[str, typer.Argument(help="Name of the fabric.")],
    file: Annotated[Path, typer.Argument(help="The file to write: the recipe and its model.")],
    version: Annotated[int | None, typer.Option(min=1, help="Which version; default: the newest.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Writes a fabric's recipe with its model to one file, for another station."""
    from station.commands.moving import export_to
    from station.settings import home_folder

    emit(export_to(home_folder(home), fabric, file, version), as_json)


def import_recipe(
    file: Annotated[Path, typer.Argument(help="A file that `station export-recipe` made.")],
    fabric: Annotated[str | None, typer.Option(help="What the fabric is called here; default: as there.")] = None,
    by: Annotated[str | None, typer.Option(help="Who imports it; default: your login.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Takes a recipe with its model from another station, as the next version of its fabric."""
    from station.commands.moving import import_from
    from station.commands.session import open_records
    from station.settings import home_folder

    who = person(by)
    with open_records(home_folder(home)) as records:
        result = import_from(records.store, file, who, fabric)
    emit(result, as_json)
