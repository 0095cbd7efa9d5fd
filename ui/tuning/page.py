"""The engineer's page."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from station.recipe import Recipe
from station.records.queries import History
from station.records.rows import DefectFilter, DefectRow, RecordsError, RollRow
from station.records.store import Store
from ui import theme
from ui.tuning.score_plot import ScorePlot
from ui.tuning.table import ConsequenceTable
from ui.tuning.what_if import Consequence, Fate, what_if
from ui.widgets.crops import PictureCache
from ui.widgets.gallery import DefectGallery, GalleryView
from ui.widgets.parts import Facts, Panel, button, label, set_text
from ui.words import count, grouped, metres, when
from ui.worker import Worker

_SETTLE_MS = 40


@dataclass(frozen=True, slots=True, eq=False)
class LastRoll:
    """What the page needs to know of a fabric."""

    recipe: Recipe
    roll: RollRow | None
    defects: Sequence[DefectRow]
    peaks: NDArray[np.float32]

    @property
    def inspected_m(self) -> float | None:
        """Metres judged, None without a roll or a scale."""
        if self.roll is None or self.roll.mm_per_px is None:
            return None
        return self.roll.ledger.lines_inspected * self.roll.mm_per_px / 1000


def read_last_roll(history: History, fabric: str) -> LastRoll:
    """Read the fabric's recipe in force and its last roll."""
    recipe, roll = history.recipe(fabric), history.last_roll(fabric)
    if roll is None:
        return LastRoll(recipe, None, (), np.zeros(0, np.float32))
    _, peaks = history.profile(roll.id)
    return LastRoll(recipe, roll, history.defects(DefectFilter(roll.id, limit=20000)), np.asarray(peaks, np.float32))


