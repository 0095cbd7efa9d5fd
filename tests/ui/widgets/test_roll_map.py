"""The roll map with very many defects: as quick as with some hundred, and nothing that is seen is lost."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from ui import theme
from ui.widgets.roll_map import MapDefect, RollMap


def flood(number: int) -> list[MapDefect]:
    """Small passed defects everywhere, one reject in the midst, one long reject at the left edge."""
    rng = np.random.default_rng(1)
    small = [MapDefect(n, 50 * n, 50 * n + 4, float(across), False) for n, across in enumerate(rng.random(number))]
    middle = MapDefect(number, 25 * number, 25 * number + 4, 0.5, True)
    return [*small, middle, MapDefect(number + 1, 0, 20 * number, 0.0, True), MapDefect(number + 2, 0, 4, 0.0, True)]


def map_of(defects: list[MapDefect]) -> RollMap:
    made = RollMap(Qt.Orientation.Horizontal)
    made.resize(600, 112)
    made.show_roll(250_000, 0.5, defects, [])
    return made


def reds(made: RollMap) -> np.ndarray:
    image = made.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3)
    red = theme.colour("critical")
    return np.asarray((pixels == (red.red(), red.green(), red.blue())).all(axis=2))


def test_of_thousands_of_marks_few_are_painted_and_no_reject_is_hidden(app: QApplication) -> None:
    defects = flood(5000)
    made = map_of(defects)
    painted = made._apart()
    assert len(painted) < 2500
    assert {5000, 5001} <= {mark.key for mark in painted}
    assert [mark.is_reject for mark in painted] == sorted(mark.is_reject for mark in painted)
    seen = reds(made)
    band = made._band()
    assert seen[int(band.center().y()), int(band.center().x())], "the reject lies on top of what passes"
    assert seen[int(band.top()), int(band.left()) + 150], "the long reject is drawn, not the short one beside it"


def test_few_marks_are_all_painted(app: QApplication) -> None:
    defects = flood(300)
    assert sorted(mark.key for mark in map_of(defects)._apart()) == list(range(303))


def test_cloth_that_differs_is_hatched_where_it_lies(app: QApplication) -> None:
    made = map_of([])
    plain = made.grab().toImage()
    made.show_roll(250_000, 0.5, [], [], differing=[(100_000, 150_000)])
    shown = made.grab().toImage()
    changed = [
        any(plain.pixel(x, y) != shown.pixel(x, y) for y in range(20, 70))
        for x in (round(share * plain.width()) for share in (0.2, 0.5, 0.8))
    ]
    assert changed == [False, True, False]
