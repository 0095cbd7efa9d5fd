"""The machine beside the line, cycle by cycle: stops and marks."""

from __future__ import annotations

import threading

import pytest

from drivers.machine.signals import Inputs, Outputs, SimulatedLink
from station.contract import (
    Event,
    FeedState,
    LineState,
    Severity,
    StationError,
    StopChanged,
    StopState,
    StopStep,
)
from station.machine.marking import Marking
from tests.rigs.machine import PER_M, RECIPE, place, reject


def test_a_stop_counts_down_in_metres_and_is_requested() -> None:
    at = place(stop={"critical_mm": 50, "countdown_m": 3})
    at.pass_cloth(2.0)
    at.machine.hear(reject(1, 1.5, length_mm=60.0))
    told = at.pass_cloth(0.0)
    assert told == Outputs(red=True, heartbeat=told.heartbeat)
    assert at.machine.status.metres_to_stop == pytest.approx(3.0)
    at.pass_cloth(2.9)
    assert at.machine.status.metres_to_stop == pytest.approx(0.1)
    assert at.pass_cloth(0.1).stop
    assert at.machine.status.stop is StopState.REQUESTED
    at.machine.release("Anna")
    assert not at.pass_cloth(0.0).stop
    assert at.steps() == [StopStep.ANNOUNCED, StopStep.REQUESTED, StopStep.RELEASED]


def test_a_veto_with_a_name_lets_the_machine_run() -> None:
    at = place(stop={"critical_mm": 50})
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    at.pass_cloth(0.0)
    at.machine.veto("Anna", at.machine.status.cause_number)
    assert at.machine.status.stop is StopState.NONE, "the screen need not wait for the next cycle"
    assert at.pass_cloth(10.0) == Outputs(heartbeat=at.link.outputs.heartbeat)
    assert [(event.step, event.by) for event in at.events if isinstance(event, StopChanged)][-1] == (
        StopStep.VETOED,
        "Anna",
    )
    with pytest.raises(StationError, match="nothing to release"):
        at.machine.release("Anna")


@pytest.mark.parametrize("change", [{"line": LineState.READY}, {"feed": FeedState.GONE}, {"line": LineState.ERROR}])
def test_a_countdown_whose_metres_may_not_be_counted_any_more_is_at_its_end(change: dict[str, object]) -> None:
    """An encoder that is read through the camera stands once that is stopped or gone, while the machine runs on."""
    at = place(stop={"critical_mm": 50}, on_camera_loss="light")
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    at.pass_cloth(0.0)
    assert at.machine.status.stop is StopState.ANNOUNCED
    for name, value in change.items():
        setattr(at, name, value)
    assert at.pass_cloth(0.0).stop
    assert at.machine.status.stop is StopState.REQUESTED


def test_a_pause_lets_a_countdown_go_on() -> None:
    at = place(stop={"critical_mm": 50})
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    at.line, at.feed = LineState.HALTED, FeedState.NO_PICTURE
    at.pass_cloth(1.0)
    at.pass_cloth(1.0)
    assert at.machine.status.metres_to_stop == pytest.approx(2.0)


def test_steps_are_told_in_their_order_whoever_takes_them() -> None:
    """The records go by the last one: a stop whose request comes behind its release would outlive the program."""
    at = place(stop={"critical_mm": 50, "countdown_m": 0})
    releasing = threading.Thread(target=at.machine.release, args=("Anna",))

    def tell(event: Event) -> None:
        if isinstance(event, StopChanged) and event.step is StopStep.REQUESTED:
            releasing.start()
            releasing.join(0.3)  # has to wait, or has overtaken this one
        at.events.append(event)

    at.machine._tell = tell
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    at.pass_cloth(0.0)
    releasing.join(60)
    assert at.steps() == [StopStep.ANNOUNCED, StopStep.REQUESTED, StopStep.RELEASED]


def test_a_release_does_not_answer_what_nobody_could_see_yet() -> None:
    at = place(stop={"critical_mm": 50, "countdown_m": 0})
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    assert at.pass_cloth(0.0).stop
    at.machine.hear(reject(2, 0.0, length_mm=60.0))
    at.machine.release("Anna")
    assert at.pass_cloth(0.0).stop


def test_whoever_hears_of_a_fault_finds_it_in_the_status() -> None:
    found: list[str] = []

    class Listening(SimulatedLink):
        def exchange(self, outputs: Outputs) -> Inputs:
            if outputs.stop:
                found.append(at.machine.status.heart_still)
            return super().exchange(outputs)

    at = place(Listening())
    at.machine._tell = lambda _: found.append(at.machine.status.heart_still)
    at.line = LineState.ERROR
    at.pass_cloth(0.0)
    assert found == ["the line has stopped (lamp cut)"] * 2


