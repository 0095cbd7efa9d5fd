"""The running station with a machine: from cloth through the model to the signals, and into the records."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.machine.signals import Outputs, SimulatedLink
from drivers.memory import MemoryCamera
from station import demo, shutdown
from station.commands.session import Records, open_records, open_station, say_notices
from station.contract import LineState, LinkState, Notice, Severity, StationError, StopChanged, StopState, StopStep
from station.line.inspection import Inspection
from station.machine.settings import MachineSettings
from station.machine.wiring import MachineWiring
from station.records.rows import RecordsError
from station.records.store import Store


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """A home folder that knows the shipped fabric."""
    with open_records(tmp_path / "home") as opened:
        demo.install_fabric(opened.store, opened.history)
        yield opened


def foreign_cloth() -> MemoryCamera:
    """Noise, in which the demo's model finds no weave: rejects all over."""
    noise = np.random.default_rng(3).integers(0, 255, (1024, 512), np.uint8)
    return MemoryCamera(noise, lines=2048)


def wired(**settings: object) -> tuple[MachineWiring, SimulatedLink]:
    link = SimulatedLink()
    return MachineWiring(MachineSettings.model_validate({"cycle_ms": 10, **settings}), link), link


def until(true: Callable[[], bool], seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def test_a_critical_defect_stops_the_machine_until_a_person_releases_it(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, link = wired(stop={"critical_mm": 1, "countdown_m": 0}, marker_mm=0.5, marker_late_mm=10_000)
    with open_station(records, foreign_cloth(), wiring=machine) as station:
        assert until(lambda: station.snapshot().machine.link is LinkState.CONNECTED)
        station.start_roll(demo.FABRIC, "r")
        assert until(lambda: station.snapshot().machine.stop is StopState.REQUESTED)
        assert until(lambda: link.outputs.stop)
        assert station.wait(120)
        assert station._machine is not None
        assert until(lambda: not station._machine._news), "what is not weighed yet would stop it again"
        say_notices(station)
        with pytest.raises(StationError, match="requested already"):
            station.veto_stop("Anna", station.snapshot().machine.cause_number)
        station.release_stop("Anna")
        assert until(lambda: not link.outputs.stop)
        assert until(lambda: station.snapshot().machine.marked > 0)
        assert any(told.marker for _, told in link.history)
        beats = {told.heartbeat for _, told in link.history}
        assert beats == {False, True}
    assert link.outputs == Outputs(stop=True, red=True, heartbeat=link.outputs.heartbeat), "nobody looks any more"
    assert "Stop requested by station: critical defect" in capsys.readouterr().err
    assert records.store.flush()
    connection = sqlite3.connect(records.home / "station.db")
    rows = connection.execute("SELECT action, who FROM event WHERE action LIKE 'stop %' ORDER BY id").fetchall()
    connection.close()
    assert rows[0] == ("stop announced", "station")
    assert ("stop requested", "station") in rows
    assert rows[-1] == ("stop released", "Anna")


def test_a_stop_that_nobody_released_outlives_the_program(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    records.store.write(StopChanged(StopStep.REQUESTED, "running defect 3 at 12.0 m", "station"))
    assert records.store.flush()
    machine, link = wired(on_exit="leave")
    with open_station(records, foreign_cloth(), wiring=machine) as station:
        assert until(lambda: link.outputs is not None)
        assert all(told.stop for _, told in link.history), "never taken back, not for a moment"
        say_notices(station)
        station.release_stop("Anna")
        assert until(lambda: not link.outputs.stop)
    assert "never released and is requested again: running defect 3" in capsys.readouterr().err
    assert records.store.flush()
    machine, link = wired(on_exit="leave")
    with open_station(records, foreign_cloth(), wiring=machine):
        assert until(lambda: link.outputs is not None)
        assert not link.outputs.stop


def test_a_line_that_breaks_stops_the_heart(records: Records) -> None:
    model = next((records.home / "models").glob("*.safetensors"))
    model.chmod(0o600)
    model.write_bytes(b"damaged")
    machine, link = wired()
    with open_station(records, foreign_cloth(), wiring=machine) as station:
        station.start_roll(demo.FABRIC, "r")
        assert station.wait(120)
        assert until(lambda: link.outputs is not None and link.outputs.stop)
        assert model.name in station.snapshot().machine.heart_still


def test_a_station_that_fails_beside_its_line_stops_the_heart(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(inspection: Inspection) -> bool:
        raise RuntimeError("no thread can be started")

    monkeypatch.setattr(Inspection, "finish", burst)
    machine, link = wired()
    with open_station(records, foreign_cloth(), wiring=machine) as station:
        station.start_roll(demo.FABRIC, "r")
        assert station.wait(120)
        assert station.snapshot().state is LineState.ERROR
        assert until(lambda: link.outputs is not None and link.outputs.stop)
        assert "no thread can be started" in station.snapshot().machine.heart_still


def test_a_roll_that_ends_for_want_of_records_is_no_roll_in_order_while_the_disk_hangs(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[LineState, bool]] = []
    machine, link = wired()

    def hang(store: Store, timeout_s: float = 30.0) -> bool:
        stopped = until(lambda: link.outputs is not None and link.outputs.stop, seconds=60)
        seen.append((station.snapshot().state, stopped))
        return False

    with open_station(records, foreign_cloth(), wiring=machine) as station:
        with monkeypatch.context() as failing:
            failing.setattr(Store, "flush", hang)
            failing.setattr(Store, "lost_of", lambda _store, _roll: 1)
            failing.setattr(Store, "failure", RecordsError("The disk does not answer."))
            station.start_roll(demo.FABRIC, "r")
            assert station.wait(120)
        said = [
            event.text
            for event in station.drain(4096)
            if isinstance(event, Notice) and event.severity is Severity.ERROR
        ]
    assert seen == [(LineState.ERROR, True)]
    assert said.count("Roll r: The disk does not answer.") == 1


def test_the_end_of_the_process_makes_the_outputs_safe_also_if_nobody_closed_the_station(records: Records) -> None:
    machine, link = wired()
    before = list(shutdown._hooks)  # another test's are not called here
    with open_station(records, foreign_cloth(), wiring=machine):
        assert until(lambda: link.outputs is not None)
        assert not link.outputs.stop
        [hook] = shutdown._hooks[len(before) :]
        hook()
        assert link.outputs.stop
    assert shutdown._hooks == before


def test_without_a_machine_there_is_nothing_to_veto_and_no_status(records: Records) -> None:
    with open_station(records, foreign_cloth()) as station:
        assert station.snapshot().machine is None
        with pytest.raises(StationError, match="No machine is set up"):
            station.veto_stop("Anna", 1)
        with pytest.raises(StationError, match="No machine is set up"):
            station.release_stop("Anna")
