"""The side of the tuning page shows the recipe in force, new values with what they would do, and saves them."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from station.current_user import login
from station.quality.what_if import Consequence, Fate
from station.recipe import Recipe
from station.recipe.looks_chosen import looks_told
from station.records.rows import RollRow
from ui import theme
from ui.widgets.parts import FieldList, Panel, button, label, set_text
from ui.words import grouped, metres, when

_ROWS = (
    ("Rejects", "Defects that the recipe would not let pass"),
    ("come", "Defects that passed and would be rejects"),
    ("go", "Rejects that would pass"),
    ("Patches above", "Places of the whole roll whose score reaches the threshold; a defect may cover several"),
    ("Marked false / 100 m", "Rejects that a person marked as false alarms, per 100 m inspected"),
    ("Unreviewed / 100 m", "Rejects nobody has reviewed, per 100 m inspected: flaws or false alarms"),
)


class RecipePanel(Panel):
    """The panel shows a fabric and its recipe in force."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Recipe", parent)
        self.fabric = QComboBox()
        self.fabric.setAccessibleName("Fabric")
        self.fabric.setToolTip("Fabric whose recipe is tuned")
        self.body.addWidget(self.fabric)
        self.fields = FieldList(["In force", "Looks", "Tuned against", "Inspected"])
        self.body.addWidget(self.fields)

    def show_recipe(self, recipe: Recipe, roll: RollRow | None, inspected_m: float | None) -> None:
        """Show the recipe and the roll it is tuned against."""
        self.fields.show_field("In force", f"version {recipe.version}, threshold {recipe.threshold:.4g}")
        self.fields.show_field("Looks", looks_told(recipe))
        self.fields.show_field("Tuned against", _roll_words(recipe, roll))
        lines = roll.ledger.lines_inspected if roll else 0
        text = metres(inspected_m, 1) if inspected_m is not None else f"{grouped(lines)} lines"
        if roll is None:
            self.fields.show_field("Inspected", "–")
        elif roll.ended_at is None:
            self.fields.show_field("Inspected", "counted at its end")
        else:
            self.fields.show_field("Inspected", f"{text}, {when(roll.started_at)}")


def _roll_words(recipe: Recipe, roll: RollRow | None) -> str:
    if roll is None:
        return "no roll of this model yet"
    state = "" if roll.ended_at else ", still open"
    judged = f", judged by version {roll.recipe_version}" if roll.recipe_version != recipe.version else ""
    return f"roll {roll.name}{state}{judged}"


