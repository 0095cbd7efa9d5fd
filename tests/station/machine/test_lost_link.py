"""The machine beside the line, where a link is lost, rests or is not wired."""

from __future__ import annotations

import threading

import pytest

from drivers.camera import CameraError, EncoderReading
from drivers.machine.signals import CameraLines, Inputs, LinkError, Output, Outputs, SimulatedLink
from station.contract import (
    FeedState,
    LineState,
    LinkState,
    Severity,
    StopState,
)
from station.machine.machine import MOST_WAITING
from station.machine.settings import MachineSettings
from tests.rigs.machine import RECIPE, Place, place, reject


class OnlyLamps(SimulatedLink):
    carries = frozenset({Output.RED})


def test_what_is_not_wired_is_neither_marked_nor_missed_and_a_missing_heartbeat_is_said() -> None:
    at = place(OnlyLamps(), marker_mm=500)
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(0.1)
    assert at.machine.status.to_marker.metres == pytest.approx(0.4)
    at.pass_cloth(1.0)
    at.machine.hear(reject(2, 0.0))
    at.pass_cloth(1.0)
    status = at.machine.status
    assert (status.marked, status.marked_late, status.not_marked) == (0, 0, 0)
    assert (status.wires_stop, place().machine.status.wires_stop) == (False, True)
    at.feed = FeedState.GONE
    at.pass_cloth(0.1)
    assert "Stop it by hand" in at.notices(Severity.ERROR)[0]
    at.machine.start()
    at.machine.close()
    assert [text.split(":")[0] for text in at.notices(Severity.WARNING)] == ["No heartbeat is wired in [outputs]"]


def test_where_the_roll_begins_is_asked_once_not_with_every_defect() -> None:
    at = place(stop={"critical_mm": 50})
    looks = []
    look = at.machine._look
    at.machine._look = lambda: looks.append(1) or look()
    at.machine.begin_roll(RECIPE)
    for number in range(1, 50):
        at.machine.hear(reject(number, 0.0))
    assert len(looks) == 1


def test_the_machines_counter_moves_the_encoder() -> None:
    link = SimulatedLink()
    at = place(link)
    for count in (65_000, 65_500, 464):
        link.inputs = Inputs(counter=count)
        at.pass_cloth(0.0, seconds=0.05)
    assert at.counter.reading().due_line == 1000


class BrokenLink(SimulatedLink):
    """Fails while told to."""

    broken = True

    def open(self) -> None:
        self.opened = getattr(self, "opened", 0) + 1
        if self.broken:
            raise LinkError("Modbus 10.0.0.9:502 does not answer; check the PLC's power.")

    def exchange(self, outputs: Outputs) -> Inputs:
        if self.broken:
            raise LinkError("Modbus 10.0.0.9:502 fell silent; check its cable.")
        return super().exchange(outputs)


def test_a_lost_link_is_a_state_and_one_notice_and_is_tried_again_with_patience() -> None:
    link = BrokenLink()
    at = place(link, marker_mm=100)
    for _ in range(100):
        at.pass_cloth(0.0, seconds=0.05)
    assert at.machine.status.link is LinkState.LOST
    assert at.machine.status.running is None
    assert 3 <= link.opened <= 6, "5 s with pauses of 0.5, 1, 2 and 2 s"
    assert len(at.notices(Severity.ERROR)) == 1
    assert "does not answer" in at.notices(Severity.ERROR)[0]
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(1.0, seconds=0.05)
    assert at.machine.status.not_marked == 1
    at.machine.hear(reject(2, 0.89))
    at.pass_cloth(0.0, seconds=0.05)
    status = at.machine.status
    assert (status.marked, status.marked_late, status.not_marked) == (0, 0, 2), "the late ones no less"
    link.broken = False
    at.pass_cloth(0.0, seconds=3.0)
    assert at.machine.status.link is LinkState.CONNECTED
    assert at.notices(Severity.INFO) == ["The link to the machine is back: simulated machine."]