def test_a_fault_of_its_own_is_told_also_if_the_status_cannot_be_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    at = place(link := SimulatedLink())
    monkeypatch.delattr(Marking, "ahead")
    with pytest.raises(AttributeError, match="ahead"):
        at.machine._run()
    assert len(at.notices(Severity.ERROR)) == 1
    assert at.machine.status.heart_still == "its signals have stopped"
    assert link.outputs.stop


def test_a_fabric_may_have_its_own_rules() -> None:
    at = place(stop={"critical_mm": 50}, stop_of={"denim": {"critical_mm": 500}})
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    at.pass_cloth(0.0)
    assert at.machine.status.stop is StopState.NONE


def test_the_marker_fires_when_the_defect_is_under_it_and_the_screen_counts_the_metres() -> None:
    at = place(marker_mm=850, roll_mm=3000, marker_pulse_ms=200)
    at.pass_cloth(2.0)
    at.machine.hear(reject(7, 1.5))
    assert not at.pass_cloth(0.0).marker
    status = at.machine.status
    assert (status.to_marker.number, status.to_marker.metres) == (7, pytest.approx(0.35))
    assert status.to_roll.metres == pytest.approx(2.5)
    assert at.link.outputs.to_marker_m == pytest.approx(0.35), "the marker may reckon for itself"
    assert at.link.outputs.to_roll_m == pytest.approx(2.5)
    assert not at.pass_cloth(0.34).marker
    assert at.pass_cloth(0.02).marker
    assert at.machine.status.to_marker is None
    assert at.machine.status.to_roll.metres == pytest.approx(2.14)
    assert at.pass_cloth(0.0, seconds=0.19).marker
    assert not at.pass_cloth(0.0, seconds=0.02).marker
    at.pass_cloth(3.0)
    assert at.machine.status.to_roll is None
    assert (at.machine.status.marked, at.machine.status.not_marked) == (1, 0)


def test_what_passes_is_not_marked() -> None:
    at = place(marker_mm=100)
    at.machine.hear(reject(1, 0.0, is_reject=False))
    at.pass_cloth(0.0)
    assert at.machine.status.to_marker is None
    assert not at.pass_cloth(1.0).marker


def test_a_late_decision_marks_at_once_where_the_mark_still_fits_and_else_not_and_both_are_told() -> None:
    at = place(marker_mm=500, marker_late_mm=100)
    at.pass_cloth(2.0)
    at.machine.hear(reject(1, 1.45))
    assert at.pass_cloth(0.0).marker
    at.machine.hear(reject(2, 1.0))
    assert not at.pass_cloth(0.0).marker
    status = at.machine.status
    assert (status.marked, status.marked_late, status.not_marked) == (1, 1, 1)
    assert [text.split(",")[0] for text in at.notices(Severity.WARNING)] == [
        "A reject was marked behind the beginning",
        "A reject has no mark",
    ]


def test_many_late_ones_are_counted_but_not_told_one_by_one() -> None:
    at = place(marker_mm=500)
    at.pass_cloth(20.0)
    for number in range(1, 101):
        at.machine.hear(reject(number, 1.0))
    at.pass_cloth(0.0)
    assert at.machine.status.not_marked == 100
    assert len(at.notices(Severity.WARNING)) == 7


def test_cloth_of_the_last_roll_is_still_marked_in_the_next_and_a_new_count_loses_it() -> None:
    at = place(marker_mm=1000)
    at.pass_cloth(1.0)
    at.machine.hear(reject(1, 0.9))
    at.machine.begin_roll(RECIPE)
    at.origin = PER_M
    at.machine.hear(reject(1, 0.2))
    at.pass_cloth(0.0)
    assert at.pass_cloth(0.95).marker
    at.due = 0
    assert not at.pass_cloth(0.0).marker
    assert (at.machine.status.marked, at.machine.status.not_marked) == (1, 1)
    assert "the encoder began to count anew" in at.notices(Severity.WARNING)[0]


def test_a_fabric_without_scale_is_told() -> None:
    at = place(marker_mm=500, stop={"critical_mm": 1})
    at.machine.begin_roll(RECIPE.model_copy(update={"mm_per_px": None}))
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(9.0)
    assert "no scale in mm" in at.notices(Severity.WARNING)[0]
    lamps = place()
    lamps.machine.begin_roll(RECIPE.model_copy(update={"mm_per_px": None}))
    lamps.pass_cloth(9.0)
    assert lamps.notices(Severity.WARNING) == [], "lamps and heartbeat need none"
    assert at.machine.status.stop is StopState.NONE
    assert at.machine.status.to_marker is None
