"""The table says what becomes of each defect of the roll under the new threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from station.quality.what_if import Fate
from station.records.rows import DefectRow, Verdict
from station.state.defect_kind import kind_words
from ui import theme
from ui.words import position, size

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("Change", "No.", "Kind", "Size", "Position", "Score", "Review")
_SIGN = {Fate.STAYS: "check", Fate.GOES: "cross", Fate.COMES: "warning", Fate.PASSES: "dot"}
_COLOUR = {Fate.STAYS: "text", Fate.GOES: "act_deep", Fate.COMES: "warning_deep", Fate.PASSES: "text_faint"}
_VERDICT = {Verdict.CONFIRMED: "confirmed", Verdict.FALSE_ALARM: "false", Verdict.UNSURE: "unsure", None: "–"}
_ORDER = {Fate.COMES: 0, Fate.GOES: 1, Fate.STAYS: 2, Fate.PASSES: 3}


class ConsequenceTable(QAbstractTableModel):
    """The model has a row for each defect, those that change first."""

    DefectRole = Qt.ItemDataRole.UserRole + 1
    FateRole = Qt.ItemDataRole.UserRole + 2

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[DefectRow, Fate]] = []

    def roleNames(self) -> dict[int, Any]:
        """Name the roles."""
        return {self.DefectRole: b"defect", self.FateRole: b"fate"}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the defects."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a cell's value for a role."""
        defect, fate = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return _cell(defect, fate, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return theme.icon(_SIGN[fate], _COLOUR[fate])
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour(_COLOUR[fate] if index.column() == 0 or fate is Fate.PASSES else "text")
        if role == self.DefectRole:
            return defect
        if role == self.FateRole:
            return fate
        return None

    @property
    def rows(self) -> list[tuple[DefectRow, Fate]]:
        """Give the rows as shown."""
        return list(self._rows)

    @property
    def changed(self) -> list[DefectRow]:
        """Give the defects that come or go."""
        return [defect for defect, fate in self._rows if fate in (Fate.COMES, Fate.GOES)]

    def show_rows(self, defects: Sequence[DefectRow], fates: Sequence[Fate]) -> None:
        """Show other defects and their fates."""
        self.beginResetModel()
        pairs = zip(defects, fates, strict=True)
        self._rows = sorted(pairs, key=lambda pair: (_ORDER[pair[1]], pair[0].position_mm, pair[0].number))
        self.endResetModel()


def _cell(defect: DefectRow, fate: Fate, column: int) -> str:
    return (
        str(fate),
        defect.label,
        kind_words(defect.kind, defect.parts, defect.look),
        size(defect.length_mm, defect.width_mm, defect.unit),
        position(defect.position_mm, defect.unit),
        f"{defect.score:.3g}",
        _VERDICT[defect.verdict],
    )[column]