class TuningPage(QWidget):
    """Move the threshold against a roll that has been seen; save it as a new recipe version."""

    def __init__(self, store: Store, history: History, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._store, self._history, self._worker = store, history, worker
        self._data: LastRoll | None = None
        self._asked = 0
        self.pictures = PictureCache(worker, self)
        self.table = ConsequenceTable(self)
        self.changed = DefectGallery(self.pictures, self)
        self.plot = ScorePlot()
        # a drag moves the line far oftener than a table of a thousand rows can follow
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._judge)
        self._build()
        self.plot.moved.connect(self._line_moved)

    # layout

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(12)
        middle = QVBoxLayout()
        middle.setSpacing(12)
        scores = Panel("Scores of the last roll")
        self.about = label("", "caption")
        scores.body.addWidget(self.about)
        scores.body.addWidget(self.plot, 1)
        middle.addWidget(scores, 5)
        lower = QHBoxLayout()
        lower.setSpacing(12)
        lower.addWidget(self._build_table(), 5)
        lower.addWidget(self._build_changed(), 4)
        middle.addLayout(lower, 5)
        row.addLayout(middle, 1)
        side = QWidget()
        side.setFixedWidth(372)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._build_recipe())
        column.addWidget(self._build_consequence())
        column.addWidget(self._build_save())
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
        self.view.verticalHeader().setVisible(False)
        self.view.verticalHeader().setDefaultSectionSize(28)
        header = self.view.horizontalHeader()
        header.setHighlightSections(False)
        for section, wide in enumerate((84, 44, 112, 122, 76, 60, 90)):
            self.view.setColumnWidth(section, wide)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        panel.body.addWidget(self.view, 1)
        return panel

    def _build_changed(self) -> Panel:
        panel = Panel("Pictures of what changes")
        self.nothing = label("Nothing changes at this threshold", "empty")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.gallery = GalleryView("Defects that come or go", self.changed)
        panel.body.addWidget(self.nothing, 1)
        panel.body.addWidget(self.gallery, 1)
        return panel

    def _build_recipe(self) -> Panel:
        panel = Panel("Recipe")
        self.fabric = QComboBox()
        self.fabric.setAccessibleName("Fabric")
        self.fabric.setToolTip("Fabric whose recipe is tuned")
        self.fabric.currentTextChanged.connect(self._load)
        panel.body.addWidget(self.fabric)
        self.facts = Facts(["In force", "Saved", "Threshold", "Last roll", "Inspected"])
        panel.body.addWidget(self.facts)
        return panel

    def _build_consequence(self) -> Panel:
        panel = Panel("New values")
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        self.threshold = self._spin("New threshold, raw score", 4)
        self.min_length = self._spin("Least length", 1)
        self.unit = label("Least length, mm", "caption")
        grid.addWidget(label("Threshold, raw score", "caption"), 0, 0)
        grid.addWidget(self.threshold, 0, 1)
        grid.addWidget(self.unit, 1, 0)
        grid.addWidget(self.min_length, 1, 1)
        panel.body.addLayout(grid)
        self.threshold.valueChanged.connect(self._spun)
        self.min_length.valueChanged.connect(lambda _value: self._settle.start())
        panel.body.addSpacing(4)
        self._before: dict[str, QLabel] = {}
        self._after: dict[str, QLabel] = {}
        figures = QGridLayout()
        figures.setVerticalSpacing(6)
        figures.setHorizontalSpacing(12)
        figures.setColumnStretch(0, 1)
        for at, word in ((1, "now"), (2, "new")):
            figures.addWidget(label(word, "caption"), 0, at, Qt.AlignmentFlag.AlignRight)
        names = ("Rejects", "come", "go", "Patches above", "Marked false, per 100 m", "Unreviewed, per 100 m")
        for line, name in enumerate(names, start=1):
            figures.addWidget(label(name, "caption"), line, 0)
            for at, store in ((1, self._before), (2, self._after)):
                store[name] = label("–", "strong")
                figures.addWidget(store[name], line, at, Qt.AlignmentFlag.AlignRight)
        panel.body.addLayout(figures)
        self.honest = label("", "caption", wrap=True)
        panel.body.addWidget(self.honest)
        return panel

    def _build_save(self) -> Panel:
        panel = Panel("Save as a new recipe version")
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why? Stays with the version for good")
        self.why.setAccessibleName("Why the recipe changes")
        self.why.textChanged.connect(lambda _text: self._show_save())
        self.by = QLineEdit(_login())
        self.by.setAccessibleName("Who changes the recipe")
        self.save_button = button("Save   Ctrl+S", "Save as a new recipe version", key="Ctrl+S", role="act")
        self.reset_button = button("Back   Ctrl+R", "Back to the recipe in force", key="Ctrl+R")
        self.save_button.clicked.connect(self.save)
        self.reset_button.clicked.connect(self.reset)
        panel.body.addWidget(self.why)
        line = QHBoxLayout()
        line.addWidget(label("by", "caption"))
        line.addWidget(self.by, 1)
        panel.body.addLayout(line)
        buttons = QHBoxLayout()
        buttons.addWidget(self.reset_button, 1)
        buttons.addWidget(self.save_button, 1)
        panel.body.addLayout(buttons)
        self.told = label("", "caption", wrap=True)
        panel.body.addWidget(self.told)
        return panel

    def _spin(self, name: str, decimals: int) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setDecimals(decimals)
        spin.setRange(0.0, 1e6)
        spin.setFixedWidth(124)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.setAccessibleName(name)
        spin.setToolTip(name)
        spin.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        return spin

    # data

    def refresh(self, _event: object = None) -> None:
        """Read the fabrics and the chosen one's last roll anew, unless somebody is at work on new values."""
        if self._is_changed():
            return
        self._worker.run(self._history.fabrics, self._show_fabrics, self._tell_failure)

    def _show_fabrics(self, fabrics: list[str]) -> None:
        chosen = self.fabric.currentText()
        with QSignalBlocker(self.fabric):
            self.fabric.clear()
            self.fabric.addItems(fabrics)
            if chosen in fabrics:
                self.fabric.setCurrentText(chosen)
        self._load(self.fabric.currentText())

    def _load(self, fabric: str) -> None:
        if not fabric:
            set_text(self.about, "No fabric has been taught yet.")
            return
        self._asked += 1
        asked = self._asked
        self._worker.run(
            lambda: read_last_roll(self._history, fabric),
            lambda data: self._show(data) if asked == self._asked else None,
            self._tell_failure,
        )

    def _show(self, data: LastRoll) -> None:
        self._data = data
        recipe, roll = data.recipe, data.roll
        self.facts.show_fact("In force", f"version {recipe.version}")
        self.facts.show_fact("Saved", recipe.note or "–")
        self.facts.show_fact("Threshold", f"{recipe.threshold:.4g}")
        self.facts.show_fact("Last roll", f"{roll.name}, {when(roll.started_at)}" if roll else "none yet")
        inspected = data.inspected_m
        lines = roll.ledger.lines_inspected if roll else 0
        self.facts.show_fact("Inspected", metres(inspected, 1) if inspected is not None else f"{grouped(lines)} lines")
        set_text(self.unit, f"Least length, {recipe.unit}")
        words = f"{count(len(data.peaks), 'patch', 'patches')} judged, {count(len(data.defects), 'defect')} recorded"
        set_text(self.about, f"{words}  ·  shaded: below the report level, where defects are not recorded" if roll else
                 "This fabric has no roll yet; start one on the Live page.")
        self.plot.show_scores(data.peaks, recipe.threshold, recipe.report_level)
        self.threshold.setSingleStep(recipe.threshold * 0.01)
        self.reset()

    def reset(self) -> None:
        """Back to the recipe in force."""
        if self._data is None:
            return
        with QSignalBlocker(self.min_length), QSignalBlocker(self.threshold):
            self.min_length.setValue(self._data.recipe.min_length_mm)
            self.threshold.setValue(self._data.recipe.threshold)
        self.plot.set_threshold(self._data.recipe.threshold)
        self._judge()

    # moving the threshold

    def _line_moved(self, threshold: float) -> None:
        with QSignalBlocker(self.threshold):
            self.threshold.setValue(threshold)
        self._settle.start()

    def _spun(self, threshold: float) -> None:
        self.plot.set_threshold(threshold)
        self._settle.start()

    def _judge(self) -> None:
        data = self._data
        if data is None:
            return
        recipe = data.recipe
        old = what_if(data.defects, data.peaks, data.inspected_m, recipe.threshold, recipe.min_length_mm)
        threshold = self.threshold.value() if self._is_changed() else recipe.threshold
        new = what_if(data.defects, data.peaks, data.inspected_m, threshold, self.min_length.value())
        self._show_figures(old, self._before)
        self._show_figures(new, self._after)
        for name, fate in (("come", Fate.COMES), ("go", Fate.GOES)):
            set_text(self._before[name], "")
            set_text(self._after[name], grouped(new.fates.count(fate)))
        low = threshold < recipe.report_level
        set_text(
            self.honest,
            "Below the report level defects were not recorded: more will come than the table shows."
            if low
            else "Unreviewed rejects may be flaws or false alarms. Review them on the History page to narrow this.",
        )
        self.table.show_rows(data.defects, new.fates)
        notes = {row.id: str(fate) for row, fate in self.table.rows}
        changed = self.table.changed
        self.changed.show_rows(changed[:400], notes)
        self.gallery.setVisible(bool(changed))
        self.nothing.setVisible(not changed)
        self._show_save()

    def _show_figures(self, one: Consequence, labels: dict[str, QLabel]) -> None:
        def rate(number: int) -> str:
            per_100_m = one.per_100_m(number)
            return "–" if per_100_m is None else f"{per_100_m:.1f}"

        set_text(labels["Rejects"], grouped(one.rejects))
        set_text(labels["Patches above"], grouped(one.patches))
        set_text(labels["Marked false, per 100 m"], rate(one.false_alarms))
        set_text(labels["Unreviewed, per 100 m"], rate(one.unreviewed))

    def _is_changed(self) -> bool:
        if self._data is None:
            return False
        recipe = self._data.recipe
        moved = abs(self.threshold.value() - recipe.threshold) > 0.5 * 10.0**-4 + 1e-9
        return moved or abs(self.min_length.value() - recipe.min_length_mm) > 0.05

    # saving

    def _show_save(self) -> None:
        changed = self._is_changed()
        self.reset_button.setEnabled(changed)
        self.save_button.setEnabled(changed and bool(self.why.text().strip()) and bool(self.by.text().strip()))
        if changed and not self.why.text().strip():
            set_text(self.told, "Say why, then save.")
        elif changed:
            set_text(self.told, "")

    def save(self) -> None:
        """Save the new values as the fabric's next version."""
        if self._data is None or not self.save_button.isEnabled():
            return
        why, by = self.why.text().strip(), self.by.text().strip()
        changes = {"threshold": self.threshold.value(), "min_length_mm": self.min_length.value(),
                   "predicted_false_alarms_per_100_m": None, "note": why}
        recipe = Recipe.model_validate({**self._data.recipe.model_dump(), **changes})
        self.save_button.setEnabled(False)
        self._worker.run(lambda: self._store.save_recipe(recipe, by, why), self._saved, self._tell_failure)

    def _saved(self, recipe: Recipe) -> None:
        theme.restyle(self.told, "caption")
        set_text(self.told, f"Saved as version {recipe.version}. The next roll of {recipe.fabric} uses it.")
        self.why.clear()
        told = self.told.text()
        self._load(recipe.fabric)
        set_text(self.told, told)

    def _tell_failure(self, error: Exception) -> None:
        theme.restyle(self.told, "fault")
        plain = isinstance(error, RecordsError)
        set_text(self.told, str(error) if plain else f"The records could not be read or written: {error}")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


