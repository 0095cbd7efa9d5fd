"""Cloth, recipes and open stores for the tests of the records."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station.contract import Defect, DefectKind
from station.recipe import Recipe
from station.recipe.looks import BroadLook, LongLookLimits
from tests.rigs.places import ROOT

SHA = "ab" * 32


def make_recipe(**changes: Any) -> Recipe:
    """A recipe of the fabric 'linen' at 0.5 mm per px."""
    values: dict[str, Any] = {
        "fabric": "linen",
        "model_sha256": SHA,
        "encoder": "light",
        "threshold": 2.0,
        "mm_per_px": 0.5,
    }
    return Recipe(**(values | changes))


def make_looks(**changes: Any) -> Recipe:
    """The recipe with broad looks of two sizes and a long look."""
    broad = (BroadLook(size=2, threshold=1.25), BroadLook(size=4, threshold=0.75))
    long = LongLookLimits(warp=(5.5, 6.25, None), weft=(None, 6.0))
    return make_recipe(**({"broad": broad, "long": long} | changes))


def make_defect(number: int = 1, **changes: Any) -> Defect:
    """A closed spot, a reject, ten lines per number down the roll."""
    values: dict[str, Any] = {
        "number": number,
        "first_line": 10 * number,
        "end_line": 10 * number + 6,
        "first_px": 40,
        "end_px": 48,
        "length_mm": 3.0,
        "width_mm": 4.0,
        "area_mm2": 9.5,
        "position_mm": 5.0 * number,
        "across_mm": 22.0,
        "score": 3.25,
        "threshold": 2.0,
        "kind": DefectKind.SPOT,
        "is_reject": True,
        "closed": True,
    }
    return Defect(**(values | changes))


def picture(height: int = 8, width: int = 12) -> np.ndarray:
    """A colour picture in which every pixel differs."""
    return (np.arange(height * width * 3) % 251).astype(np.uint8).reshape(height, width, 3)


def eventually(true: Callable[[], object], timeout_s: float = 30.0) -> bool:
    """Wait until it is true; say whether it ever was."""
    until = time.monotonic() + timeout_s
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(true())


@contextmanager
def database_locked(home: Path) -> Iterator[None]:
    """Another program holds the database meanwhile."""
    other = sqlite3.connect(home / "station.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def run_python(code: str, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own; the code finds this module's helpers."""
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + code, *map(str, words)],
        check=check,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )


def run_on_disk(options: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code with ``folder`` as a disk of its own (tmpfs with ``options``), in a private mount namespace.

    Skips where the system does not allow that.
    """
    folder.mkdir(exist_ok=True)
    mount = f'mount -t tmpfs -o {options} tmpfs "$1"'
    try:
        allowed = subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", folder], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no disk of its own to be had: there is no unshare")
    if allowed.returncode != 0:
        pytest.skip("no disk of its own to be had: mounting is not allowed")
    words = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$2" -c "$3" "$1"', "sh", str(folder), sys.executable]
    return subprocess.run([*words, PREAMBLE + code], check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)


PREAMBLE = """
import sys
from pathlib import Path
import numpy as np
from tests.rigs.records import make_defect, make_recipe, picture
from station.contract import *
from station.records.history import History
from station.records.rows import *
from station.records.store import Store
home = Path(sys.argv[1])
"""
