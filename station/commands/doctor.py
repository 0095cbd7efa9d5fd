"""This module checks if this machine is fit to be a station: one check per possible fault, each with its remedy."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from drivers.registry import list_cameras
from model.checkpoint import load
from model.durable import make_private
from model.runtime import Runtime
from station import demo
from station.commands.audit import as_text, verify_audit
from station.commands.bench.measure import model_rate
from station.commands.bench.precisions import MM_PER_PX, WEB_M, Precisions, measure_precisions
from station.commands.session import open_records
from station.display import has_display
from station.grading.shelf import Shelf
from station.line.pace import fastest_m_per_min
from station.recipe import Recipe
from station.records.history import History
from station.records.model_files import checked_model
from station.records.read_only import NoRecords
from station.records.rows import RollFilter

MIN_FREE_GB = 2.0
MIN_MEMORY_GB = 4.0
PACE_S = 1.5
"""The model is timed for so long."""

Facts = dict[str, object]
Check = Callable[[], str | tuple[str, Facts]]
"""A check returns its finding in words, and further keys of its JSON where it has any."""


class CheckFailed(Exception):  # noqa: N818 - a finding, not an error
    """The check failed; the message says what is wrong and the remedy."""


def doctor(home: Path) -> list[dict[str, object]]:
    """Run all checks of this machine; each result has ``name``, ``ok`` and ``detail``, ``precision`` more."""
    checks: dict[str, Check] = {
        "python": _python,
        "packages": _packages,
        "processor": _processor,
        "memory": _memory,
        "accelerator": _accelerator,
        "home": lambda: _home(home),
        "disk": lambda: _disk(home),
        "audit": lambda: _audit(home),  # before the records are opened, which creates and upgrades them
        "records": lambda: _records(home),
        "rules": lambda: _rules(home),
        "model": _model,
        "precision": _precision,
        "pace": lambda: _pace(home),
        "cameras": _cameras,
        "display": _display,
    }
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Check) -> dict[str, object]:
    try:
        found = check()
        detail, facts = found if isinstance(found, tuple) else (found, {})
        return {"name": name, "ok": True, "detail": detail, **facts}
    except Exception as error:  # a check that fails by itself is a finding, too
        return {"name": name, "ok": False, "detail": str(error) or type(error).__name__}


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        raise CheckFailed(f"Python {platform.python_version()}; the station needs 3.11 or 3.12")
    return f"Python {platform.python_version()} on {platform.platform()}"


def _packages() -> str:
    names = ("torch", "openvino", "cv2", "sqlalchemy", "PySide6", "pypylon.pylon")
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name} ({error})")
    if missing:
        raise CheckFailed("cannot be imported: " + ", ".join(missing) + "; reinstall the station")
    return f"all of {', '.join(names)}"


def _processor() -> str:
    cores = os.cpu_count() or 1
    if cores < 2:
        raise CheckFailed("1 core; the line needs at least 2")
    return f"{cores} cores, {torch.backends.cpu.get_cpu_capability()}"


def _memory() -> str:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "not measured on this system"
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if gigabytes < MIN_MEMORY_GB:
        raise CheckFailed(f"{gigabytes:.1f} GiB; at least {MIN_MEMORY_GB:.0f} are needed")
    return f"{gigabytes:.0f} GiB"


def _accelerator() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return "no CUDA device; the processor does the work"


def _home(home: Path) -> str:
    make_private(home)
    probe = home / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise CheckFailed(f"{home} cannot be written: {error.strerror}; choose another with --home") from None
    return str(home)


def _disk(home: Path) -> str:
    folder = home if home.exists() else home.parent
    free = shutil.disk_usage(folder).free / 2**30
    if free < MIN_FREE_GB:
        raise CheckFailed(f"{free:.1f} GiB free; rejects need room, at least {MIN_FREE_GB:.0f} GiB")
    return f"{free:.0f} GiB free"


def _audit(home: Path) -> str:
    try:
        check = verify_audit(home)
    except NoRecords:
        return "nothing on record yet"
    if not check.ok:
        raise CheckFailed(as_text(check, home))
    return as_text(check, home)


def _records(home: Path) -> str:
    with open_records(home) as records:
        fabrics = records.history.fabrics()
    return f"station.db, {len(fabrics)} fabrics"


def _rules(home: Path) -> str:
    shelf = Shelf(home)
    if shelf.faults:
        raise CheckFailed(" ".join(shelf.faults))
    return f"{len(shelf.rules)} grading rules can be read"


def _model() -> str:
    network, recipe = demo.shipped_model()
    runtime = Runtime(network)
    try:
        started = time.perf_counter()
        runtime.infer(np.zeros((1, runtime.tile_px, runtime.tile_px), np.uint8))
        milliseconds = 1000 * (time.perf_counter() - started)
        return f"{recipe.encoder} on {runtime.device}, {runtime.precision}, {milliseconds:.0f} ms a tile"
    finally:
        runtime.close()


def _precision() -> tuple[str, Facts]:
    found = measure_precisions(PACE_S)
    return precision_told(found), precision_facts(found)


def precision_told(found: Precisions) -> str:
    """Say which precision is the fastest that is proven and what it keeps up with; what else was tried and why not."""
    best = found.fastest
    told = (
        f"{best.precision} on {best.device} is the fastest proven: {best.tiles_per_second:.0f} tiles/s with all looks, "
        f"up to {best.m_per_min:.3g} m/min for a web of {WEB_M:g} m at {MM_PER_PX:g} mm"
    )
    for one in found.paces:
        if one is not best:
            apart = "" if one.is_proven else f", but scores differ from f32's by up to {one.largest:.2g}"
            told += f"; {one.precision} {one.tiles_per_second:.0f} tiles/s{apart}"
    if found.chosen != best.precision:
        told += f"; 'auto' takes {found.chosen}: set precision = \"{best.precision}\" in station.toml"
    return told


def precision_facts(found: Precisions) -> Facts:
    """Return the same for JSON, units in names; differences are in raw scores."""
    best = found.fastest
    return {
        "device": best.device,
        "precision": best.precision,
        "tiles_per_second": best.tiles_per_second,
        "m_per_min": best.m_per_min,
        "web_m": WEB_M,
        "mm_per_px": MM_PER_PX,
        "auto": found.chosen,
        "precisions": [asdict(one) | {"proven": one.is_proven} for one in found.paces],
    }


def _pace(home: Path) -> str:
    """Say how fast this machine can go for each fabric with a scale.

    Models of one encoder with as many looks are equally fast.
    """
    rates: dict[tuple[str, int, int], float] = {}
    told = []
    with open_records(home) as records:
        for recipe in map(records.history.recipe, records.history.fabrics()):
            web_px = _web_px(recipe, records.history)
            if recipe.mm_per_px is None or web_px is None:
                why = "no scale" if recipe.mm_per_px is None else "its width is known after its first roll"
                told.append(f"{recipe.fabric}: not known, {why}")
                continue
            channels = recipe.cloth.channels if recipe.cloth else 1
            kind = recipe.encoder, channels, len(recipe.broad)
            if kind not in rates:
                rates[kind] = _rate(checked_model(records.history, recipe.model_sha256), channels)
            rate = rates[kind]
            fastest = fastest_m_per_min(rate, web_px, recipe.overlap_px, recipe.scale_along)
            width_m = web_px * recipe.mm_per_px / 1000
            told.append(f"{recipe.fabric}: up to {fastest:.3g} m/min at {width_m:.2f} m width")
    return "; ".join(told) or "no fabric is taught yet"


def _web_px(recipe: Recipe, history: History) -> int | None:
    """Return the width of a fabric's web, at teach-in or else on its last roll; None where neither is known."""
    if recipe.cloth is not None:
        return recipe.cloth.web_right_px - recipe.cloth.web_left_px
    widths = [roll.web_width_px for roll in history.rolls(RollFilter(fabric=recipe.fabric, limit=1))]
    return round(widths[0]) if widths and widths[0] is not None else None


def _rate(model: Path, channels: int) -> float:
    runtime = Runtime(load(model))
    try:
        return model_rate(runtime, channels, PACE_S)
    finally:
        runtime.close()


def _cameras() -> str:
    return ", ".join(str(camera["name"]) for camera in list_cameras())


def _display() -> str:
    if has_display():
        return os.environ.get("QT_QPA_PLATFORM") or "present"
    raise CheckFailed("no display; only the --headless commands work")
