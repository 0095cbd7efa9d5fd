"""The window puts header, alarms, machine, pages and status together: the same thing is always in the same place."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from station.contract import Core, LineSnapshot
from station.records.history import History
from station.records.store import Store
from ui import actions
from ui.alarms import AlarmRow
from ui.bridge import CoreBridge
from ui.help_sheet import HelpSheet
from ui.history.page import HistoryPage
from ui.live.page import LivePage
from ui.machine_row import MachineRow
from ui.record_row import RecordRow
from ui.status import StateBadge, StatusStrip
from ui.tuning.page import TuningPage
from ui.widgets.parts import button, label
from ui.worker import Worker

PAGES = ("live", "tuning", "history")


class MainWindow(QMainWindow):
    """The one window owns the bridge and the worker; never the core or the records, which outlive it."""

    def __init__(self, core: Core, store: Store, history: History, *, start_page: str = "live") -> None:
        super().__init__()
        self.setWindowTitle("Fabric inspection station")
        self.setMinimumSize(QSize(1180, 740))
        self.resize(1600, 950)
        self.bridge = CoreBridge(core, self)
        self.worker = Worker(self)
        self.alarms = AlarmRow(core.acknowledge)
        self.record = RecordRow()
        self.machine = MachineRow(core)
        self.badge = StateBadge()
        self.status = StatusStrip()
        self.live = LivePage(core, self.alarms)
        self.tuning = TuningPage(store, history, self.worker)
        self.history = HistoryPage(store, history, self.worker)
        self.tabs: dict[str, QPushButton] = {}
        self._build()
        self._wire()
        self.open_page(start_page)
        self.bridge.start()

    def _build(self) -> None:
        self.stack = QStackedWidget()
        self.stack.setObjectName("pages")
        for page in (self.live, self.tuning, self.history):
            self.stack.addWidget(page)
        self.help = HelpSheet(self.stack)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._build_header())
        column.addWidget(self.alarms)
        column.addWidget(self.record)
        column.addWidget(self.machine)
        column.addWidget(self.stack, 1)
        column.addWidget(self.status)
        self.setCentralWidget(middle)

    def _build_header(self) -> QWidget:
        header = QWidget()
        header.setProperty("role", "frame")
        header.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        header.setFixedHeight(56)
        row = QHBoxLayout(header)
        row.setContentsMargins(18, 0, 12, 0)
        row.setSpacing(4)
        brand: QLabel = label("Fabric inspection", "brand")
        row.addWidget(brand)
        row.addSpacing(28)
        group = QButtonGroup(self)
        for name in PAGES:
            title = actions.ACTIONS[f"open_{name}"].text
            tab = QPushButton(title)
            tab.setProperty("role", "tab")
            tab.setCheckable(True)
            tab.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tab.setAccessibleName(title)
            tab.clicked.connect(lambda _checked=False, name=name: self.open_page(name))
            actions.attach(tab, f"open_{name}", tab.click)
            group.addButton(tab)
            row.addWidget(tab)
            self.tabs[name] = tab
        row.addStretch(1)
        self.help_button = button("help", role="frame-button")
        self.help_button.setCheckable(True)
        self.help_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self.help_button)
        row.addWidget(self.badge)
        return header

    def _wire(self) -> None:
        bridge, live = self.bridge, self.live
        bridge.strip_judged.connect(live.on_strip)
        bridge.look_judged.connect(live.on_look)
        bridge.defect_changed.connect(live.on_defect)
        bridge.stretch_closed.connect(live.on_stretch)
        bridge.cloth_differs.connect(live.on_differs)
        bridge.roll_started.connect(live.on_roll_started)
        bridge.roll_ended.connect(live.on_roll_ended)
        bridge.roll_ended.connect(self.tuning.refresh)
        bridge.roll_ended.connect(self.history.refresh)
        bridge.notice.connect(self.alarms.put_notice)
        bridge.snapshot_changed.connect(self._on_snapshot)
        bridge.ticked.connect(live.advance)
        bridge.ticked.connect(self.alarms.advance)
        live.changed.connect(bridge.refresh)
        self.machine.changed.connect(bridge.refresh)
        self.machine.told.connect(self.alarms.put_notice)
        self.help_button.clicked.connect(self.help.toggle)
        self.help.opened.connect(self.help_button.setChecked)
        self.stack.currentChanged.connect(self.help.hide)
        self.answer = actions.bind(self, "acknowledge", self.alarms.acknowledge)
        actions.on_use(self, self.help.on_use)

    def open_page(self, name: str) -> None:
        """Show a page: live, tuning or history."""
        self.tabs[name].setChecked(True)
        pages = {"live": self.live, "tuning": self.tuning, "history": self.history}
        self.stack.setCurrentWidget(pages[name])
        if name == "tuning":
            self.tuning.refresh()
            self.tuning.plot.setFocus()
        elif name == "history":
            self.history.refresh()
            self.history.view.setFocus()
        else:
            self.live.controls.refresh()
            self.live.web.setFocus()

    def _on_snapshot(self, snapshot: LineSnapshot) -> None:
        self.live.on_snapshot(snapshot)
        self.badge.show_picture(self.live.web.badge, self.live.web.ground)
        self.status.show_snapshot(snapshot, self.live.roll_open)
        self.record.show_snapshot(snapshot)
        self.machine.show_status(snapshot.machine)
        # Space answers alarms only while there are some; otherwise it presses the button that has the focus
        self.answer.setEnabled(bool(self.alarms.open_alarms) or self.alarms.has_notice)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop listening and let the worker finish; the core goes on until its owner ends it."""
        self.bridge.stop()
        self.worker.close()
        super().closeEvent(event)