class ValuesPanel(Panel):
    """The panel takes threshold and least length, and shows what they would have done to the roll."""

    threshold_changed = Signal(float)
    length_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New values", parent)
        self.threshold = _spin("New threshold, raw score", 4)
        self.threshold.setMinimum(10.0**-4)  # a recipe takes no threshold of 0
        self.min_length = _spin("Least length of a reject", 1)
        self.threshold.valueChanged.connect(self.threshold_changed)
        self.min_length.valueChanged.connect(self.length_changed)
        self._unit = label("Least length, mm", "caption")
        fields = QGridLayout()
        fields.setVerticalSpacing(8)
        fields.setColumnStretch(0, 1)
        fields.addWidget(label("Threshold, raw score", "caption"), 0, 0)
        fields.addWidget(self.threshold, 0, 1)
        fields.addWidget(self._unit, 1, 0)
        fields.addWidget(self.min_length, 1, 1)
        self.body.addLayout(fields)
        self._now: dict[str, QLabel] = {}
        self._new: dict[str, QLabel] = {}
        figures = QGridLayout()
        figures.setVerticalSpacing(5)
        figures.setColumnStretch(0, 1)
        figures.setColumnMinimumWidth(1, 72)
        figures.setColumnMinimumWidth(2, 72)
        for at, (word, labels) in enumerate((("now", self._now), ("new", self._new)), start=1):
            figures.addWidget(label(word, "caption"), 0, at, Qt.AlignmentFlag.AlignRight)
            for line, (name, tip) in enumerate(_ROWS, start=1):
                caption = label(name, "caption")
                caption.setToolTip(tip)
                figures.addWidget(caption, line, 0)
                labels[name] = label("–", "strong")
                labels[name].setToolTip(tip)
                figures.addWidget(labels[name], line, at, Qt.AlignmentFlag.AlignRight)
        self.body.addLayout(figures)
        self.honest = label("", "caption", wrap=True)
        self.honest.setMinimumHeight(30)
        self.honest.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self.honest)

    def show_values(self, recipe: Recipe) -> None:
        """Put the recipe's own values into the fields, telling nobody."""
        with QSignalBlocker(self):
            self._unit.setText(f"Least length, {recipe.unit}")
            self.threshold.setSingleStep(recipe.threshold * 0.01)
            self.min_length.setValue(recipe.min_length_mm)
            self.threshold.setValue(recipe.threshold)

    def show_threshold(self, threshold: float) -> None:
        """Show the threshold to which the line was dragged."""
        with QSignalBlocker(self):
            self.threshold.setValue(threshold)

    def show_consequence(self, now: Consequence, new: Consequence, *, below_report: bool) -> None:
        """Show the figures of the recipe in force and of the new values."""
        for one, labels in ((now, self._now), (new, self._new)):
            set_text(labels["Rejects"], grouped(one.rejects))
            set_text(labels["Patches above"], grouped(one.patches))
            set_text(labels["Marked false / 100 m"], _rate(one, one.false_alarms))
            set_text(labels["Unreviewed / 100 m"], _rate(one, one.unreviewed))
        for name, fate in (("come", Fate.COMES), ("go", Fate.GOES)):
            set_text(self._now[name], "")
            set_text(self._new[name], grouped(new.fates.count(fate)))
        set_text(
            self.honest,
            "Below the report level defects were not recorded: more will come than the table shows."
            if below_report
            else "Unreviewed rejects may be flaws or false alarms: review them on the History page.",
        )

    def figure(self, name: str) -> tuple[str, str]:
        """Give a row's texts: now and new."""
        return self._now[name].text(), self._new[name].text()


class SavePanel(Panel):
    """The panel asks why and by whom before it saves; ``saved`` carries who and why."""

    saved = Signal(str, str)
    back = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Save as a new recipe version", parent)
        self._changed = False
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why? Kept for good")
        self.why.setAccessibleName("Why the recipe changes")
        self.by = QLineEdit(login())
        self.by.setAccessibleName("Who changes the recipe")
        self.by.setToolTip("Who changes the recipe")
        self.save_button = button("save_recipe", role="act")
        self.back_button = button("undo_values")
        self.save_button.clicked.connect(lambda: self.saved.emit(self.by.text().strip(), self.why.text().strip()))
        self.back_button.clicked.connect(self.back)
        self.why.textChanged.connect(lambda _text: self.show_state(self._changed))
        self.by.textChanged.connect(lambda _text: self.show_state(self._changed))
        line = QHBoxLayout()
        line.addWidget(self.why, 3)
        line.addWidget(label("by", "caption"))
        line.addWidget(self.by, 1)
        self.body.addLayout(line)
        buttons = QHBoxLayout()
        buttons.addWidget(self.back_button, 1)
        buttons.addWidget(self.save_button, 1)
        self.body.addLayout(buttons)
        self.told = label("", "caption", wrap=True)
        self.body.addWidget(self.told)

    def show_state(self, changed: bool) -> None:
        """Show whether there is something to save."""
        self._changed = changed
        ready = bool(self.why.text().strip()) and bool(self.by.text().strip())
        self.back_button.setEnabled(changed)
        self.save_button.setEnabled(changed and ready)
        if changed:
            self.tell("" if ready else "Say why, then save.")

    def tell(self, text: str, *, fault: bool = False) -> None:
        """Say what became of it."""
        theme.restyle(self.told, "fault" if fault else "caption")
        set_text(self.told, text)


def _rate(one: Consequence, number: int) -> str:
    per_100_m = one.per_100_m(number)
    return "–" if per_100_m is None else f"{per_100_m:.1f}"


def _spin(name: str, decimals: int) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setDecimals(decimals)
    spin.setRange(0.0, 1e6)
    spin.setFixedWidth(124)
    spin.lineEdit().setTextMargins(8, 0, 8, 0)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    spin.setAccessibleName(name)
    spin.setToolTip(name)
    return spin
