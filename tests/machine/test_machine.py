"""The machine beside the line, cycle by cycle, and in its own thread against a PLC."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from test_stop_policy import defect

from drivers.camera import CameraError, EncoderReading
from drivers.encoder import CounterEncoder
from drivers.modbus import ModbusLink, ModbusSettings
from drivers.outputs import CameraLines, Inputs, LinkError, MachineLink, Output, Outputs, SimulatedLink
from station.control import (
    Event,
    FeedState,
    Ledger,
    LineSnapshot,
    LineState,
    LinkState,
    Notice,
    StationError,
    StopChanged,
    StopState,
    StopStep,
)
from station.machine.machine import MOST_WAITING, Machine
from station.machine.settings import MachineSettings
from station.recipe import Recipe
from tests.plc import Plc

RECIPE = Recipe(fabric="denim", model_sha256="5" * 64, encoder="light", threshold=0.2, mm_per_px=0.5)
PER_M = 2000


@dataclass
class Place:
    """A machine whose cloth, line and clock are moved by hand."""

    settings: MachineSettings
    link: MachineLink | None = None
    due: int = 0
    now: float = 50.0
    line: LineState = LineState.CONTINUOUS_EXECUTION
    feed: FeedState = FeedState.LIVE
    judges: bool = True
    inspected: int = 0
    uninspected: int = 0
    events: list[Event] = field(default_factory=list)
    ends: int = 0
    origin: int = 0

    def __post_init__(self) -> None:
        self.counter = CounterEncoder(1.0, clock=lambda: self.now)
        self.machine = Machine(
            self.settings,
            self.link,
            look=self.look,
            encoder=lambda: EncoderReading(self.due, 100.0),
            tell=self.events.append,
            end_roll=self.end,
            counter=self.counter,
            clock=lambda: self.now,
        )
        self.machine.begin_roll(RECIPE)
        self.pass_cloth(0.0)

    def end(self) -> None:
        self.ends += 1

    def look(self) -> LineSnapshot:
        if self.judges:
            self.inspected = self.due
        return LineSnapshot(
            state=self.line,
            feed=self.feed,
            fabric="denim",
            recipe_version=1,
            roll="r",
            ledger=Ledger(self.due, self.inspected, self.uninspected),
            origin_line=self.origin,
            message="lamp cut" if self.line is LineState.ERROR else "",
        )

    def pass_cloth(self, metres: float, seconds: float = 0.3) -> Outputs | None:
        """Cloth moves on, time passes, a cycle is done; returns what the machine was told."""
        self.due += round(metres * PER_M)
        self.now += seconds
        self.machine.cycle()
        return getattr(self.link, "outputs", None)

    def notices(self, severity: str) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice) and event.severity == severity]

    def steps(self) -> list[StopStep]:
        return [event.step for event in self.events if isinstance(event, StopChanged)]


def place(link: MachineLink | None = None, **settings: object) -> Place:
    return Place(MachineSettings.model_validate(settings), link or SimulatedLink())


def reject(number: int, at_m: float, **changes: object):
    return defect(number, at_m, **changes)


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
    at.machine.veto("Anna")
    assert at.machine.status.stop is StopState.NONE, "the screen need not wait for the next cycle"
    assert at.pass_cloth(10.0) == Outputs(heartbeat=at.link.outputs.heartbeat)
    assert [(event.step, event.by) for event in at.events if isinstance(event, StopChanged)][-1] == (
        StopStep.VETOED,
        "Anna",
    )
    with pytest.raises(StationError, match="nothing to release"):
        at.machine.release("Anna")


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
    assert [text.split(",")[0] for text in at.notices("warning")] == [
        "A reject was marked behind the beginning",
        "A reject bears no mark",
    ]


def test_many_late_ones_are_counted_but_not_told_one_by_one() -> None:
    at = place(marker_mm=500)
    at.pass_cloth(20.0)
    for number in range(1, 101):
        at.machine.hear(reject(number, 1.0))
    at.pass_cloth(0.0)
    assert at.machine.status.not_marked == 100
    assert len(at.notices("warning")) == 7


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
    assert "the encoder began to count anew" in at.notices("warning")[0]


def test_a_fabric_without_scale_is_told() -> None:
    at = place(marker_mm=500, stop={"critical_mm": 1})
    at.machine.begin_roll(RECIPE.model_copy(update={"mm_per_px": None}))
    at.machine.hear(reject(1, 0.0))
    at.pass_cloth(9.0)
    assert "no scale in mm" in at.notices("warning")[0]
    lamps = place()
    lamps.machine.begin_roll(RECIPE.model_copy(update={"mm_per_px": None}))
    lamps.pass_cloth(9.0)
    assert lamps.notices("warning") == [], "lamps and heartbeat need none"
    assert at.machine.status.stop is StopState.NONE
    assert at.machine.status.to_marker is None


def beats(at: Place, cycles: int = 12, **way: float) -> int:
    """How often the heartbeat toggles."""
    said = [at.pass_cloth(way.get("metres", 0.0)).heartbeat for _ in range(cycles)]
    return sum(a != b for a, b in pairwise(said))


def test_the_heart_beats_while_the_line_lives_stands_or_rests() -> None:
    at = place(heartbeat_ms=500)
    assert beats(at, metres=1.0) >= 5
    assert beats(at, metres=0.0) >= 5
    at.judges = False
    at.line = LineState.HALTED
    assert beats(at, metres=1.0) >= 5
    at.line = LineState.READY
    assert beats(at, metres=1.0) >= 5


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
    assert len(at.notices("error")) == 1
    at.line, at.feed, at.judges = LineState.CONTINUOUS_EXECUTION, FeedState.LIVE, True
    assert beats(at, metres=1.0) > 0
    assert not at.link.outputs.stop
    assert at.notices("info") == ["The machine can rely on the station again."]


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
    assert len(at.notices("info")) == 2
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
    assert "Stop it by hand" in at.notices("error")[0]
    at.machine.start()
    at.machine.close()
    assert [text.split(":")[0] for text in at.notices("warning")] == ["No heartbeat is wired in [outputs]"]


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
    assert len(at.notices("error")) == 1
    assert "does not answer" in at.notices("error")[0]
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
    assert at.notices("info") == ["The link to the machine is back: simulated machine."]


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
    assert at.notices("error") == []


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
    assert at.notices("warning")[-1].startswith("2 changes of defects came too fast")


def test_a_camera_that_knows_no_position_moves_nothing() -> None:
    at = place(marker_mm=100)

    def gone() -> EncoderReading:
        raise CameraError("Camera a is not there; plug it in.")

    at.machine._encoder = gone
    at.machine.hear(reject(1, 0.0))
    assert not at.pass_cloth(5.0).marker
    assert at.machine.status.to_marker is not None


# ---------------------------------------------------------------------- with a PLC


@pytest.fixture
def plc() -> Iterator[Plc]:
    made = Plc()
    yield made
    made.close()


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


COILS = {"stop": 0, "red": 1, "amber": 2, "marker": 3, "heartbeat": 4}


def in_its_thread(plc: Plc, **settings: object) -> Place:
    wired = {"host": "127.0.0.1", "port": plc.port, "coils": COILS, "discrete_inputs": {"running": 0}}
    link = ModbusLink(ModbusSettings.model_validate(wired))
    at = Place(MachineSettings.model_validate({"cycle_ms": 10, "heartbeat_ms": 50, **settings}), None)
    at.machine = Machine(
        at.settings, link, look=at.look, encoder=lambda: EncoderReading(at.due, 0.0), tell=at.events.append
    )
    at.machine.begin_roll(RECIPE)
    return at


def test_heart_and_stop_reach_the_plc_and_come_back_after_its_power_cut(plc: Plc) -> None:
    at = in_its_thread(plc, stop={"critical_mm": 50, "countdown_m": 0})
    at.machine.start()
    seen: set[bool] = set()
    assert until(lambda: seen.add(plc.coil(4)) or len(seen) == 2)
    plc.set_input(0, True)
    assert until(lambda: at.machine.status.running is True)
    plc.switch_off()
    assert until(lambda: at.machine.status.link is LinkState.LOST)
    at.machine.hear(reject(1, 0.0, length_mm=60.0))
    assert until(lambda: at.machine.status.stop is StopState.REQUESTED), "a lost link holds nothing up"
    plc.switch_on()
    assert until(lambda: plc.coil(0)), "the whole picture is told anew"
    at.machine.close()


@pytest.mark.parametrize(("on_exit", "stops"), [("stop", True), ("leave", False)])
def test_the_last_word_at_the_end_of_the_program(plc: Plc, on_exit: str, stops: bool) -> None:
    at = in_its_thread(plc, on_exit=on_exit)
    at.machine.start()
    assert until(lambda: at.machine.status.link is LinkState.CONNECTED)
    at.machine.close()
    at.machine.close()
    assert (plc.coil(0), plc.coil(1)) == (stops, stops)


def test_a_fault_of_its_own_ends_in_a_stop(plc: Plc) -> None:
    at = in_its_thread(plc, on_exit="leave")
    at.machine.start()
    assert until(lambda: at.machine.status.link is LinkState.CONNECTED)
    at.machine._look = lambda: replace(None)  # type: ignore[type-var]
    assert until(lambda: plc.coil(0))
    assert until(lambda: any("signals have stopped" in text for text in at.notices("error")))
    assert at.machine.status.heart_still == "its signals have stopped"
    at.machine.close()


def test_a_station_that_hangs_is_silent() -> None:
    link = SimulatedLink()
    at = Place(MachineSettings(cycle_ms=10, heartbeat_ms=50), link)
    hanging, free = threading.Event(), threading.Event()

    def hang() -> LineSnapshot:
        hanging.set()
        assert free.wait(60)
        return at.look()

    at.machine = Machine(
        at.settings, link, look=at.look, encoder=lambda: EncoderReading(at.due, 0.0), tell=at.events.append
    )
    at.machine.start()
    assert until(lambda: len(link.history) > 4)
    at.machine._look = hang
    assert hanging.wait(60)
    beats = len(link.history)
    time.sleep(0.5)
    assert len(link.history) == beats
    free.set()
    assert until(lambda: len(link.history) > beats)
    at.machine.close()


def test_closing_before_the_start_does_nothing() -> None:
    place().machine.close()
