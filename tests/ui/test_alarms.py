"""The alarm row: nothing is answered that nobody could read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from station.contract import Acknowledged, Defect, DefectKind, Notice, Severity, StationError
from station.current_user import login
from ui.alarms import AlarmRow

SPOT = Defect(
    number=7, first_line=100, end_line=200, first_px=300, end_px=310, length_mm=50, width_mm=5, area_mm2=250,
    position_mm=50, across_mm=140, score=1.0, threshold=0.12, kind=DefectKind.SPOT, is_reject=True, closed=True,
)  # fmt: skip


@pytest.fixture
def answers() -> list[Acknowledged]:
    """What people answered."""
    return []


@pytest.fixture
def row(app: QApplication, answers: list[Acknowledged]) -> Iterator[AlarmRow]:
    made = AlarmRow(answers.append)
    yield made
    made.deleteLater()


def test_notices_are_answered_one_by_one_the_newest_of_the_gravest_first(row: AlarmRow) -> None:
    told = [
        (Severity.WARNING, "A"),
        (Severity.ERROR, "B"),
        (Severity.INFO, "C"),
        (Severity.ERROR, "D"),
        (Severity.WARNING, "E"),
    ]
    for severity, text in told:
        row.put_notice(Notice(severity, text))
    seen = []
    while row.has_notice:
        seen.append(row.text)
        row.acknowledge()
    assert seen == ["D (and 4 more)", "B (and 3 more)", "E (and 2 more)", "A (and 1 more)", "C"]
    assert row.text == "No unanswered alarms"


def test_rejects_go_together_with_the_notice_beside_them(row: AlarmRow) -> None:
    row.put_notice(Notice(Severity.WARNING, "The lamp fades."))
    row.put_notice(Notice(Severity.ERROR, "Camera 1 does not answer."))
    for number in (7, 8):
        row.put_reject(replace(SPOT, number=number), "mm")
    row.acknowledge()
    assert row.open_alarms == set()
    assert row.text == "The lamp fades."


def test_too_many_notices_never_push_out_a_graver_one(row: AlarmRow) -> None:
    row.put_notice(Notice(Severity.ERROR, "The disk is full."))
    for number in range(200):
        row.put_notice(Notice(Severity.INFO, f"Backup {number} was made."))
    assert row.text.startswith("The disk is full.")
    row.acknowledge()
    assert row.text.startswith("Backup 199 was made.")


def test_an_area_says_how_many_spots_it_has(row: AlarmRow) -> None:
    row.put_reject(replace(SPOT, kind=DefectKind.AREA, parts=28), "mm")
    assert "area of 28 spots" in row.text


def test_an_answer_says_who_saw_which_rejects_and_which_notice(row: AlarmRow, answers: list[Acknowledged]) -> None:
    row.put_notice(Notice(Severity.WARNING, "The lamp fades."))
    row.put_notice(Notice(Severity.ERROR, "Camera 1 does not answer."))
    for number in (8, 7):
        row.put_reject(replace(SPOT, number=number), "mm")
    row.acknowledge()
    assert answers == [Acknowledged(login(), (7, 8), ("Camera 1 does not answer.",))]


def test_an_answer_that_is_refused_clears_nothing_and_is_told(app: QApplication, qtbot: QtBot) -> None:
    refusals = ["Nobody is signed in; sign in to answer alarms."]

    def take(_answer: Acknowledged) -> None:
        if refusals:
            raise StationError(refusals[0])

    row = AlarmRow(take)
    row.put_reject(SPOT, "mm")
    with qtbot.assertNotEmitted(row.acknowledged):
        row.acknowledge()
    assert row.open_alarms == {7}
    assert refusals[0] in row.text
    refusals.clear()
    row.acknowledge()
    assert row.open_alarms == set()
    row.deleteLater()
