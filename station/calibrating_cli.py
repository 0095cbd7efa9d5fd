"""``station calibrate``: options parsed here, work done in :mod:`station.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli_parts import Home, Json, emit

calibrate = typer.Typer(
    help="Calibrates a camera.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@calibrate.command("shading")
def calibrate_shading(
    images: Annotated[Path, typer.Option(help="Folder of pictures of good cloth, 1000 lines or more in all.")],
    out: Annotated[Path, typer.Option(help="JSON file to write; name it as shading in station.toml.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Flat field from good cloth: evens out what lens and lamp do across the picture."""
    from station.commands.calibrate import calibrate_shading as calibrate_from

    del home
    emit(calibrate_from(folder=images, out=out), as_json)
