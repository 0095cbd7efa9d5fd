"""This module parses the options of ``station calibrate``; :mod:`station.commands` does the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from station.cli.options import Home, Json, emit

if TYPE_CHECKING:
    from station.commands.calibrate_source import CameraName, CameraSource
    from station.commands.session import Records

calibrate = typer.Typer(
    help="Calibrates a camera; results are put on record and used by the next roll.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Images = Annotated[Path | None, typer.Option(help="A picture, or a folder of them, instead of the camera.")]
Config = Annotated[Path | None, typer.Option(help="station.toml: the camera that is calibrated.")]
CameraId = Annotated[str | None, typer.Option("--camera", help="The camera's name, where no --config tells it.")]
By = Annotated[str | None, typer.Option(help="Who calibrates; default: your login.")]
Lines = Annotated[int | None, typer.Option(min=64, max=100_000, help="Lines to take from the camera.")]
Chessboard = Annotated[str | None, typer.Option(help="Inner corners per row and column of the board, such as 9x6.")]
SquareMm = Annotated[float | None, typer.Option(min=0.01, max=1000, help="Side of the board's squares.")]


@calibrate.command("shading")
def calibrate_shading(
    images: Images = None,
    config: Config = None,
    dark: Annotated[
        Path | None, typer.Option(help="Pictures with the lens covered; the others then show an even white surface.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write it as JSON file, too.")] = None,
    lines: Lines = None,
    camera: CameraId = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Flat field from a metre or more of good cloth, or from a dark and a white reference."""
    from station.commands import calibrate as commands

    with _opened(images, config, camera, home) as (records, _, source):
        assert source is not None
        if dark is None:
            result = commands.calibrate_shading(records, source, by=_who(by), out=out, lines=lines)
        else:
            result = commands.calibrate_shading_from_references(records, source, dark, by=_who(by), out=out)
    emit(result, as_json)


@calibrate.command("scale")
def calibrate_scale(
    images: Images = None,
    config: Config = None,
    chessboard: Chessboard = None,
    square_mm: SquareMm = None,
    ruler_mm: Annotated[
        float | None, typer.Option(min=0.01, max=1000, help="Distance of the marks of a ruler lying across the web.")
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="PULSES:MM, encoder pulses over a measured length; may be repeated.")
    ] = None,
    pulses_per_line: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="Encoder pulses per line: the camera's trigger divider.")
    ] = None,
    lines: Lines = None,
    camera: CameraId = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Millimetres per pixel: across and along from a chessboard, or across from a ruler and along from the encoder."""
    from station.commands.calibrate import calibrate_scale as calibrate_from

    board = None if chessboard is None else _corners(chessboard)
    if board is not None and ruler_mm is not None:
        raise typer.BadParameter("one target at a time", param_hint="--chessboard, --ruler-mm")
    if (board is None) != (square_mm is None):
        raise typer.BadParameter("a chessboard needs both", param_hint="--chessboard, --square-mm")
    runs = [_run(text) for text in run or ()]
    if bool(runs) != (pulses_per_line is not None):
        raise typer.BadParameter("the encoder needs both", param_hint="--run, --pulses-per-line")
    has_target = board is not None or ruler_mm is not None
    if not has_target and not runs:
        raise typer.BadParameter("name a target or runs of the encoder", param_hint="--chessboard, --ruler-mm, --run")
    if not has_target and images is not None:
        raise typer.BadParameter("say what the pictures show", param_hint="--chessboard, --ruler-mm")
    if not has_target and config is None and camera is None:
        raise typer.BadParameter("say which camera's encoder it is", param_hint="--config, --camera")
    with _opened(images, config, camera, home, target=has_target) as (records, of, source):
        result = calibrate_from(
            records,
            of,
            source,
            by=_who(by),
            chessboard=board,
            square_mm=square_mm,
            ruler_mm=ruler_mm,
            runs=runs,
            pulses_per_line=pulses_per_line,
            lines=lines,
        )
    emit(result, as_json)


@calibrate.command("lens")
def calibrate_lens(
    chessboard: Annotated[str, typer.Option(help="Inner corners per row and column of the board, such as 9x6.")],
    square_mm: Annotated[float, typer.Option(min=0.01, max=1000, help="Side of the board's squares.")],
    images: Annotated[Path, typer.Option(help="Folder of 6 or more pictures of the board, each held otherwise.")],
    config: Config = None,
    camera: CameraId = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """An area camera's distortion."""
    from station.commands.calibrate import calibrate_lens as calibrate_from

    with _opened(images, config, camera, home) as (records, _, source):
        assert source is not None
        result = calibrate_from(records, source, by=_who(by), chessboard=_corners(chessboard), square_mm=square_mm)
    emit(result, as_json)


