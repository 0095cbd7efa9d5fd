"""QA looks at past rolls here and reviews their defects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QListView, QVBoxLayout, QWidget

from station.contract import ClothDiffers
from station.current_user import login
from station.records.history import History
from station.records.rows import DefectFilter, DefectRow, RecordsError, RollFilter, RollRow, StretchRow, Verdict
from station.records.store import Store
from ui import actions
from ui.history.detail import DefectDetail
from ui.history.filters import RollFilters
from ui.history.roll_list import UNDER_WAY, RollDelegate, RollList, span_of
from ui.widgets.crops import PictureCache
from ui.widgets.gallery import DefectGallery, GalleryView
from ui.widgets.parts import Panel, label, set_text
from ui.widgets.roll_map import MapDefect, RollMap
from ui.words import count
from ui.worker import FLUSH_S, Worker

_SHOW = {"All defects": (False, False), "Rejects": (True, False), "Not reviewed": (False, True)}


@dataclass(frozen=True, slots=True)
class OpenRoll:
    """A roll is kept with all that the page shows of it."""

    roll: RollRow
    defects: Sequence[DefectRow]
    stretches: Sequence[StretchRow]
    differing: Sequence[ClothDiffers] = ()


def _shares(opened: OpenRoll) -> list[float]:
    """Tell where each defect's middle lies across the web: 0 at its left edge, 1 at its right.

    Where no width of the web is on record (a roll broken off early), the defect farthest right stands for its right
    edge.
    """
    scale = opened.roll.mm_per_px or 1.0
    across = [d.across_mm / scale for d in opened.defects]
    width = opened.roll.web_width_px
    if not width:
        width = max((at + (d.end_px - d.first_px) / 2 for at, d in zip(across, opened.defects, strict=True)), default=1)
    return [min(max(at / max(width, 1.0), 0.0), 1.0) for at in across]


class HistoryPage(QWidget):
    """The page shows rolls at the left, the chosen roll's map and gallery in the middle, one defect at the right."""

    def __init__(self, store: Store, history: History, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._store = store
        self._history = history
        self.worker = worker
        self.opened: OpenRoll | None = None
        self._asked = 0
        self.pictures = PictureCache(worker, self)
        self.pictures.arrived.connect(self._picture_arrived)
        self.rolls = RollList(self)
        self.gallery = DefectGallery(self.pictures, self)
        self.filters = RollFilters()
        self.detail = DefectDetail()
        self.roll_map = RollMap(Qt.Orientation.Horizontal)
        self._build()
        self._wire()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(12)
        left = Panel("Rolls", margin=0)
        left.setFixedWidth(316)
        left.body.addWidget(self.filters)
        self.roll_view = QListView()
        self.roll_view.setModel(self.rolls)
        self.roll_view.setItemDelegate(RollDelegate(self.roll_view))
        self.roll_view.setAccessibleName("Rolls, newest first")
        self.roll_view.setUniformItemSizes(True)
        self.roll_view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.roll_view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        left.body.addWidget(self.roll_view, 1)
        self.no_rolls = label("No rolls match", "empty")
        self.no_rolls.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left.body.addWidget(self.no_rolls, 1)
        row.addWidget(left)
        middle = QVBoxLayout()
        middle.setSpacing(12)
        self.map_panel = Panel("Roll map")
        self.about = label("Choose a roll", "caption")
        self.about.setWordWrap(True)
        self.map_panel.body.addWidget(self.about)
        self.map_panel.body.addWidget(self.roll_map)
        middle.addWidget(self.map_panel)
        middle.addWidget(self._build_gallery(), 1)
        row.addLayout(middle, 1)
        self.detail.setFixedWidth(372)
        row.addWidget(self.detail)

    def _build_gallery(self) -> Panel:
        panel = Panel()
        head = QHBoxLayout()
        head.addWidget(label("Defects", "heading"))
        self.counts = label("", "caption")
        head.addWidget(self.counts)
        head.addStretch(1)
        self.which = QComboBox()
        self.which.addItems(list(_SHOW))
        self.which.setFixedWidth(150)
        self.which.setAccessibleName("Which defects")
        self.which.setToolTip("Which defects are shown")
        head.addWidget(self.which)
        panel.body.addLayout(head)
        self.view = GalleryView("Defects of the roll", self.gallery)
        self.no_defects = label("No defects to show", "empty")
        self.no_defects.setAlignment(Qt.AlignmentFlag.AlignCenter)
        panel.body.addWidget(self.view, 1)
        panel.body.addWidget(self.no_defects, 1)
        return panel

    def _wire(self) -> None:
        self.filters.changed.connect(self.refresh)
        self.which.currentIndexChanged.connect(lambda _index: self._show_gallery())
        self.roll_view.selectionModel().currentChanged.connect(self._roll_chosen)
        self.view.selectionModel().currentChanged.connect(lambda now, _before: self._show_detail(now))
        self.roll_map.chosen.connect(self.choose_defect)
        self.detail.judged.connect(self.judge)
        self.detail.stepped.connect(self.next_unreviewed)

    # reading

    def refresh(self, _event: object = None) -> None:
        """Read the rolls anew; the chosen one stays chosen."""
        wanted = self.filters.value()
        spoilt: list[Exception] = []

        def read() -> tuple[list[str], list[RollRow]]:
            self._store.flush(FLUSH_S)
            return self._history.fabrics(), self._history.rolls(wanted, spoilt.append)

        def show(read: tuple[list[str], list[RollRow]]) -> None:
            self._show_rolls(*read)
            self._tell_spoilt(spoilt)

        self.worker.run(read, show, self._tell_failure)

    def _show_rolls(self, fabrics: list[str], rolls: Sequence[RollRow]) -> None:
        self.filters.show_fabrics(fabrics)
        chosen = self.opened.roll.id if self.opened else None
        self.rolls.show_rows(rolls)
        narrowed = self.filters.value() != RollFilter()
        none = f"No rolls yet.\nStart one on the Live page ({actions.key('open_live')})."
        set_text(self.no_rolls, "No rolls match" if narrowed else none)
        self.roll_view.setVisible(bool(rolls))
        self.no_rolls.setVisible(not rolls)
        if not rolls:
            self._show_roll(None)
            return
        at = self.rolls.row_of(chosen) if chosen is not None else None
        self.roll_view.setCurrentIndex(self.rolls.index(at or 0))

    def _roll_chosen(self, now: QModelIndex, _before: QModelIndex) -> None:
        if not now.isValid():
            return
        roll: RollRow = now.data(RollList.RollRole)
        self._asked += 1
        asked = self._asked
        spoilt: list[Exception] = []

        def read() -> OpenRoll:
            defects = self._history.defects(DefectFilter(roll.id, limit=20000), spoilt.append)
            stretches = self._history.stretches(roll.id, spoilt.append)
            return OpenRoll(roll, defects, stretches, self._history.differing(roll.id))

        def show(read: OpenRoll) -> None:
            if asked == self._asked:
                self._show_roll(read)
                self._tell_spoilt(spoilt)

        self.worker.run(read, show, self._tell_failure)

    def _show_roll(self, opened: OpenRoll | None) -> None:
        same = opened is not None and self.opened is not None and opened.roll.id == self.opened.roll.id
        self.opened = opened
        heading = self.map_panel.heading
        if heading is not None:
            set_text(heading, f"Roll {opened.roll.name}" if opened else "Roll map")
        self._show_map()
        self._show_gallery(keep=same)

    def _show_map(self) -> None:
        if self.opened is None:
            set_text(self.about, "Choose a roll" if self.rolls.rows else "No roll to show")
            self.roll_map.show_roll(0, None, (), ())
            return
        roll, ledger = self.opened.roll, self.opened.roll.ledger
        under_way = roll.ended_at is None
        words = [f"INCOMPLETE: {roll.incomplete}"] if roll.incomplete else []
        words.append(UNDER_WAY if under_way else f"{span_of(roll, ledger.lines_inspected)} inspected")
        if ledger.lines_uninspected:
            words.append(f"{span_of(roll, ledger.lines_uninspected)} not inspected (hatched)")
        if self.opened.differing:
            words.append("differs from what was taught (hatched grey)")
        words.append(count(roll.rejects, "reject"))
        set_text(self.about, "   ·   ".join(words))
        across = _shares(self.opened)
        marks = [
            MapDefect(d.id, d.first_line, d.end_line, share, d.is_reject, d.verdict is Verdict.FALSE_ALARM)
            for d, share in zip(self.opened.defects, across, strict=True)
        ]
        gaps = [(s.first_line, s.end_line) for s in self.opened.stretches if s.reason is not None]
        reach = max((d.end_line for d in self.opened.defects), default=0)  # of a roll under way no end is told yet
        lines = max(ledger.lines_acquired, reach)
        other = [one.span(lines) for one in self.opened.differing]
        self.roll_map.show_roll(lines, roll.mm_per_line, marks, gaps, differing=other)

    def _show_gallery(self, *, keep: bool = False) -> None:
        rejects_only, unreviewed_only = _SHOW[self.which.currentText()]
        every = self.opened.defects if self.opened else ()
        rows = [d for d in every if (d.is_reject or not rejects_only) and (d.verdict is None or not unreviewed_only)]
        shown = self.detail.row
        self.gallery.show_rows(rows)
        self.view.setVisible(bool(rows))
        self.no_defects.setVisible(not rows)
        self._show_counts()
        at = self.gallery.place(shown.id) if keep and shown else None
        if rows:
            self.view.setCurrentIndex(self.gallery.index(at or 0))
        else:
            self.detail.show_defect(None, None)

    def _show_counts(self) -> None:
        every = self.opened.defects if self.opened else ()
        confirmed = sum(d.verdict is Verdict.CONFIRMED for d in every)
        false = sum(d.verdict is Verdict.FALSE_ALARM for d in every)
        left = len(every) - confirmed - false
        self.detail.next_button.setEnabled(self._next_place() is not None)
        if not every:
            set_text(self.counts, "")
            return
        words = (f"{len(every)}", f"{confirmed} confirmed", count(false, "false alarm"), f"{left} to review")
        set_text(self.counts, " · ".join(words))

    # one defect

    def _show_detail(self, now: QModelIndex) -> None:
        row: DefectRow | None = now.data(DefectGallery.DefectRole) if now.isValid() else None
        self.detail.tell("")
        self.detail.show_defect(row, self.pictures.get(row) if row else None)
        self.roll_map.choose(row.id if row else None)
        self.detail.next_button.setEnabled(self._next_place() is not None)

    def _picture_arrived(self, defect_id: int) -> None:
        row = self.detail.row
        if row is not None and row.id == defect_id:
            self.detail.pair.show_pictures(self.pictures.get(row))

    def choose_defect(self, defect_id: int) -> None:
        """Show a defect of the roll."""
        at = self.gallery.place(defect_id)
        if at is None:
            self.which.setCurrentIndex(0)
            at = self.gallery.place(defect_id)
        if at is not None:
            index = self.gallery.index(at)
            self.view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.view.scrollTo(index)

    def next_unreviewed(self) -> None:
        """Go on to the next defect shown that nobody has reviewed, round the end."""
        at = self._next_place()
        if at is not None:
            self.view.setCurrentIndex(self.gallery.index(at))

    def _next_place(self) -> int | None:
        rows = self.gallery.rows
        here = self.view.currentIndex().row()
        order = [*range(here + 1, len(rows)), *range(0, max(here, 0))]
        return next((at for at in order if rows[at].verdict is None), None)

    def judge(self, verdict: Verdict) -> None:
        """Record what a person says of the defect shown."""
        row = self.detail.row
        if row is None:
            return
        by = login()
        self.worker.run(
            lambda: self._store.review(row.id, verdict, by),
            lambda _none: self._judged(replace(row, verdict=verdict, reviewed_by=by)),
            self._tell_failure,
            writes=True,
        )

    def _judged(self, row: DefectRow) -> None:
        if self.opened is not None:
            defects = [row if d.id == row.id else d for d in self.opened.defects]
            self.opened = replace(self.opened, defects=defects)
        self.gallery.renew(row)
        if self.detail.row is not None and self.detail.row.id == row.id:
            self.detail.show_defect(row, self.pictures.get(row))
        self._show_counts()
        self._show_map()

    def _tell_spoilt(self, spoilt: Sequence[Exception]) -> None:
        """Say what could not be read of the records; the rest is shown."""
        if spoilt:
            more = f" ({count(len(spoilt) - 1, 'more row', 'more rows')})" if len(spoilt) > 1 else ""
            self.detail.tell(f"{spoilt[0]}{more}")

    def _tell_failure(self, error: Exception) -> None:
        plain = isinstance(error, RecordsError)
        self.detail.tell(str(error) if plain else f"The records could not be read or written: {error}")
