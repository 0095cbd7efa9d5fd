"""The engineer tries another threshold here before it costs anything."""

from __future__ import annotations

from pydantic import ValidationError
from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from station.quality.what_if import what_if
from station.recipe import Recipe
from station.records.history import History
from station.records.recipes import SupersededError
from station.records.rows import RecordsError, RollRow
from station.records.store import Store
from ui import actions
from ui.banner import NOT_TAUGHT
from ui.tuning.last_roll import LastRoll, read_last_roll
from ui.tuning.panels import RecipePanel, SavePanel, ValuesPanel
from ui.tuning.score_plot import ScorePlot
from ui.tuning.table import ConsequenceTable
from ui.widgets.crops import PictureCache
from ui.widgets.gallery import DefectGallery, GalleryView
from ui.widgets.parts import Panel, label, set_text
from ui.words import count
from ui.worker import FLUSH_S, Worker

_SETTLE_MS = 40
_MOST_PICTURES = 400


def _open(roll: RollRow) -> str:
    return ", still open" if roll.ended_at is None else ""


class TuningPage(QWidget):
    """A person moves the threshold against a roll that has been seen, and saves it as a new recipe version."""

    def __init__(self, store: Store, history: History, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._store = store
        self._history = history
        self.worker = worker
        self.data: LastRoll | None = None
        self._asked = 0
        self._after = ("", False)
        self.pictures = PictureCache(worker, self)
        self.table = ConsequenceTable(self)
        self.changed = DefectGallery(self.pictures, self)
        self.plot = ScorePlot()
        self.recipe = RecipePanel()
        self.values = ValuesPanel()
        self.saving = SavePanel()
        # a drag moves the line far oftener than a table of a thousand rows can follow
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._judge)
        self._build()
        self._wire()
        self.gallery.setVisible(False)
        self._enable(False)

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(12)
        middle = QVBoxLayout()
        middle.setSpacing(12)
        self.scores = Panel("Scores of the last roll")
        self.about = label("", "caption")
        self.scores.body.addWidget(self.about)
        self.scores.body.addWidget(self.plot, 1)
        middle.addWidget(self.scores, 5)
        lower = QHBoxLayout()
        lower.setSpacing(12)
        lower.addWidget(self._build_table(), 66)
        lower.addWidget(self._build_changed(), 34)
        middle.addLayout(lower, 5)
        row.addLayout(middle, 1)
        side = QWidget()
        side.setFixedWidth(372)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for panel in (self.recipe, self.values, self.saving):
            column.addWidget(panel)
        column.addStretch(1)
        row.addWidget(side)

    def _build_table(self) -> Panel:
        panel = Panel("Defects of the roll")
        self.view = QTableView()
        self.view.setModel(self.table)
        self.view.setAccessibleName("Defects and what becomes of them")
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.setTabKeyNavigation(False)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.verticalHeader().setVisible(False)
        self.view.verticalHeader().setDefaultSectionSize(28)
        header = self.view.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        for section, wide in enumerate((86, 36, 150, 100, 68, 58, 66)):
            self.view.setColumnWidth(section, wide)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        panel.body.addWidget(self.view, 1)
        return panel

    def _build_changed(self) -> Panel:
        panel = Panel("What changes")
        self.nothing = label("Nothing changes.\nMove the threshold to see what comes and goes.", "empty", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.gallery = GalleryView("Defects that come or go", self.changed)
        panel.body.addWidget(self.nothing, 1)
        panel.body.addWidget(self.gallery, 1)
        return panel

    def _wire(self) -> None:
        self.plot.moved.connect(self._line_moved)
        self.recipe.fabric.currentTextChanged.connect(self._load)
        self.values.threshold_changed.connect(self._spun)
        self.values.length_changed.connect(lambda _value: self._settle.start())
        self.saving.saved.connect(self.save)
        self.saving.back.connect(self.reset)

    # reading

    def refresh(self, _event: object = None) -> None:
        """Read the fabrics and the chosen one's last roll anew, unless somebody is at work on new values."""
        if not self._is_changed():
            self.worker.run(self._history.fabrics, self._show_fabrics, self._tell_failure)

    def _show_fabrics(self, fabrics: list[str]) -> None:
        box = self.recipe.fabric
        chosen = box.currentText()
        with QSignalBlocker(box):
            box.clear()
            box.addItems(fabrics)
            if chosen in fabrics:
                box.setCurrentText(chosen)
        self._load(box.currentText())

    def _load(self, fabric: str) -> None:
        if not fabric:
            set_text(self.about, NOT_TAUGHT)
            self._enable(False)
            return
        self._asked += 1
        asked = self._asked

        def read() -> LastRoll:
            self._store.flush(FLUSH_S)
            return read_last_roll(self._history, fabric)

        self.worker.run(
            read,
            lambda data: self._show(data) if asked == self._asked else None,
            self._tell_failure,
        )

    def _show(self, data: LastRoll) -> None:
        self.data = data
        recipe, roll = data.recipe, data.roll
        self._enable(True)
        self.recipe.show_recipe(recipe, roll, data.inspected_m)
        if self.scores.heading is not None:
            set_text(self.scores.heading, f"Scores of roll {roll.name}{_open(roll)}" if roll else "Scores")
        words = f"{count(len(data.peaks), 'patch', 'patches')} judged, {count(len(data.defects), 'defect')} recorded"
        shaded = "shaded: below the report level, where defects are not recorded"
        none = "No roll has been judged by this model yet." if data.other_rolls else "This fabric has no roll yet."
        none += f" Start one on the Live page ({actions.key('open_live')}); its scores are shown here at its end."
        set_text(self.about, f"{words}  ·  {shaded}" if roll else none)
        self.plot.show_scores(data.peaks, recipe.threshold, data.report_level if roll else 0.0)
        self.reset()
        self.saving.tell(self._after[0], fault=self._after[1])
        self._after = ("", False)

    def _enable(self, some: bool) -> None:
        """Let nothing be set where nothing has been taught."""
        self.plot.show_lines(some)
        for part in (self.values, self.saving, self.recipe.fabric):
            part.setEnabled(some)

    def reset(self) -> None:
        """Go back to the recipe in force."""
        if self.data is not None:
            self.values.show_values(self.data.recipe)
            self.plot.set_threshold(self.data.recipe.threshold)
            self.saving.tell("")
            self._judge()

    # moving the threshold

    def _line_moved(self, threshold: float) -> None:
        self.values.show_threshold(threshold)
        self._settle.start()

    def _spun(self, threshold: float) -> None:
        self.plot.set_threshold(threshold)
        self._settle.start()

    def _judge(self) -> None:
        data = self.data
        if data is None:
            return
        recipe, changed = data.recipe, self._is_changed()
        in_force = (recipe.threshold, recipe.min_length_mm)
        now = what_if(data.defects, data.peaks, data.inspected_m, *in_force, in_force)
        threshold = self.values.threshold.value() if changed else recipe.threshold
        least = self.values.min_length.value() if changed else recipe.min_length_mm
        new = what_if(data.defects, data.peaks, data.inspected_m, threshold, least, in_force)
        self.values.show_consequence(now, new, below_report=threshold < data.report_level)
        self.table.show_rows(data.defects, new.fates)
        rows = self.table.changed[:_MOST_PICTURES]
        if [row.id for row in rows] != [row.id for row in self.changed.rows]:
            self.changed.show_rows(rows, {row.id: str(fate) for row, fate in self.table.rows})
        self.gallery.setVisible(bool(rows))
        self.nothing.setVisible(not rows)
        self.saving.show_state(changed)

    def _is_changed(self) -> bool:
        """Tell whether the fields differ from the recipe by more than they can show."""
        if self.data is None:
            return False
        recipe, values = self.data.recipe, self.values
        moved = abs(values.threshold.value() - recipe.threshold) > 0.6 * 10.0 ** -values.threshold.decimals()
        return moved or abs(values.min_length.value() - recipe.min_length_mm) > 0.06

    # saving

    def save(self, by: str, why: str) -> None:
        """Save the new values as the fabric's next version."""
        if self.data is None or not self._is_changed():
            return
        changes = {
            "threshold": self.values.threshold.value(),
            "min_length_mm": self.values.min_length.value(),
            "predicted_false_alarms_per_100_m": None,  # of the old threshold; nobody has measured the new one yet
            "note": why,
        }
        based_on = self.data.recipe.version
        try:
            recipe = Recipe.model_validate({**self.data.recipe.model_dump(), **changes})
        except ValidationError as error:
            fault = error.errors()[0]
            field = str(fault["loc"][0]).replace("_", " ") if fault["loc"] else "recipe"
            self.saving.tell(f"The new {field} is not possible ({fault['msg']}); change it, then save.", fault=True)
            return
        self.saving.save_button.setEnabled(False)
        self.worker.run(
            lambda: self._store.save_recipe(recipe, by, why, based_on=based_on), self._saved, self._refused, writes=True
        )

    def _saved(self, recipe: Recipe) -> None:
        self.saving.why.clear()
        self._after = (f"Saved as version {recipe.version}. The next roll of {recipe.fabric} uses it.", False)
        self._load(recipe.fabric)

    def _refused(self, error: Exception) -> None:
        if isinstance(error, SupersededError):
            self._after = (str(error), True)
            self._load(self.recipe.fabric.currentText())
            return
        self.saving.show_state(self._is_changed())  # it may be tried again
        self._tell_failure(error)

    def _tell_failure(self, error: Exception) -> None:
        plain = isinstance(error, RecordsError)
        self.saving.tell(str(error) if plain else f"The records could not be read or written: {error}", fault=True)
