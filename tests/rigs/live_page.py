"""The operator's page with a roll on it, and what is seen of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from tests.rigs.scripted_core import ScriptedCore
from ui import theme
from ui.live.web_view import GUTTER, LEFT, TOP
from ui.shell import MainWindow

OpenWindow = Callable[..., MainWindow]


def pixels_of(image: QImage) -> np.ndarray:
    """``[h, w, 3]`` RGB of an image."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def cloth_of(window: MainWindow) -> np.ndarray:
    """What is seen of the cloth."""
    return pixels_of(window.live.web.grab().toImage())[TOP:, LEFT + GUTTER :]


def has_colour(pixels: np.ndarray, name: str, least: int = 40) -> bool:
    colour = theme.colour(name)
    return int((pixels == (colour.red(), colour.green(), colour.blue())).all(axis=2).sum()) >= least


def started(window: MainWindow, core: ScriptedCore, qtbot: QtBot, strips: int = 8) -> None:
    """A roll is under way and its cloth on the screen."""
    core.start_roll("demo")
    core.play(strips)
    qtbot.waitUntil(lambda: window.status.text("Picture") == "live" and window.live.web.camera_px > 0)
    qtbot.waitUntil(lambda: not core.events and window.live.web.lines_in_sight is not None)
    window.live.web.advance(0.25)
