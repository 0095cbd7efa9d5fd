"""The operator watches the cloth here and runs the roll."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListView, QVBoxLayout, QWidget

from station.contract import (
    ClothDiffers,
    Core,
    Defect,
    DefectChanged,
    LineSnapshot,
    LineState,
    LookView,
    RollEnded,
    RollStarted,
    StretchClosed,
    StripView,
)
from station.recipe import Recipe
from ui.alarms import AlarmRow
from ui.banner import picture_words
from ui.live.controls import RollControls, RollFigures
from ui.live.defect_list import THUMB, ListedDefects, LiveDefect, LiveDefectDelegate, LiveDefects
from ui.live.web_view import WebView
from ui.widgets.parts import Panel, button, label, set_text
from ui.widgets.pictures import thumbnail
from ui.widgets.roll_map import MapDefect, RollMap

_SLOW_BEAT_S = 0.5


class LivePage(QWidget):
    """The page shows cloth, roll map, figures, last defects, and the controls of the roll.

    ``changed`` is emitted after a command, so that the state on the screen follows at once.
    """

    changed = Signal()

    def __init__(self, core: Core, alarms: AlarmRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._core = core
        self._alarms = alarms
        self._recipe: Recipe | None = None
        self.snapshot: LineSnapshot | None = None
        self.ended: str | None = None
        self._marks: dict[int, MapDefect] = {}
        self._gaps: list[tuple[int, int]] = []
        self._differing: dict[int, ClothDiffers] = {}
        self._answered: set[int] = set()
        self._beat_s = 0.0
        self.web = WebView()
        self.roll_map = RollMap(Qt.Orientation.Vertical)
        self.defects = LiveDefects(self)
        self.listed = ListedDefects(self.defects, self)
        self.controls = RollControls(core)
        self.figures = RollFigures()
        self._build()
        self.controls.told.connect(alarms.put_notice)
        self.controls.changed.connect(self.changed)
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
        self.columns = label("", "caption")
        head.addWidget(self.columns)
        head.addStretch(1)
        self.heat_button = button("show_heat", role="small")
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
        column.addWidget(self.controls)
        column.addWidget(self.figures)
        column.addWidget(self._build_list(), 1)
        row.addWidget(side)

    def _build_list(self) -> Panel:
        panel = Panel(margin=0)
        head = QHBoxLayout()
        head.setContentsMargins(14, 10, 12, 0)
        head.addWidget(label("Last defects", "heading"))
        self.unverified = label("sizes unverified", "caption")
        self.unverified.setVisible(False)
        head.addWidget(self.unverified)
        head.addStretch(1)
        self.passed_button = button("list_passed", role="small")
        self.passed_button.setCheckable(True)
        self.passed_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.passed_button.toggled.connect(self._list_passed)
        head.addWidget(self.passed_button)
        panel.body.addLayout(head)
        self.empty = label("", "empty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.list = QListView()
        self.list.setModel(self.listed)
        self.list.setItemDelegate(LiveDefectDelegate(self.list))
        self.list.setAccessibleName("Last defects, newest first")
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        panel.body.addWidget(self.empty, 1)
        panel.body.addWidget(self.list, 1)
        self._show_list()
        return panel

    # state

    @property
    def roll_open(self) -> bool:
        """Tell whether a roll is under inspection."""
        snapshot = self.snapshot
        closed = (LineState.READY, LineState.PREOPERATIONAL)
        return (
            snapshot is not None
            and snapshot.roll is not None
            and snapshot.roll != self.ended
            and snapshot.state not in closed
        )

    @property
    def paused(self) -> bool:
        """Tell whether the roll is open but nobody looks."""
        return self.roll_open and self.snapshot is not None and self.snapshot.state is LineState.HALTED

    def _take_recipe(self) -> None:
        self._recipe = self._core.recipe()
        self.web.set_scale(self._recipe.mm_per_px if self._recipe else None)

    # what the core says

    def on_roll_started(self, event: RollStarted) -> None:
        """Begin a new roll: everything of the last one goes."""
        self.ended = None
        self._take_recipe()
        self._marks.clear()
        self._gaps.clear()
        self._differing.clear()
        self._answered.clear()
        self._alarms.forget_rejects()
        self.defects.clear()
        self._show_list()
        self.web.begin_roll()
        self.controls.fabric.setCurrentText(event.fabric)

    def on_roll_ended(self, event: RollEnded) -> None:
        """Remember that the roll's record is closed."""
        self.ended = event.roll

    def on_strip(self, strip: StripView) -> None:
        """Show newly judged cloth."""
        self.web.add_strip(strip)

    def on_look(self, view: LookView) -> None:
        """Show what another look scores of cloth that is shown already."""
        self.web.add_look(view)

    def on_stretch(self, event: StretchClosed) -> None:
        """Show a stretch of cloth that nobody judged."""
        self.web.add_stretch(event.stretch)
        if not event.stretch.inspected:
            self._gaps.append((event.stretch.first_line, event.stretch.end_line))

    def on_differs(self, event: ClothDiffers) -> None:
        """Mark on the map where cloth differs as a whole from what was taught."""
        self._differing[event.first_line] = event

    def on_defect(self, event: DefectChanged) -> None:
        """Show a defect that has appeared, grown or closed."""
        defect = event.defect
        if defect.merged_into is not None:
            self._forget(defect.number)
            return
        unit = self._recipe.unit if self._recipe else "px"
        alarm = defect.is_reject and defect.number not in self._answered
        if alarm:
            self._alarms.put_reject(defect, unit)
        else:
            self._alarms.withdraw(defect.number)
        self.web.put_defect(defect, open_alarm=alarm)
        pixels = defect.crop if defect.crop is not None else self.web.crop(defect)
        thumb = thumbnail(pixels, THUMB) if pixels is not None and min(pixels.shape[:2]) >= 8 else None
        self.defects.put(LiveDefect(defect, unit, thumb, alarm))
        self._marks[defect.number] = self._mark(defect)
        self._show_list()

    def _forget(self, number: int) -> None:
        """Drop everywhere what looked like a defect but is part of an older one, which has been told already."""
        self._alarms.withdraw(number)
        self._answered.discard(number)
        self._marks.pop(number, None)
        self.web.drop_defect(number)
        self.defects.drop(number)
        self._show_list()

    def on_snapshot(self, snapshot: LineSnapshot) -> None:
        """Show state and figures."""
        self.snapshot = snapshot
        if snapshot.roll is not None and self._recipe is None:  # the window was opened on a roll under way
            self._take_recipe()
        words = picture_words(
            snapshot,
            roll_open=self.roll_open,
            seen=self.web.camera_px > 0,
            ended=self.ended is not None,
            taught=self.controls.fabric.count() > 0,
        )
        self.web.set_feed(snapshot.feed, *words, snapshot.message if self.roll_open else "")
        self.figures.show_snapshot(snapshot)
        set_text(self.columns, f"· columns {snapshot.columns} inspected" if snapshot.columns else "")
        self.unverified.setVisible(bool(snapshot.unverified))
        self.unverified.setToolTip(snapshot.unverified)
        self.controls.show_state(self.roll_open, self.paused)

    def advance(self, passed_s: float) -> None:
        """Move on by one beat of the bridge."""
        self.web.advance(passed_s)
        self._beat_s += passed_s
        if self._beat_s >= _SLOW_BEAT_S:
            self._beat_s = 0.0
            self._slow_beat()

    def _slow_beat(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.figures.push_speed(snapshot)
        if self._recipe is None:  # figures of an earlier roll, whose defects this window has not seen
            return
        scale = self._recipe.mm_per_px
        marks = list(self._marks.values())
        lines = snapshot.ledger.lines_acquired
        differing = [one.span(lines) for one in self._differing.values()]
        self.roll_map.show_roll(lines, scale, marks, self._gaps, self.web.lines_in_sight, differing)

    def _mark(self, defect: Defect) -> MapDefect:
        left, right = self.web.web_px
        across = ((defect.first_px + defect.end_px) / 2 - left) / max(right - left, 1)
        across = min(max(across, 0.0), 1.0)
        return MapDefect(defect.number, defect.first_line, defect.end_line, across, defect.is_reject)

    def _acknowledged(self, numbers: set[int]) -> None:
        self._answered |= numbers
        self.defects.acknowledge()
        self.web.acknowledge()

    def _list_passed(self, wanted: bool) -> None:
        self.listed.show_all(wanted)
        self._show_list()

    def _show_list(self) -> None:
        some = self.listed.rowCount() > 0
        passed = self.defects.rowCount() > 0
        set_text(self.empty, "No rejects on this roll yet" if passed else "No defects on this roll yet")
        self.list.setVisible(some)
        self.empty.setVisible(not some)