@calibrate.command("stitching")
def calibrate_stitching(
    left: Annotated[Path, typer.Option(help="Picture of the left camera.")],
    right: Annotated[Path, typer.Option(help="Picture its right neighbour took of the same cloth at the same time.")],
    left_camera: Annotated[str, typer.Option(help="Its name.")] = "left",
    right_camera: Annotated[str, typer.Option(help="Its name.")] = "right",
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Overlap and offset of two neighbouring cameras, for their joint in station.toml."""
    from station.commands.calibrate import calibrate_stitching as calibrate_from
    from station.commands.calibrate_source import open_source
    from station.commands.session import open_records
    from station.settings import home_folder

    sources = open_source(left, None, left_camera), open_source(right, None, right_camera)
    with open_records(home_folder(home)) as records:
        result = calibrate_from(records, *sources, by=_who(by))
    emit(result, as_json)


@calibrate.command("focus")
def calibrate_focus(
    config: Annotated[Path, typer.Option(help="station.toml: the camera to look through.")],
    seconds: Annotated[float | None, typer.Option(min=1, max=86400, help="How long; default: until Ctrl+C.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Focus and exposure once a second while you turn the lens.  An aid: nothing is put on record."""
    from drivers.registry import open_camera
    from station.commands.calibrate_focus import watch_focus
    from station.settings import load_settings

    del home
    emit(watch_focus(open_camera(load_settings(config).camera), seconds), as_json)


@calibrate.command("list")
def list_calibrations(
    camera: Annotated[str | None, typer.Option(help="Of this camera only.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Calibrations on record, newest first."""
    from station.commands.calibrate_list import as_table
    from station.commands.calibrate_list import list_calibrations as listed
    from station.settings import home_folder

    found = listed(home_folder(home), camera)
    emit({"calibrations": found}, as_json, as_table(found))


@contextmanager
def _opened(
    images: Path | None, config: Path | None, camera: str | None, home: Path | None, *, target: bool = True
) -> Iterator[tuple[Records, CameraName, CameraSource | None]]:
    """Open the records, the camera that is calibrated, and pictures of the ``target`` if there is one.  Pictures are
    opened before the records, so that a typing error leaves no home folder behind."""
    from station.commands.calibrate_source import CameraName, open_source
    from station.commands.session import open_records
    from station.settings import home_folder, load_settings

    settings = None if config is None else load_settings(config)
    needed = target or settings is not None
    source = open_source(images, settings, camera) if needed else None
    of = source.of if source is not None else CameraName(camera or "")
    with open_records(home_folder(home or (settings.home if settings else None))) as records:
        yield records, of, source if target else None


def _who(by: str | None) -> str:
    from station.cli.options import person

    return person(by)


def _corners(text: str) -> tuple[int, int]:
    """Parse text such as ``9x6``."""
    found = re.fullmatch(r"(\d{1,3})\s*[x×]\s*(\d{1,3})", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not like 9x6", param_hint="--chessboard")
    return int(found[1]), int(found[2])


def _run(text: str) -> tuple[int, float]:
    """Parse text such as ``12000:1000``, pulses and millimetres."""
    pulses, _, length = text.partition(":")
    try:
        return int(pulses), float(length)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not like 12000:1000", param_hint="--run") from None
