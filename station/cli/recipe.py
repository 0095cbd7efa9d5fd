"""This module parses the options of ``station recipe``, which shows a fabric's recipe and changes what people may set
in it."""

from __future__ import annotations

from typing import Annotated

import typer

from station.cli.options import Home, Json, Web, emit, person


def recipe(
    fabric: Annotated[str, typer.Argument(help="Name of the fabric.")],
    exposure_us: Annotated[float | None, typer.Option(help="Exposure this fabric needs.")] = None,
    gain_db: Annotated[float | None, typer.Option(help="Gain this fabric needs.")] = None,
    min_length: Annotated[
        float | None, typer.Option(min=0, help="Least size of a reject: mm, px without a scale; 0: any.")
    ] = None,
    tell_differing: Annotated[
        bool | None,
        typer.Option(
            "--tell-differing/--no-tell-differing",
            help="Whether a web that differs as a whole from what was taught is told.",
            show_default="as it is",
        ),
    ] = None,
    web: Web = None,
    width: Annotated[
        float | None, typer.Option(min=0, help="Nominal width of the cloth in mm, selvedges included; 0: not judged.")
    ] = None,
    width_tolerance: Annotated[
        float | None, typer.Option(min=0, help="By how much the width may differ from it, in mm.")
    ] = None,
    looks: Annotated[
        str | None,
        typer.Option(
            metavar="fine,broad,long",
            help="Looks that are on from now on, fine always among them; the others that were taught are off.",
        ),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Grading rule of its rolls; four-point: the one that station.toml names.")
    ] = None,
    as_station: Annotated[
        bool, typer.Option("--as-station", help="First forget what it asked for: the camera is as station.toml says.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who changes it; default: your login.")] = None,
    why: Annotated[str, typer.Option(help="Why, for the record.")] = "settings by command",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The newest recipe of a fabric; with settings: a new version that has them."""
    from station.commands.recipe import change_recipe, newest_recipe
    from station.commands.session import open_records
    from station.settings import home_folder

    overrides = {
        name: value for name, value in (("exposure_us", exposure_us), ("gain_db", gain_db)) if value is not None
    }
    who = person(by)
    changes = {
        name: value
        for name, value in (
            ("min_length_mm", min_length),
            ("tells_differing", tell_differing),
            ("web", web),
            ("grading_rule", rule),
            ("nominal_width_mm", width),
            ("width_tolerance_mm", width_tolerance),
        )
        if value is not None
    }
    if not overrides and not as_station and not changes and looks is None:
        emit(newest_recipe(home_folder(home), fabric), as_json)
        return
    with open_records(home_folder(home)) as records:
        result = change_recipe(records, fabric, overrides, changes, looks=looks, forget=as_station, by=who, why=why)
    emit(result, as_json)
