"""The engineer's page over real records."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from station.current_user import login
from station.quality.what_if import Fate
from station.records.history import History
from station.records.rows import DefectFilter, RollFilter
from station.records.store import Store
from tests.rigs.scripted_core import ScriptedCore, recipe_of
from ui.shell import MainWindow
from ui.tuning.page import TuningPage

OpenWindow = Callable[..., MainWindow]


@pytest.fixture
def page(open_window: OpenWindow, past_rolls: list[str], qtbot: QtBot) -> TuningPage:
    """The page with the demo fabric's last roll."""
    made = open_window("tuning").tuning
    qtbot.waitUntil(lambda: made.data is not None)
    made.recipe.fabric.setCurrentText("demo")
    qtbot.waitUntil(lambda: made.data is not None and made.data.recipe.fabric == "demo")
    qtbot.waitUntil(lambda: not made.worker.busy)
    return made


def fates(page: TuningPage) -> dict[int, Fate]:
    return {defect.number: fate for defect, fate in page.table.rows}


def test_at_rest_everything_stays_as_it_is(page: TuningPage, history: History, past_rolls: list[str]) -> None:
    assert page.recipe.fields.text("Tuned against") == f"roll {past_rolls[0]}"
    assert page.recipe.fields.text("Looks") == "fine (threshold 0.12)"
    assert set(fates(page).values()) <= {Fate.STAYS, Fate.PASSES}
    now, new = page.values.figure("Rejects")
    roll = history.rolls(RollFilter(fabric="demo"))[0]
    assert now == new == str(len(history.defects(DefectFilter(roll.id, rejects_only=True))))
    assert page.nothing.isVisible()
    assert not page.saving.save_button.isEnabled()
    assert page.plot.threshold == pytest.approx(0.12)


def test_dragging_the_line_up_lets_defects_go(page: TuningPage, qtbot: QtBot) -> None:
    page.plot.line.setValue(0.16)
    qtbot.waitUntil(lambda: Fate.GOES in fates(page).values())
    assert page.values.threshold.value() == pytest.approx(0.16)
    for defect, fate in page.table.rows:
        assert fate is (Fate.STAYS if defect.score >= 0.16 else Fate.GOES if defect.is_reject else Fate.PASSES)
    assert page.gallery.isVisible()
    assert {row.id for row in page.changed.rows} == {d.id for d, f in page.table.rows if f is Fate.GOES}
    now, new = page.values.figure("Rejects")
    assert int(new) < int(now)
    assert float(page.values.figure("Unreviewed / 100 m")[1]) < float(page.values.figure("Unreviewed / 100 m")[0])
    assert int(page.values.figure("Patches above")[1]) < int(page.values.figure("Patches above")[0])


def test_lowering_it_lets_defects_come_and_says_what_is_not_known(page: TuningPage, qtbot: QtBot) -> None:
    page.values.threshold.setValue(0.09)
    qtbot.waitUntil(lambda: page.plot.threshold == pytest.approx(0.09))
    qtbot.waitUntil(lambda: Fate.PASSES not in fates(page).values())
    assert "Below the report level" not in page.values.honest.text()
    page.values.threshold.setValue(0.05)
    qtbot.waitUntil(lambda: "Below the report level" in page.values.honest.text())


