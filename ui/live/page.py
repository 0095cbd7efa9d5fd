"""The operator's page."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QListView, QVBoxLayout, QWidget

from station.control import (
    Core,
    Defect,
    DefectChanged,
    LineSnapshot,
    LineState,
    Notice,
    RollEnded,
    RollStarted,
    StationError,
    StretchClosed,
    StripView,
)
from station.recipe import Recipe
from ui import theme
from ui.alarms import AlarmRow
from ui.live.defect_list import THUMB, LiveDefect, LiveDefectDelegate, LiveDefects
from ui.live.web_view import WebView
from ui.widgets.gauges import Trend
from ui.widgets.parts import Figure, Panel, button, label
from ui.widgets.pictures import thumbnail
from ui.widgets.roll_map import MapDefect, RollMap
from ui.words import grouped, span

_CONFIRM_S = 4.0
_SLOW_BEAT_S = 0.5


class LivePage(QWidget):
    """Cloth, roll map, figures, last defects, and the controls of the roll.

    ``changed`` is emitted after a command, so that the state on the screen follows at once.
    """

    changed = Signal()

    def __init__(self, core: Core, alarms: AlarmRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._core, self._alarms = core, alarms
        self._recipe: Recipe | None = None
        self._snapshot: LineSnapshot | None = None
        self._ended: str | None = None
        self._marks: dict[int, MapDefect] = {}
        self._gaps: list[tuple[int, int]] = []
        self._answered: set[int] = set()
        self._beat_s = 0.0
        self._end_asked_s = -1e9
        self.web = WebView()
        self.roll_map = RollMap(Qt.Orientation.Vertical)
        self.defects = LiveDefects(self)
        self._build()
        alarms.acknowledged.connect(self._acknowledged)

    # layout

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(12)
        cloth = Panel(margin=10)
        head = QHBoxLayout()
        head.addWidget(label("Cloth", "heading"))
        head.addWidget(label("newest at the bottom", "caption"))
        head.addStretch(1)
        self.heat_button = button("Heat   H", "Show or hide the anomaly heat map", key="H")
        self.heat_button.setCheckable(True)
        self.heat_button.toggled.connect(self.web.set_heat)
        self.heat_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        head.addWidget(self.heat_button)
        cloth.body.addLayout(head)
        cloth.body.addWidget(self.web, 1)
        row.addWidget(cloth, 1)
        overview = Panel("This roll", margin=8)
        overview.body.addWidget(self.roll_map, 1)
        overview.setFixedWidth(116)
        row.addWidget(overview)
        side = QWidget()
        side.setFixedWidth(372)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._build_controls())
        column.addWidget(self._build_figures())
        column.addWidget(self._build_list(), 1)
        row.addWidget(side)

    def _build_controls(self) -> Panel:
        panel = Panel()
        line = QHBoxLayout()
        line.addWidget(label("Fabric", "caption"))
        self.fabric = QComboBox()
        self.fabric.setAccessibleName("Fabric of the next roll")
        self.fabric.setToolTip("Fabric of the next roll (Alt+F)")
        self.fabric.addItems(self._core.fabrics())
        line.addWidget(self.fabric, 1)
        panel.body.addLayout(line)
        key = QShortcut(QKeySequence("Alt+F"), self)
        key.activated.connect(self.fabric.setFocus)
        self.start_button = button("Start   F5", "Start a roll, or look again", role="act-big", symbol="play")
        self.pause_button = button("Pause   F6", "Stop looking; the roll stays open", role="big", symbol="pause")
        self.end_button = button("End   F8", "End the roll and close its record", role="big", symbol="stop")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        slots = ((self.start_button, "F5", self.start), (self.pause_button, "F6", self.pause))
        for made, keys, slot in (*slots, (self.end_button, "F8", self.end)):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setToolTip(f"{made.accessibleName()} ({keys})")
            made.setIconSize(QSize(14, 14))
            made.clicked.connect(slot)
            QShortcut(QKeySequence(keys), self).activated.connect(made.click)
            buttons.addWidget(made, 1)
        panel.body.addLayout(buttons)
        return panel

    def _build_figures(self) -> Panel:
        panel = Panel()
        self.inspected, self.uninspected = Figure("Inspected"), Figure("Not inspected")
        self.rejects, self.found = Figure("Rejects"), Figure("Defects")
        self.speed = Figure("Speed, m/min")
        self.trend = Trend("Speed over the last seconds")
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.inspected, 0, 0)
        grid.addWidget(self.uninspected, 0, 1)
        grid.addWidget(self.rejects, 1, 0)
        grid.addWidget(self.found, 1, 1)
        grid.addWidget(self.speed, 2, 0)
        grid.addWidget(self.trend, 2, 1, Qt.AlignmentFlag.AlignBottom)
        panel.body.addLayout(grid)
        return panel

    def _build_list(self) -> Panel:
        panel = Panel("Last defects", margin=0)
        self.empty = label("No defects on this roll yet", "empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.list = QListView()
        self.list.setModel(self.defects)
        self.list.setItemDelegate(LiveDefectDelegate(self.list))
        self.list.setAccessibleName("Last defects, newest first")
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        panel.body.addWidget(self.empty, 1)
        panel.body.addWidget(self.list, 1)
        self.list.setVisible(False)
        return panel

    # commands

    @property
    def roll_open(self) -> bool:
        """Whether a roll is under inspection."""
        snapshot = self._snapshot
        closed = (LineState.READY, LineState.PREOPERATIONAL)
        return (
            snapshot is not None
            and snapshot.roll is not None
            and snapshot.roll != self._ended
            and snapshot.state not in closed
        )

    @property
    def paused(self) -> bool:
        """Whether the roll is open but nobody looks."""
        return self.roll_open and self._snapshot is not None and self._snapshot.state is LineState.HALTED

    def start(self) -> None:
        """Start a roll of the chosen fabric, or look again."""
        self._command(self._core.resume if self.roll_open else lambda: self._core.start_roll(self.fabric.currentText()))

    def pause(self) -> None:
        """Stop looking."""
        self._command(self._core.pause)

    def end(self) -> None:
        """End the roll, when asked twice: no dialog may hide the cloth."""
        if time.monotonic() - self._end_asked_s > _CONFIRM_S:
            self._end_asked_s = time.monotonic()
        else:
            self._end_asked_s = -1e9
            self._command(self._core.end_roll)
        self._show_buttons()

    def _command(self, command: Callable[[], None]) -> None:
        try:
            command()
        except StationError as error:
            self._alarms.put_notice(Notice("error", str(error)))
        self.changed.emit()

    # what the core says

    def on_roll_started(self, event: RollStarted) -> None:
        """A new roll: everything of the last one goes."""
        self._ended = None
        self._recipe = self._core.recipe()
        self._marks.clear()
        self._gaps.clear()
        self._answered.clear()
        self._alarms.acknowledge()
        self.defects.clear()
        self._show_list()
        self.web.begin_roll()
        self.web.set_scale(self._recipe.mm_per_px if self._recipe else None)
        self.fabric.setCurrentText(event.fabric)

    def on_roll_ended(self, event: RollEnded) -> None:
        """The record is closed."""
        self._ended = event.roll
        self._end_asked_s = -1e9

    def on_strip(self, strip: StripView) -> None:
        """Newly judged cloth."""
        self.web.add_strip(strip)

    def on_stretch(self, event: StretchClosed) -> None:
        """A stretch of one fate."""
        self.web.add_stretch(event.stretch)
        if not event.stretch.inspected:
            self._gaps.append((event.stretch.first_line, event.stretch.end_line))

    def on_defect(self, event: DefectChanged) -> None:
        """A defect appeared, grew or closed."""
        defect = event.defect
        unit = self._recipe.unit if self._recipe else "px"
        alarm = defect.is_reject and defect.number not in self._answered
        if alarm:
            self._alarms.put_reject(defect, unit)
        else:
            self._alarms.withdraw(defect.number)
        self.web.put_defect(defect, open_alarm=alarm)
        threshold = self._recipe.threshold if self._recipe else 1.0
        pixels = defect.crop if defect.crop is not None else self.web.crop(defect)
        thumb = thumbnail(pixels, THUMB) if pixels is not None and min(pixels.shape[:2]) >= 8 else None
        self.defects.put(LiveDefect(defect, unit, threshold, thumb, alarm))
        self._marks[defect.number] = self._mark(defect)
        self._show_list()

    def on_snapshot(self, snapshot: LineSnapshot) -> None:
        """State and figures."""
        self._snapshot = snapshot
        self.web.set_feed(snapshot.feed, self.paused)
        ledger = snapshot.ledger
        self.inspected.show_value(span(snapshot.metres_inspected, ledger.lines_inspected))
        lost = ledger.lines_uninspected
        self.uninspected.show_value(span(snapshot.metres_uninspected, lost, 2), "warning" if lost else "")
        self.rejects.show_value(grouped(snapshot.rejects), "critical" if snapshot.rejects else "")
        self.found.show_value(grouped(snapshot.defects))
        speed = snapshot.speed_m_per_min
        self.speed.show_value("–" if speed is None else f"{speed:.1f}")
        self._show_buttons()

    def advance(self, passed_s: float) -> None:
        """One beat of the bridge."""
        self.web.advance(passed_s)
        self._beat_s += passed_s
        if self._beat_s >= _SLOW_BEAT_S:
            self._beat_s = 0.0
            self._slow_beat()

    def _slow_beat(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        self.trend.push(abs(snapshot.speed_m_per_min or 0.0))
        scale = self._recipe.mm_per_px if self._recipe else None
        marks = list(self._marks.values())
        self.roll_map.show_roll(snapshot.ledger.lines_acquired, scale, marks, self._gaps, self.web.lines_in_sight)

    def _mark(self, defect: Defect) -> MapDefect:
        across = (defect.first_px + defect.end_px) / 2 / max(self.web.camera_px, 1)
        return MapDefect(defect.number, defect.first_line, defect.end_line, min(across, 1.0), defect.is_reject)

    def _acknowledged(self) -> None:
        self._answered.update(row.defect.number for row in self.defects.rows if row.open_alarm)
        self.defects.acknowledge()
        self.web.acknowledge()

    def _show_list(self) -> None:
        some = self.defects.rowCount() > 0
        self.list.setVisible(some)
        self.empty.setVisible(not some)

    def _show_buttons(self) -> None:
        is_open, paused = self.roll_open, self.paused
        asked = time.monotonic() - self._end_asked_s <= _CONFIRM_S
        self.fabric.setEnabled(not is_open)
        self.start_button.setEnabled(paused or (not is_open and self.fabric.count() > 0))
        self.start_button.setText("Resume   F5" if paused else "Start   F5")
        self.pause_button.setEnabled(is_open and not paused)
        self.end_button.setEnabled(is_open)
        self.end_button.setText("Sure?   F8" if asked and is_open else "End   F8")
        running = is_open and not paused
        theme.restyle(self.start_button, "big" if running else "act-big")

