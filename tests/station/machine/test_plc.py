"""The machine in its own thread against a PLC."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from drivers.camera import EncoderReading
from drivers.machine.modbus import ModbusLink, ModbusSettings
from drivers.machine.signals import SimulatedLink
from station.contract import (
    LineSnapshot,
    LinkState,
    Severity,
    StopState,
)
from station.machine.machine import Machine
from station.machine.settings import MachineSettings
from tests.rigs.machine import RECIPE, Place, place, reject
from tests.rigs.plc import Plc


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
    patient = ModbusSettings.model_validate(wired).model_copy(update={"timeout_s": 60.0})  # both ends may stand still
    link = ModbusLink(patient)
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
    assert until(lambda: any("signals have stopped" in text for text in at.notices(Severity.ERROR)))
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
    at = place()
    at.machine.close()
    assert at.events == []
    assert at.machine.status.stop is StopState.NONE