def test_arrow_keys_move_the_line(page: TuningPage, qtbot: QtBot) -> None:
    page.plot.setFocus()
    qtbot.keyClick(page.plot, Qt.Key.Key_Right)
    assert page.plot.threshold == pytest.approx(0.12 * 1.01)
    qtbot.keyClick(page.plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert page.plot.threshold == pytest.approx(0.12 * 0.91)


def test_a_longer_least_length_lets_small_rejects_go(page: TuningPage, qtbot: QtBot) -> None:
    page.values.min_length.setValue(10_000)
    qtbot.waitUntil(lambda: page.values.figure("Rejects")[1] == "0")
    assert Fate.STAYS not in fates(page).values()


def test_saving_needs_a_why_and_makes_a_version(page: TuningPage, history: History, qtbot: QtBot) -> None:
    page.plot.line.setValue(0.15)
    qtbot.waitUntil(lambda: page.saving.told.text() == "Say why, then save.")
    assert not page.saving.save_button.isEnabled()
    qtbot.keyClicks(page.saving.why, "fewer false alarms on the selvedge")
    assert page.saving.save_button.isEnabled()
    qtbot.mouseClick(page.saving.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved as version 2" in page.saving.told.text())
    row = history.recipes("demo")[0]
    assert row.recipe.version == 2
    assert row.recipe.threshold == pytest.approx(0.15)
    assert row.recipe.predicted_false_alarms_per_100_m is None
    assert (row.created_by, row.why) == (login(), "fewer false alarms on the selvedge")
    assert "version 2" in page.recipe.fields.text("In force")
    assert not page.saving.save_button.isEnabled()


def test_undo_goes_back_to_the_recipe_in_force(page: TuningPage, qtbot: QtBot) -> None:
    page.plot.line.setValue(0.2)
    qtbot.waitUntil(page.saving.back_button.isEnabled)
    qtbot.keyClick(page.window(), Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert page.plot.threshold == pytest.approx(0.12)
    assert set(fates(page).values()) <= {Fate.STAYS, Fate.PASSES}


def test_work_on_new_values_survives_a_visit_to_another_page(page: TuningPage, qtbot: QtBot) -> None:
    page.plot.line.setValue(0.17)
    window = page.window()
    assert isinstance(window, MainWindow)
    window.open_page("live")
    window.open_page("tuning")
    qtbot.waitUntil(lambda: not page.worker.busy)
    assert page.values.threshold.value() == pytest.approx(0.17)


def test_a_fabric_without_a_roll_says_so(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    page = open_window("tuning").tuning
    qtbot.waitUntil(lambda: "no roll yet" in page.about.text())
    assert page.table.rowCount() == 0


def test_the_last_ended_roll_is_shown_while_another_is_open(
    page: TuningPage, core: ScriptedCore, past_rolls: list[str], qtbot: QtBot
) -> None:
    core.start_roll("demo")
    core.play(3)
    page.refresh()
    qtbot.waitUntil(lambda: not page.worker.busy)
    assert page.scores.heading is not None
    assert page.scores.heading.text() == f"Scores of roll {past_rolls[0]}"
    opened = core.roll
    core.play(3)
    core.end_roll()
    qtbot.waitUntil(lambda: page.recipe.fields.text("Tuned against") == f"roll {opened}")


def test_the_only_roll_is_shown_although_it_is_open_and_says_so(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    core.start_roll("demo")
    core.play(3)
    page = open_window("tuning").tuning
    qtbot.waitUntil(lambda: page.data is not None and page.data.roll is not None)
    assert page.recipe.fields.text("Tuned against") == f"roll {core.roll}, still open"
    assert len(page.data.peaks) > 0 if page.data else False


def test_saving_never_undoes_a_version_saved_meanwhile(
    page: TuningPage, store: Store, history: History, qtbot: QtBot
) -> None:
    page.plot.line.setValue(0.15)
    qtbot.waitUntil(lambda: page.saving.back_button.isEnabled())
    taught = store.save_recipe(recipe_of("demo", threshold=0.3), "teacher", "taught again")
    qtbot.keyClicks(page.saving.why, "fewer false alarms")
    qtbot.mouseClick(page.saving.save_button, Qt.MouseButton.LeftButton)
    refusal = "Version 2 of demo was saved meanwhile; look at it and try again."
    qtbot.waitUntil(lambda: page.saving.told.text() == refusal)
    assert history.recipe("demo") == taught
    assert page.plot.threshold == pytest.approx(0.3)
    assert page.saving.why.text() == "fewer false alarms"
    page.plot.line.setValue(0.28)
    qtbot.waitUntil(page.saving.save_button.isEnabled)
    qtbot.mouseClick(page.saving.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved as version 3" in page.saving.told.text())


def test_a_save_that_failed_may_be_tried_again(page: TuningPage, store: Store, qtbot: QtBot) -> None:
    page.plot.line.setValue(0.15)
    qtbot.keyClicks(page.saving.why, "fewer false alarms")
    qtbot.waitUntil(page.saving.save_button.isEnabled)
    store.close()
    qtbot.mouseClick(page.saving.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "closed" in page.saving.told.text())
    assert page.saving.save_button.isEnabled()
    assert page.values.threshold.value() == pytest.approx(0.15)


@pytest.mark.parametrize("change", [{"model_sha256": "6" * 64}, {"mm_per_px": 0.25}])
def test_rolls_of_another_model_or_scale_are_not_tuned_against(
    page: TuningPage, store: Store, past_rolls: list[str], qtbot: QtBot, change: dict[str, object]
) -> None:
    taught = recipe_of("demo", threshold=0.3)
    store.save_recipe(taught.model_copy(update=change), "teacher", "taught again")
    page.refresh()
    qtbot.waitUntil(lambda: page.about.text().startswith("No roll has been judged by this model yet."))
    assert page.table.rowCount() == 0
    assert page.recipe.fields.text("Tuned against") == "no roll of this model yet"
    assert page.plot.threshold == pytest.approx(0.3)
    store.save_recipe(recipe_of("demo", threshold=0.2), "engineer", "back to the first model")
    page.refresh()
    qtbot.waitUntil(lambda: page.table.rowCount() > 0)
    assert page.recipe.fields.text("Tuned against") == f"roll {past_rolls[0]}, judged by version 1"


def test_a_threshold_of_nothing_cannot_be_saved(page: TuningPage, history: History, qtbot: QtBot) -> None:
    page.values.threshold.setValue(0.0)
    assert page.values.threshold.value() > 0
    page.values.threshold.setMinimum(-1.0)
    page.values.threshold.setValue(0.0)
    page.save("engineer", "everything is a flaw")
    assert page.saving.told.text().startswith("The new threshold is not possible (Input should be greater than 0)")
    assert [row.recipe.version for row in history.recipes("demo")] == [1]
