"""Commands as typed: how one ended, and pictures for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON on the last line of stdout."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def sentence(self) -> str:
        """The one sentence a fault leaves on stderr (progress lines before it aside)."""
        lines = self.err.strip().splitlines()
        assert "Traceback" not in self.err
        assert lines, "a fault must say something"
        assert lines[-1].startswith("station: ")
        return lines[-1].removeprefix("station: ")


Station = Callable[..., Outcome]


def save_image(file: Path, pixels: np.ndarray) -> Path:
    """Write an image, folders included."""
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), pixels)
    return file
