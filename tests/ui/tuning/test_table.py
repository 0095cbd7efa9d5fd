"""The table of consequences calls defects as all other tables do."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication

from station.contract import DefectKind
from station.quality.what_if import Fate
from station.records.defects.words import Missed
from station.records.history import History
from station.records.rows import DefectFilter
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record
from ui.tuning.table import ConsequenceTable


def test_what_was_missed_has_the_number_that_people_know(app: QApplication, tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        record(store, "R1", recipe())
        store.reviews.put_missed(Missed("R1", 70_000.0, 300.0, 100.0, 5.0, DefectKind.SPOT), "ann")
        rows = [row for row in History(store).defects(DefectFilter(1)) if row.number in (-1, 1)]
    table = ConsequenceTable()
    table.show_rows(rows, [Fate.STAYS] * len(rows))
    assert [table.data(table.index(row, 1)) for row in range(2)] == ["1", "M1"]
