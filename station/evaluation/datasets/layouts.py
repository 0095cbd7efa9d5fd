"""This module lists the layouts by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.errors import ModelError
from station.evaluation.datasets.aitex import read_aitex
from station.evaluation.datasets.dataset import Dataset
from station.evaluation.datasets.kolektor import read_kolektor_sdd2
from station.evaluation.datasets.mvtec import read_btad, read_mvtec, read_mvtec_ad2
from station.evaluation.datasets.visa import read_visa

LAYOUTS: dict[str, Callable[[Path, str | None], Dataset]] = {
    "aitex": read_aitex,
    "btad": read_btad,
    "kolektor_sdd2": read_kolektor_sdd2,
    "mvtec": read_mvtec,
    "mvtec_ad2": read_mvtec_ad2,
    "visa": read_visa,
}


def read_dataset(root: Path, layout: str, fabric: str | None = None) -> Dataset:
    """Read a data set by the name of its layout.

    Args:
        fabric: which of the fabrics, objects or products that ``root`` holds; None where it holds one.

    Raises:
        ModelError: the layout is unknown, or the folder does not follow it.
    """
    if layout not in LAYOUTS:
        raise ModelError(f"There is no layout '{layout}': choose one of {', '.join(LAYOUTS)}.")
    return LAYOUTS[layout](root, fabric)
