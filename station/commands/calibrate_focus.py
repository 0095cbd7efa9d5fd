"""This module helps to set up a camera: it says once a second how sharp and how well exposed the picture is."""

from __future__ import annotations

import time

import numpy as np

from calibration.focus import exposure_figure, focus_figure
from drivers.camera import Camera
from station.commands.calibrate_source import Picture, played
from station.commands.session import say
from station.contract import StationError
from station.line.scoring.web import WebFinder
from station.shutdown import interrupt_noted

EVERY_S = 1.0
LEAST_LINES, MOST_LINES = 64, 2048
"""A figure is computed from the lines of the last second, within these bounds."""


def watch_focus(camera: Camera, seconds: float | None) -> dict[str, object]:
    """Print focus and exposure every second until Ctrl+C, ``seconds`` or the end of the cloth; return the last figures
    and the best focus.

    Raises:
        CameraError: the camera failed.
        CalibrationError: the picture is almost black.
        StationError: the camera sends nothing.
    """
    finder = WebFinder()
    figures: dict[str, float | str] = {}
    waiting: list[Picture] = []
    best = 0.0
    begun = said = time.monotonic()
    with interrupt_noted() as interrupted:
        for block in played(camera, interrupted.is_set):
            waiting.append(block.pixels)
            while sum(map(len, waiting[1:])) >= MOST_LINES:
                waiting.pop(0)
            now = time.monotonic()
            over = seconds is not None and now - begun >= seconds
            if sum(map(len, waiting)) >= LEAST_LINES and (over or not figures or now - said >= EVERY_S):
                figures, said = _figures(np.concatenate(waiting), finder), now
                best = max(best, float(figures["focus"]))
                waiting.clear()
                say(f"Focus {figures['focus']:5.1f} (best {best:.1f})   {figures['advice']}")
            if over:
                break
    if not figures:
        raise StationError(f"Camera {camera.camera_id} showed no {LEAST_LINES} lines of cloth; let the machine run.")
    return {"camera": camera.camera_id, **figures, "best_focus": best}


def _figures(picture: Picture, finder: WebFinder) -> dict[str, float | str]:
    """Measure focus and exposure of the web, or of the whole picture if no web is found."""
    web = finder.find(picture)
    cloth = picture if web is None else np.ascontiguousarray(picture[:, web.left_px : web.right_px])
    exposure = exposure_figure(cloth)
    return {
        "focus": focus_figure(cloth),
        "saturated_percent": 100 * exposure.saturated_share,
        "black_percent": 100 * exposure.black_share,
        "median_level": exposure.median_level,
        "advice": exposure.advice,
    }
