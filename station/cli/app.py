"""This module is the ``station`` command: it puts the program together, and it alone may import the window."""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

# Two cores are shared by line, renderer and screen: threads that spin while they wait would starve the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# On a line's small pictures OpenCV's own threads take twice the processor time and finish no sooner.
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

import typer

from station.cli.audit import audit
from station.cli.calibrate import calibrate
from station.cli.moving import backup, export_recipe, import_recipe, restore
from station.cli.options import AllGood, Colour, Home, Json, Web, emit
from station.cli.people import people
from station.cli.recipe import recipe
from station.cli.report import report, rolls
from station.contract import StationError
from station.teaching.request import TeachRequest


class _App(typer.Typer):
    """The app runs a command and leaves ``sys.excepthook`` to the last resort; Typer's own class would take it over."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the command line names."""
        return typer.main.get_command(self)(*args, **kwargs)


app = _App(
    name="station",
    help="Fabric inspection station: watches woven cloth, finds defects, keeps an honest record of every metre.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(calibrate, name="calibrate")
app.add_typer(audit, name="audit")
app.add_typer(people, name="people")
for command in (recipe, report, rolls, backup, restore, export_recipe, import_recipe):
    app.command()(command)

Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
Minutes = Annotated[float, typer.Option(min=0.5, max=600, help="Bounds the teach-in, all in.")]
EncoderName = Annotated[str, typer.Option(help="light or vgg16.")]
Weights = Annotated[Path | None, typer.Option(help="Trunk weights: a torchvision-named VGG16 state dict.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, openvino or torch.")]


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="No window; run until --metres are inspected.")] = False,
    metres: Annotated[float | None, typer.Option(min=0.1, max=100_000, help="Cloth to play (headless: 10).")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.1, max=500, help="m/min. Headless default: as fast as the machine allows.")
    ] = None,
    seed: Seed = 0,
    fault: Annotated[list[str] | None, typer.Option(help="Play a fault of the rig; may be repeated.")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Save the window as PNG after --after seconds, quit.")] = None,
    after: Annotated[float | None, typer.Option(min=0, max=3600, help="Seconds from the first live picture.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Simulated rig with the shipped fabric: in a window, or headless."""
    from station.commands.run import run_demo
    from station.commands.session import open_records
    from station.settings import home_folder

    if screenshot is not None and headless:
        raise typer.BadParameter("there is no window to save with --headless", param_hint="--screenshot")
    if after is not None and screenshot is None:
        raise typer.BadParameter("it says when to save the window, so it needs --screenshot", param_hint="--after")
    if not headless:
        require_display()
    with open_records(home_folder(home)) as records:
        result = run_demo(
            records,
            metres=metres,
            speed_m_per_min=speed,
            seed=seed,
            faults=tuple(fault or ()),
            window=None if headless else open_window,
            screenshot=screenshot,
            after_s=after,
        )
        emit(result, as_json)  # also if the records then say that something is missing from them


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="station.toml")],
    headless: Annotated[bool, typer.Option("--headless", help="No window; until the cloth ends or Ctrl+C.")] = False,
    web: Web = None,
    scan: Annotated[
        str | None, typer.Option(help="Text of the first roll's label, split as label.pattern in station.toml says.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The real station, as station.toml says."""
    from station.commands.run import run_station
    from station.commands.session import open_records
    from station.settings import home_folder, load_settings

    settings = load_settings(config)
    if not headless:
        require_display()
    with open_records(home_folder(home or settings.home), settings.records.spill) as records:
        result = run_station(records, settings, None if headless else open_window, web, scan)
        emit(result, as_json)  # also if the records then say that something is missing from them


@app.command()
def record(
    config: Annotated[Path, typer.Option(help="station.toml")],
    out: Annotated[
        Path | None, typer.Option(help="New folder for it; default: one in the folder of recordings.")
    ] = None,
    max_gb: Annotated[
        float | None, typer.Option(min=0.1, help="Then the oldest cloth is dropped first; default 20.")
    ] = None,
    metres: Annotated[float | None, typer.Option(min=0.1, help="How much cloth; default: until Ctrl+C.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="How long.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Saves a camera's cloth losslessly, to be played again by a camera of kind "recorded"."""
    from station.commands.record import record_cloth
    from station.settings import home_folder, load_settings

    settings = load_settings(config)
    place = home_folder(home or settings.home)
    emit(record_cloth(settings, place, out=out, max_gb=max_gb, metres=metres, seconds=seconds), as_json)


@app.command()
def teach(
    fabric: Annotated[str, typer.Argument(help="Name of the fabric.")],
    images: Annotated[Path, typer.Option(help="Folder of pictures of good cloth.")],
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
    from station.commands.session import open_records
    from station.commands.teach import teach_fabric
    from station.settings import home_folder

    if false_alarms_per_100_m is not None and mm_per_px is None:
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
    with open_records(home_folder(home)) as records:
        result = teach_fabric(records, request, images, all_good=all_good, in_grey=colour == "grey")
    emit(result, as_json)


@app.command()
def inspect(
    fabric: Annotated[str, typer.Option(help="A taught fabric.")],
    images: Annotated[Path, typer.Option(help="Folder of pictures, played as a camera in natural name order.")],
    maps: Annotated[Path | None, typer.Option(help="Write each image's anomaly map (.npy, 0.5 = threshold).")] = None,
    web: Web = None,
    device: Device = "auto",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Plays a folder through the live line into a roll."""
    from station.commands.run import inspect_folder
    from station.commands.session import open_records
    from station.settings import home_folder

    with open_records(home_folder(home)) as records:
        result = inspect_folder(records, fabric=fabric, folder=images, maps=maps, device=device, web=web)
        emit(result, as_json)  # also if the records then say that something is missing from them
    if result["broken_off"]:
        raise KeyboardInterrupt
    if unread := result["images_uninspected"]:
        raise StationError(f"{unread} of {result['images']} images could not be read and were not inspected.")


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="Folder of the data set, as it was published.")],
    layout: Annotated[str, typer.Option(help="mvtec, mvtec_ad2, visa, btad, aitex or kolektor_sdd2.")] = "mvtec",
    fabric: Annotated[
        str | None, typer.Option("--fabric", "--object", help="Which of the fabrics or objects that DATA holds.")
    ] = None,
    encoder: EncoderName = TeachRequest.encoder,
    weights: Weights = TeachRequest.weights,
    minutes: Minutes = TeachRequest.minutes,
    seed: Seed = TeachRequest.seed,
    device: Device = TeachRequest.device,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json (every image) and the contact sheet as pictures.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Teach on a data set's good part, test on the rest, print the metrics.  Leaves nothing in the home folder."""
    from station.commands.evaluate import Evaluation
    from station.commands.evaluate import evaluate as evaluate_data
    from station.commands.evaluation_table import as_table

    del home
    teaching = TeachRequest("evaluated", encoder=encoder, weights=weights, minutes=minutes, seed=seed, device=device)
    result = evaluate_data(Evaluation(data, layout, fabric, teaching, out))
    emit(result, as_json, as_table(result))


@app.command()
def cameras(home: Home = None, as_json: Json = False) -> None:
    """Which cameras are there."""
    from drivers.registry import list_cameras

    del home
    found = list_cameras()
    emit({"cameras": found}, as_json, "\n".join("  ".join(str(v) for v in camera.values()) for camera in found))


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Is this machine fit.  Exit 1 if a check failed."""
    from station.commands.doctor import doctor as examine
    from station.settings import home_folder

    checks = examine(home_folder(home))
    text = "\n".join(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['name']:12} {check['detail']}" for check in checks)
    emit({"checks": checks}, as_json, text)
    failed = [str(check["name"]) for check in checks if not check["ok"]]
    if failed:
        raise StationError(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}.")


@app.command()
def bench(
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Length of one interleaved pair.")] = 10.0,
    pairs: Annotated[int, typer.Option(min=1, max=100)] = 5,
    encoder: EncoderName = "light",
    weights: Weights = None,
    seed: Seed = 0,
    device: Device = "auto",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """How fast: the whole line against the bare model, on pre-rendered cloth."""
    from station.commands.bench.measure import bench as measure

    del home
    emit(measure(seconds, pairs, seed, device, encoder, weights), as_json)


def require_display() -> None:
    """Check that there is a display, and load Qt, before anything is opened.  Raises StationError if there is none."""
    from station.display import has_display

    if not has_display():
        named = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        lacks = f"display {named}, which cannot be reached" if named else "no display"
        raise StationError(f"This machine has {lacks}, so no window can be opened; add --headless.")
    # Before any thread runs: Qt looks through all modules when it is imported, and the program would abort if a thread
    # of the line imported one meanwhile.
    import ui.app  # noqa: F401


def open_window(*args: Any) -> int:
    """Open the window of :mod:`ui.app`, which is imported only here and only when a window is wanted."""
    from ui.app import run_window

    station, store, history, screenshot, after_s = args
    return run_window(station, store, history, screenshot=screenshot, after_s=after_s)


def main() -> NoReturn:
    """Run the program: a fault of input or environment becomes one sentence and exit 1, wrong usage exit 2, a signal
    128 and its number."""
    from station import last_resort
    from station.shutdown import end_process, take_signals

    code = 1
    take_signals()
    if isinstance(sys.stdout, TextIOWrapper):  # a name in a script that the terminal or pipe has no signs for
        sys.stdout.reconfigure(errors="backslashreplace")
    with last_resort.installed():
        try:
            app()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            code = 130
        except Exception as error:
            say_why(error)
        end_process(code)


def say_why(error: Exception) -> None:
    """Say in one sentence what ended the command; for a bug print its traceback first, unless the log has it."""
    from station.bugs import is_bug, is_logged, reason

    if is_bug(error) and not is_logged(error):
        traceback.print_exc()
    print(f"station: {' '.join(reason(error).split())}", file=sys.stderr)