def test_where_the_signals_have_stopped_nobody_says_that_the_machine_was_told() -> None:
    class Bursting(SimulatedLink):
        bursts = False

        def exchange(self, outputs: Outputs) -> Inputs:
            if self.bursts:
                raise RuntimeError("out of memory")
            return super().exchange(outputs)

    link = Bursting()
    at = place(link)
    assert at.machine.status.link is LinkState.CONNECTED
    link.bursts = True
    threading.excepthook, hook = lambda _: None, threading.excepthook
    try:
        at.machine.start()
        at.machine._thread.join(60)
    finally:
        threading.excepthook = hook
    assert "have stopped" in at.machine.status.heart_still
    assert at.machine.status.link is LinkState.LOST
    at.machine.close()


def test_a_device_that_refuses_a_signal_hears_no_heartbeat_either() -> None:
    class Refusing(SimulatedLink):
        def exchange(self, outputs: Outputs) -> Inputs:
            super().exchange(outputs)
            raise LinkError("Modbus 10.0.0.9:502 refuses coil 400.")

    at = place(Refusing())
    for _ in range(20):
        at.pass_cloth(0.1, seconds=2.5)
    assert {told.heartbeat for _, told in at.link.history} == {False}


def test_a_mark_that_finds_the_link_lost_is_not_counted_as_put() -> None:
    link = BrokenLink()
    link.broken = False
    at = place(link, marker_mm=500)
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(0.4)
    link.broken = True
    at.pass_cloth(0.2)
    assert (at.machine.status.marked, at.machine.status.not_marked) == (0, 1)


def test_lines_of_a_camera_rest_between_rolls_and_no_alarm_is_made_of_it() -> None:
    said: list[tuple[str, bool]] = []
    at: Place

    def set_output(line: str, on: bool) -> None:
        if at.line is LineState.READY:
            raise CameraError("Output Line2 cannot be set while the camera is not running.")
        said.append((line, on))

    at = Place(
        MachineSettings(),
        CameraLines(set_output, {Output.HEARTBEAT: "Line2"}, camera_id="a"),
        line=LineState.READY,
    )
    at.pass_cloth(1.0)
    assert at.machine.status.link is LinkState.RESTING
    at.line = LineState.CONTINUOUS_EXECUTION
    for _ in range(6):
        at.pass_cloth(1.0)
    assert at.machine.status.link is LinkState.CONNECTED
    assert {on for _, on in said} == {False, True}
    at.line = LineState.READY
    count = len(said)
    for _ in range(6):
        at.pass_cloth(1.0)
    assert (at.machine.status.link, len(said)) == (LinkState.RESTING, count)
    at.line = LineState.HALTED
    at.pass_cloth(0.0)
    assert len(said) == count + 1, "all lines are set anew"
    assert at.notices(Severity.ERROR) == []


def test_without_wires_the_screen_still_counts() -> None:
    at = Place(MachineSettings.model_validate({"stop": {"critical_mm": 1}, "roll_mm": 2000}), None)
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(1.0)
    status = at.machine.status
    assert (status.link, status.stop) == (LinkState.NOT_WIRED, StopState.ANNOUNCED)
    assert status.to_roll.metres == pytest.approx(1.0)


def test_more_news_than_can_be_held_are_counted() -> None:
    at = place(stop={"critical_mm": 1})
    for number in range(MOST_WAITING + 3):
        at.machine.hear(reject(number, 0.0))
    assert at.notices(Severity.WARNING)[-1].startswith("2 changes of defects came too fast")


def test_a_camera_that_knows_no_position_moves_nothing() -> None:
    at = place(marker_mm=100)

    def gone() -> EncoderReading:
        raise CameraError("Camera a is not there; plug it in.")

    at.machine._encoder = gone
    at.machine.hear(reject(1, 0.0))
    assert not at.pass_cloth(5.0).marker
    assert at.machine.status.to_marker is not None
