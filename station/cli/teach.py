"""This module parses the options of ``station teach`` and ``station rejudge``; the commands do the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli.options import (
    AllGood,
    Colour,
    Device,
    EncoderName,
    Home,
    Json,
    MetresSpan,
    Minutes,
    Seed,
    Web,
    Weights,
    emit,
    metres_span,
    recipe_named,
)
from station.recipe.names import RecipeNamed
from station.teaching.request import TeachRequest


def teach(
    fabric: Annotated[str, typer.Argument(help="Name of the fabric.")],
    images: Annotated[Path | None, typer.Option(help="Folder of pictures of good cloth.")] = None,
    recording: Annotated[Path | None, typer.Option(help="Good cloth from a recording, instead.")] = None,
    metres: Annotated[
        MetresSpan | None,
        typer.Option(parser=metres_span, metavar="A-B", help="Which metres of the recording; default: all."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="station.toml, for --live.")] = None,
    live: Annotated[
        float | None, typer.Option(min=0.5, max=1000, help="Good cloth from the camera itself: so many metres.")
    ] = None,
    encoder: EncoderName = TeachRequest.encoder,
    weights: Weights = TeachRequest.weights,
    mm_per_px: Annotated[
        float | None, typer.Option(min=0.001, max=100, help="Scale; sizes are in px without.")
    ] = TeachRequest.mm_per_px,
    false_alarms_per_100_m: Annotated[
        float | None, typer.Option(min=0.01, max=1000, help="Wanted at most, for the threshold; needs --mm-per-px.")
    ] = None,
    web: Web = None,
    all_good: AllGood = False,
    colour: Colour = "auto",
    minutes: Minutes = TeachRequest.minutes,
    seed: Seed = TeachRequest.seed,
    device: Device = TeachRequest.device,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Teach-in on good cloth: writes a model and a recipe version."""
    from contextlib import ExitStack

    from station.commands.good_cloth import cloth_at_camera, cloth_in_folder, cloth_in_recording
    from station.commands.session import open_records
    from station.commands.teach import teach_fabric, with_fabric_name
    from station.settings import home_folder, load_settings

    if sum(one is not None for one in (images, recording, live)) != 1:
        raise typer.BadParameter("give one of --images, --recording and --live", param_hint="--images")
    if metres is not None and recording is None:
        raise typer.BadParameter("they are counted along a recording: give --recording", param_hint="--metres")
    if (live is None) is not (config is None):
        raise typer.BadParameter("the camera is that of a station.toml: give both", param_hint="--live, --config")
    if false_alarms_per_100_m is not None and mm_per_px is None and images is not None:
        raise typer.BadParameter("metres need a scale: give --mm-per-px", param_hint="--false-alarms-per-100-m")
    request = TeachRequest(
        fabric=fabric,
        encoder=encoder,
        weights=weights,
        mm_per_px=mm_per_px,
        false_alarms_per_100_m=false_alarms_per_100_m or TeachRequest.false_alarms_per_100_m,
        minutes=minutes,
        seed=seed,
        device=device,
        web=web,
    )
    settings = None if config is None else load_settings(config)
    place = home_folder(home or (settings.home if settings else None))
    with open_records(place) as records, ExitStack() as stack:
        request = with_fabric_name(request)
        in_grey = colour == "grey"
        if images is not None:
            cloth = cloth_in_folder(images, request, all_good=all_good, in_grey=in_grey)
        elif recording is not None:
            span = None if metres is None else metres.both
            cloth = cloth_in_recording(records, recording, request, span, in_grey=in_grey)
        else:
            assert settings is not None
            assert live is not None
            cloth = stack.enter_context(cloth_at_camera(records, settings, request, live, in_grey=in_grey))
        emit(teach_fabric(records, cloth), as_json)


def rejudge(
    recording: Annotated[Path, typer.Argument(help="A recording of cloth.")],
    recipe: Annotated[
        RecipeNamed,
        typer.Option(parser=recipe_named, metavar="FABRIC:VERSION", help="The recipe version that judges it again."),
    ],
    against: Annotated[
        RecipeNamed | None,
        typer.Option(
            parser=recipe_named,
            metavar="FABRIC:VERSION",
            help="Compare with what this version says, instead of with what is on record of the roll.",
        ),
    ] = None,
    device: Device = "auto",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judges recorded cloth again by a recipe version, and compares; nothing is written to the records."""
    from station.commands.recordings.rejudge import judge_again
    from station.commands.session import open_records
    from station.settings import home_folder

    with open_records(home_folder(home)) as records:
        emit(judge_again(records, recording, recipe, against, device=device), as_json)
