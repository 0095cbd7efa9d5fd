"""Links to the machine: Modbus against pymodbus's own server, camera lines, the simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from drivers.camera import CameraError
from drivers.machine.links import LinkSettings, open_link
from drivers.machine.modbus import ModbusLink, ModbusSettings, runs
from drivers.machine.signals import CameraLines, Inputs, LinkError, Output, Outputs, SimulatedLink
from drivers.memory import MemoryCamera
from tests.rigs.plc import HOLDING, Plc


@pytest.fixture
def plc() -> Iterator[Plc]:
    made = Plc()
    yield made
    made.close()


def link(plc: Plc, **more: object) -> ModbusLink:
    settings = ModbusSettings.model_validate({"host": "127.0.0.1", "port": plc.port, **more})
    made = ModbusLink(settings.model_copy(update={"timeout_s": 60.0}))  # both ends run on one busy machine
    made.open()
    return made


def test_every_signal_arrives_at_its_coil_and_nowhere_else(plc: Plc) -> None:
    coils = {"stop": 0, "red": 1, "amber": 7, "marker": 17, "heartbeat": 18, "unrecorded": 20}
    modbus = link(plc, coils=coils)
    for output in Output:
        modbus.exchange(Outputs(**{output.value: True}))
        assert {at for at in range(32) if plc.coil(at)} == {coils[output.value]}
    modbus.close()
    assert plc.coil(coils["unrecorded"]), "closing must not change the outputs"


def test_distances_are_told_in_centimetres(plc: Plc) -> None:
    modbus = link(plc, distances={"to_marker": 4, "to_roll": 9, "unrecorded": 10})
    modbus.exchange(Outputs(to_marker_m=0.349, to_roll_m=2.5))
    assert (plc.register(4), plc.register(9), plc.register(10)) == (35, 250, 0)
    modbus.exchange(Outputs(unrecorded=True, unrecorded_m=21.5))
    assert plc.register(10) == 2150
    modbus.exchange(Outputs(to_roll_m=9999.0))
    assert (plc.register(4), plc.register(9)) == (65535, 65534)
    modbus.close()


def test_an_inverted_stop_is_off_only_when_the_machine_shall_stop(plc: Plc) -> None:
    modbus = link(plc, coils={"stop": 3}, inverted=["stop"])
    modbus.exchange(Outputs())
    assert plc.coil(3)
    modbus.exchange(Outputs(stop=True))
    assert not plc.coil(3)
    modbus.close()


def test_inputs_are_read_and_those_not_wired_are_unknown(plc: Plc) -> None:
    bare = link(plc, coils={"stop": 0})
    assert bare.exchange(Outputs()) == Inputs()
    assert bare.carries == {Output.STOP}
    bare.close()
    wired = link(plc, discrete_inputs={"running": 9, "doff": 4}, counter={"address": 2})
    assert wired.exchange(Outputs()) == Inputs(running=False, doff=False, counter=0)
    plc.set_input(9, True)
    plc.set_registers(2, [65535])
    assert wired.exchange(Outputs()) == Inputs(running=True, doff=False, counter=65535)
    wired.close()
    button = link(plc, discrete_inputs={"release": 9})
    assert button.exchange(Outputs()) == Inputs(release=True)
    button.close()


@pytest.mark.parametrize(("order", "words"), [("big", [2, 3]), ("little", [3, 2])])
def test_a_counter_of_32_bits_in_both_word_orders(plc: Plc, order: str, words: list[int]) -> None:
    plc.set_registers(5, words, HOLDING)
    modbus = link(plc, counter={"address": 5, "bits": 32, "table": "holding", "word_order": order})
    assert modbus.exchange(Outputs()).counter == 2 * 65536 + 3
    modbus.close()


def test_a_plc_that_goes_and_returns(plc: Plc) -> None:
    modbus = link(plc, coils={"heartbeat": 0})
    modbus.exchange(Outputs(heartbeat=True))
    plc.switch_off()
    with pytest.raises(LinkError, match="fell silent"):
        modbus.exchange(Outputs())
    with pytest.raises(LinkError, match="does not answer"):
        modbus.open()
    plc.switch_on()
    modbus.open()
    modbus.exchange(Outputs(heartbeat=True))
    assert plc.coil(0)
    modbus.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "plc..hall-2", "x" * 70])
def test_a_host_that_cannot_be_found_is_told_like_one_that_is_silent(host: str) -> None:
    with pytest.raises(LinkError, match="does not answer"):
        ModbusLink(ModbusSettings(host=host)).open()


def test_an_address_the_plc_does_not_have_is_named(plc: Plc) -> None:
    modbus = link(plc, coils={"stop": 400})
    with pytest.raises(LinkError, match=r"refuses coil 400 of device 1 .*correct the addresses"):
        modbus.exchange(Outputs())
    modbus.close()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kind": "modbus", "host": "plc", "coils": {"stop": 1, "red": 1}}, "coil 1 is given to both"),
        ({"kind": "modbus", "host": "plc", "coils": {"siren": 1}}, "coils"),
        ({"kind": "modbus", "host": "plc", "coils": {"stop": -1}}, "greater than or equal to 0"),
        ({"kind": "modbus", "coils": {}}, "host"),
        ({"kind": "modbus", "host": "plc", "counter": {"address": 0, "bits": 24}}, "16 or 32"),
        ({"kind": "camera", "lines": {}}, "lines"),
        ({"kind": "profinet"}, "profinet"),
    ],
)
def test_settings_that_cannot_be_are_refused(table: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(LinkSettings).validate_python(table)


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_every_address_once_and_have_no_gaps(addresses: set[int]) -> None:
    cut = runs(addresses)
    assert [at for run in cut for at in run] == sorted(addresses)
    assert all(run == list(range(run[0], run[-1] + 1)) for run in cut)
    assert all(a[-1] + 1 < b[0] for a, b in pairwise(cut))


class MachineWiring:
    """What of a camera the lines need."""

    camera_id = "22334455"

    def __init__(self) -> None:
        self.said: list[tuple[str, bool]] = []
        self.broken = False

    def set_output(self, name: str, on: bool) -> None:
        if self.broken:
            raise CameraError(f"Camera 22334455 has no line {name}; choose Line2 or Line3.")
        self.said.append((name, on))


def camera_lines(camera: MachineWiring) -> CameraLines:
    lines = {Output.STOP: "Line2", Output.HEARTBEAT: "Line3"}
    return CameraLines(camera.set_output, lines, frozenset({Output.STOP}), camera_id=camera.camera_id)


def test_camera_lines_are_set_only_where_they_change_and_all_after_a_return() -> None:
    camera = MachineWiring()
    lines = camera_lines(camera)
    assert lines.carries == {Output.STOP, Output.HEARTBEAT}
    lines.open()
    lines.exchange(Outputs())
    lines.exchange(Outputs(red=True))
    lines.exchange(Outputs(red=True, heartbeat=True))
    assert camera.said == [("Line2", True), ("Line3", False), ("Line3", True)]
    camera.broken = True
    with pytest.raises(LinkError, match="'stop' could not be set: Camera 22334455 has no line Line2"):
        lines.exchange(Outputs(stop=True))
    camera.broken = False
    camera.said.clear()
    lines.open()
    lines.exchange(Outputs(stop=True))
    assert camera.said == [("Line2", False), ("Line3", False)]


def test_a_camera_without_output_lines_is_refused_in_a_sentence() -> None:
    settings = TypeAdapter(LinkSettings).validate_python({"kind": "camera", "lines": {"stop": "Line2"}})

    camera = MemoryCamera(np.zeros((256, 8), np.uint8))
    with pytest.raises(LinkError, match="Camera memory has no output lines"):
        open_link(settings, camera)


def test_the_simulated_machine_remembers_what_it_was_told_and_when() -> None:
    now = 5.0
    simulated = SimulatedLink(lambda: now)
    simulated.inputs = Inputs(running=True)
    assert simulated.outputs is None
    assert simulated.exchange(Outputs()) == Inputs(running=True)
    simulated.exchange(Outputs())
    now = 7.0
    simulated.exchange(Outputs(stop=True))
    assert simulated.history == [(5.0, Outputs()), (7.0, Outputs(stop=True))]
    simulated.exchange(Outputs(stop=True, to_roll_m=1.0))
    assert len(simulated.history) == 2
    assert simulated.outputs.to_roll_m == 1.0
