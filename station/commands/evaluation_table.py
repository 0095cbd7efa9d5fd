"""This module formats the figures of an evaluation as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.scorer import TILE_PX
from station.evaluation.datasets.dataset import GOOD

TILE = f"tile of {TILE_PX} px"


def heading(result: Mapping[str, Any], name: str) -> str:
    """Return data set, encoder and the main figures in one line."""
    fabric = "" if result["fabric"] is None else f" {result['fabric']}"
    return (
        f"{name}{fabric} ({result['layout']}), encoder {result['encoder']}, seed {result['seed']}: "
        f"tile AUROC {_figure(result['tile_auroc'])}, pixel AP {_figure(result['pixel_ap'])}; rejected "
        f"{_percent(result['detection_rate'])} of flawed and {_percent(result['false_alarm_rate'])} of good images"
    )


def as_table(result: Mapping[str, Any]) -> str:
    """Return the figures as a table for a terminal."""
    fabric = "" if result["fabric"] is None else f", fabric {result['fabric']}"
    wide = max(len(TILE), *(len(kind["kind"]) for kind in result["kinds"]))
    lines = [
        f"Layout {result['layout']}{fabric}; encoder {result['encoder']}, {result['device']} {result['precision']}, "
        f"seed {result['seed']}",
        f"Taught on {result['taught_images']} images ({result['taught_tiles']} tiles) "
        f"in {result['teach_seconds']:.0f} s; {result['images']} images judged at "
        f"{result['tiles_per_second']:.0f} tiles/s, {result['images_left_out']} left out, "
        f"{result['images_without_cloth']} without cloth in sight",
        "",
        f"{'kind of flaw':{wide}}  images  rejected  located  image AUROC",
    ]
    for kind in result["kinds"]:
        located = "–" if kind["kind"] == GOOD else str(kind["located"])
        lines.append(
            f"{kind['kind']:{wide}}  {kind['images']:6}  {kind['rejected']:8}  {located:>7}"
            f"  {_figure(kind['image_auroc']):>11}"
        )
    lines += ["", f"{'':{wide}}   AUROC      AP   F1max   AUPRO"]
    for unit, keys in (
        ("image", ("image_auroc", None, "image_f1max", None)),
        (TILE, ("tile_auroc", None, None, None)),
        ("pixel", ("pixel_auroc", "pixel_ap", None, "aupro")),
    ):
        cells = "".join(f"{'' if key is None else _figure(result[key]):>8}" for key in keys)
        lines.append(f"{unit:{wide}}{cells}".rstrip())
    lines += [
        "",
        f"Rejected: {_percent(result['detection_rate'])} of flawed images "
        f"({_percent(result['located_rate'])} with the flaw above the threshold), "
        f"{_percent(result['false_alarm_rate'])} of good ones",
        f"At the taught threshold {result['found_on_flaw']} of {result['flawed']} flawed images are rejected on the "
        f"flaw and {result['good_rejected']} of {result['good']} good ones; {result['strays']} rejects meet no flaw, "
        f"and a flaw comes in {_mean(result['fragments_mean'])} on average",
        f"Off the web, so in no pixel figure: {_percent(result['true_px_off_web_share'])} of the flawed pixels, "
        f"{result['flaws_off_web']} flaws wholly",
    ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _mean(value: float | None) -> str:
    return "– pieces" if value is None else f"{value:.1f} piece{'' if round(value, 1) == 1 else 's'}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
