"""The plot shows a roll's scores as a histogram with a threshold that can be dragged."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from station.quality.what_if import histogram
from ui import actions, theme

_STEP = 0.01
_STEPS = {"lower": -1, "raise": 1, "lower_far": -10, "raise_far": 10}


class _CountAxis(pg.AxisItem):
    """The axis writes counts on a log scale: the plot holds log10(1 + count)."""

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: ARG002
        """Put a tick at every decade."""
        return [(1.0, [float(np.log10(1 + 10**k)) for k in range(8) if np.log10(1 + 10**k) <= maxVal])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002
        """Write 1, 10, 100 …"""
        return [f"{round(10**value - 1):,}".replace(",", "\u2009") for value in values]


class ScorePlot(QWidget):
    """A solid line in the histogram of patch peaks is the new threshold, a dashed one the recipe's.

    The report level is shaded: below it defects were not recorded.  Keys move the line by a hundredth of the recipe's
    threshold, or by a tenth.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Scores of the roll")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._unit = 1.0
        axes = {"left": _CountAxis("left"), "bottom": pg.AxisItem("bottom")}
        self.plot = pg.PlotWidget(background=theme.colour("panel"), axisItems=axes, enableMenu=False)
        _adopt_menus(self.plot)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        for name, text in (("left", "patches"), ("bottom", "raw score of the patch's worst place")):
            axis = self.plot.getAxis(name)
            axis.setPen(theme.colour("edge_strong"))
            axis.setTextPen(theme.colour("text_soft"))
            axis.setTickFont(theme.font("caption"))
            axis.label.setFont(theme.font("caption"))
            axis.setLabel(text)
            axis.enableAutoSIPrefix(False)
        self._bars = self._curve("data")
        self._over = self._curve("critical")
        self._shade = pg.LinearRegionItem(
            (0, 0), movable=False, brush=theme.colour("data", 28), pen=QPen(Qt.PenStyle.NoPen)
        )
        self.plot.addItem(self._shade, ignoreBounds=True)
        self._old = pg.InfiniteLine(0, pen=pg.mkPen(theme.colour("data_strong"), width=2, style=Qt.PenStyle.DashLine))
        self.plot.addItem(self._old, ignoreBounds=True)
        self.line = pg.InfiniteLine(
            0,
            movable=True,
            pen=pg.mkPen(theme.colour("act"), width=3),
            hoverPen=pg.mkPen(theme.colour("act_deep"), width=5),
            label="threshold in force",
            labelOpts={
                "position": 0.93,
                "color": theme.colour("act_text"),
                "fill": theme.colour("act"),
                "movable": False,
            },
        )
        self.line.label.setFont(theme.font("caption", bold=True))
        self.line.sigPositionChanged.connect(self._dragged)
        self.plot.addItem(self.line, ignoreBounds=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.plot)
        self._bind_keys()
        self._edges: NDArray[np.float64] = np.zeros(2)
        self._heights: NDArray[np.float64] = np.zeros(1)

    def _curve(self, name: str) -> pg.PlotCurveItem:
        curve = pg.PlotCurveItem([0, 1], [0], stepMode="center", fillLevel=0, brush=theme.colour(name, 150), pen=None)
        self.plot.addItem(curve)
        return curve

    @property
    def threshold(self) -> float:
        """Tell where the line stands, raw score."""
        return float(self.line.value())

    def show_scores(self, peaks: NDArray[np.float32], threshold: float, report_level: float) -> None:
        """Show a roll's peaks ``[n]`` and its recipe's levels; the line goes back to the recipe's threshold."""
        self._unit = threshold
        top = max(float(peaks.max(initial=0.0)) * 1.03, threshold * 1.8)
        top = min(top, threshold * 6)
        self._edges, counts = histogram(peaks, top)
        self._heights = np.log10(1.0 + counts)
        self.plot.setXRange(0, top, padding=0.01)
        self.plot.setYRange(0, max(float(self._heights.max(initial=0.0)) * 1.12, 1.2), padding=0)
        self._shade.setRegion((0, report_level))
        self._old.setValue(threshold)
        self.line.setBounds((threshold * 0.05, top))
        self.set_threshold(threshold)
        self._name_line()
        self._colour_bars()

    def show_lines(self, shown: bool) -> None:
        """Draw thresholds only where there is a recipe."""
        self.line.setVisible(shown)
        self._old.setVisible(shown)

    def set_threshold(self, threshold: float) -> None:
        """Put the line somewhere; tells nobody if it stands there already."""
        if abs(threshold - self.threshold) > 1e-9:
            self.line.setValue(threshold)

    def _bind_keys(self) -> None:
        for name, steps in _STEPS.items():
            actions.bind(self, name, lambda steps=steps: self._move(steps))  # type: ignore[misc]
        near, far = (" or ".join(map(actions.key, names)) for names in (("lower", "raise"), ("lower_far", "raise_far")))
        self.setToolTip(f"Drag the line, or press {near} (ten times as far: {far})")

    def _move(self, steps: int) -> None:
        self.line.setValue(self.threshold + steps * _STEP * self._unit)

    def _name_line(self) -> None:
        moved = abs(self.threshold - self._unit) > 1e-9
        self.line.label.setFormat("new threshold" if moved else "threshold in force")

    def _dragged(self) -> None:
        self._name_line()
        self._colour_bars()
        self.moved.emit(self.threshold)

    def _colour_bars(self) -> None:
        over = self._edges[:-1] >= self.threshold
        self._bars.setData(self._edges, np.where(over, 0.0, self._heights))
        self._over.setData(self._edges, np.where(over, self._heights, 0.0))


def _adopt_menus(plot: pg.PlotWidget) -> None:
    """Give pyqtgraph's menus, which nobody owns even where they are off, to the plot: they go when it goes."""
    menu = plot.plotItem.ctrlMenu
    for made in (menu, *(action.menu() for action in menu.actions() if action.menu() is not None)):
        made.setParent(plot, made.windowFlags())
