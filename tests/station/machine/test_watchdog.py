"""The machine beside the line: heartbeat, lamp, doff and the button at the machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drivers.machine.signals import Inputs, SimulatedLink
from station.contract import (
    FeedState,
    LineState,
    RecordsLag,
    Severity,
    StopChanged,
    StopStep,
)
from station.machine.settings import MachineSettings
from tests.rigs.machine import Place, beats, place, reject


def test_the_heart_beats_while_the_line_lives_stands_or_rests() -> None:
    at = place(heartbeat_ms=500)
    assert beats(at, metres=1.0) >= 5
    assert beats(at, metres=0.0) >= 5
    at.judges = False
    at.line = LineState.HALTED
    assert beats(at, metres=1.0) >= 5
    at.line = LineState.READY
    assert beats(at, metres=1.0) >= 5


def test_a_lagging_record_lights_amber_and_beyond_its_limit_stops_the_heart() -> None:
    at = place(heartbeat_ms=500)
    at.records = RecordsLag(12, 0, 3.0, datetime(2026, 1, 1, tzinfo=UTC), "the disk is full", limit_m=20.0)
    assert beats(at, metres=1.0) >= 5
    told = at.link.outputs
    assert (told.stop, told.red, told.amber, told.unrecorded, told.unrecorded_m) == (False, False, True, True, 3.0)
    at.records = replace(at.records, metres=20.5)
    at.pass_cloth(1.0)
    assert beats(at, metres=1.0) == 0
    told = at.link.outputs
    assert (told.stop, told.red, told.amber, told.unrecorded, told.unrecorded_m) == (True, True, True, True, 20.5)
    assert "20.5 m of cloth are not on record" in at.machine.status.heart_still
    at.records = None
    at.pass_cloth(1.0)
    assert beats(at, metres=1.0) >= 5
    told = at.link.outputs
    assert (told.stop, told.amber, told.unrecorded, told.unrecorded_m) == (False, False, False, 0.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"line": LineState.ERROR}, "the line has stopped (lamp cut)"),
        ({"feed": FeedState.STALLED}, "camera stalled"),
        ({"feed": FeedState.GONE}, "camera gone"),
        ({"judges": False}, "went by uninspected"),
        ({"judges": False, "line": LineState.INITIALIZED}, "went by uninspected"),
    ],
)
def test_a_dead_line_stops_the_heart_and_the_machine(change: dict[str, object], why: str) -> None:
    at = place(uninspected_m=5)
    assert beats(at, metres=1.0) > 0
    assert not at.link.outputs.stop
    for name, value in change.items():
        setattr(at, name, value)
    for _ in range(7):
        at.pass_cloth(1.0)
    assert beats(at, metres=1.0) == 0
    told = at.link.outputs
    assert (told.stop, told.red, told.amber) == (True, True, True)
    assert why in at.machine.status.heart_still
    assert len(at.notices(Severity.ERROR)) == 1
    at.line, at.feed, at.judges = LineState.CONTINUOUS_EXECUTION, FeedState.LIVE, True
    assert beats(at, metres=1.0) > 0
    assert not at.link.outputs.stop
    assert at.notices(Severity.INFO) == ["The machine can rely on the station again."]


@pytest.mark.parametrize("feed", [FeedState.STOPPED, FeedState.NO_PICTURE])
def test_a_machine_that_says_it_runs_is_believed_rather_than_an_encoder_that_stands(feed: FeedState) -> None:
    link = SimulatedLink()
    link.inputs = Inputs(running=True)
    at = Place(MachineSettings(), link, feed=feed)
    assert beats(at, cycles=15) > 0
    assert beats(at, cycles=15) <= 2, "also from the very beginning"
    link.inputs = Inputs(running=False)
    assert beats(at, cycles=40) > 0, "a machine that stands is no fault"
    link.inputs = Inputs(running=True)
    assert beats(at, cycles=15) > 0, "for some seconds: it may just be starting"
    assert beats(at, cycles=15) <= 2
    assert at.link.outputs.stop
    assert "the machine runs, but the encoder" in at.machine.status.heart_still
    link.inputs = Inputs(running=False)
    assert beats(at, cycles=12) > 0
    assert not at.link.outputs.stop


def test_a_line_that_never_gets_ready_stops_the_heart_though_no_encoder_tells_of_cloth() -> None:
    at = place()
    at.line, at.feed, at.judges = LineState.INITIALIZED, FeedState.NO_PICTURE, False
    assert beats(at, cycles=60) > 0
    for _ in range(60):
        at.pass_cloth(0.0, seconds=1.0)
    assert beats(at, cycles=10) == 0
    assert at.link.outputs.stop
    assert "does not get ready" in at.machine.status.heart_still
    at.line = LineState.CONTINUOUS_EXECUTION
    assert beats(at, cycles=10) > 0


def test_the_lamp_is_dark_only_while_somebody_looks() -> None:
    at = place()
    assert not at.pass_cloth(0.1).amber
    for state in (LineState.READY, LineState.HALTED):
        at.line = state
        assert at.pass_cloth(0.1).amber


def test_cloth_that_went_by_uninspected_lights_the_lamp_for_some_seconds() -> None:
    at = place()
    assert not at.pass_cloth(1.0).amber
    at.uninspected = 20
    assert at.pass_cloth(0.0).amber
    assert at.pass_cloth(1.0, seconds=2.0).amber
    assert not at.pass_cloth(1.0, seconds=2.0).amber


def test_a_lost_camera_may_be_a_matter_of_the_light_alone() -> None:
    at = place(on_camera_loss="light")
    at.feed, at.judges = FeedState.GONE, False
    assert beats(at, metres=1.0) >= 5
    assert (at.link.outputs.stop, at.link.outputs.amber) == (False, True)


def test_a_doff_is_told_once_and_ends_the_roll_where_it_shall() -> None:
    link = SimulatedLink()
    at = place(link, doff_ends_roll=True)
    for level in (False, True, True, False, True):
        link.inputs = Inputs(running=True, doff=level)
        at.pass_cloth(0.0)
    assert at.ends == 2
    assert len(at.notices(Severity.INFO)) == 2
    assert at.machine.status.running is True


def test_a_button_at_the_machine_releases_a_requested_stop_once() -> None:
    link = SimulatedLink()
    at = place(link, stop={"critical_mm": 50, "countdown_m": 0})
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    for level in (True, True):  # held down since before the stop
        link.inputs = Inputs(release=level)
        assert at.pass_cloth(0.0).stop
    for level in (False, True, False, True):
        link.inputs = Inputs(release=level)
        at.pass_cloth(0.0)
    assert not at.pass_cloth(0.0).stop
    released = [event for event in at.events if isinstance(event, StopChanged) and event.step is StopStep.RELEASED]
    assert [event.by for event in released] == ["machine"]
