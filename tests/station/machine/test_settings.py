"""What the settings of a station may say about its machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.machine.counter import EncodedCamera
from drivers.machine.modbus import ModbusLink, ModbusSettings
from drivers.memory import MemoryCamera
from station.contract import StationError
from station.machine.wiring import wire
from station.settings import Settings, load_settings
from tests.rigs.places import DOCS

EXAMPLE = DOCS / "station.toml"


def settings(folder: Path, more: str) -> Settings:
    file = folder / "station.toml"
    file.write_text('[camera]\nkind = "simulated"\n[line]\nfabric = "demo"\n' + more, encoding="utf-8")
    return load_settings(file)


def camera() -> MemoryCamera:
    return MemoryCamera(np.zeros((64, 300), np.uint8), block_lines=64)


def test_without_the_tables_there_is_no_machine(tmp_path: Path) -> None:
    plain = settings(tmp_path, "")
    memory = camera()
    assert wire(plain.machine, plain.outputs, memory) == (None, memory)


def test_the_commented_example_is_usable_as_it_stands(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    example = text[text.index("# [machine]") :]
    told = settings(tmp_path, "\n".join(line.removeprefix("# ").removeprefix("#") for line in example.splitlines()))
    assert told.machine is not None
    assert told.machine.stop.repeats == 3
    assert told.machine.stop_for("denim-12").repeats is None
    assert told.machine.stop_for("another") is told.machine.stop
    assert isinstance(told.outputs, ModbusSettings)
    wired, _ = wire(told.machine, told.outputs, camera())
    assert wired is not None
    assert isinstance(wired.link, ModbusLink)
    assert wired.counter is None


def test_outputs_alone_are_lamps_and_heartbeat(tmp_path: Path) -> None:
    told = settings(tmp_path, '[outputs]\nkind = "simulated"\n')
    wired, _ = wire(told.machine, told.outputs, camera())
    assert wired is not None
    assert wired.settings.stop.repeats is None


def test_the_machines_counter_becomes_the_cameras_encoder(tmp_path: Path) -> None:
    text = '[machine]\npulses_per_line = 2\n[outputs]\nkind = "modbus"\nhost = "plc"\ncounter = { address = 0 }\n'
    told = settings(tmp_path, text)
    wired, encoded = wire(told.machine, told.outputs, camera())
    assert wired is not None
    assert wired.counter is not None
    assert isinstance(encoded, EncodedCamera)
    assert encoded.width_px == 300


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[machine]\npulses_per_line = 2\n", "names no counter"),
        ('[outputs]\nkind = "camera"\nlines = { stop = "Line2" }\n', "Camera memory has no output lines"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    told = settings(tmp_path, text)
    with pytest.raises(StationError, match=sentence):
        wire(told.machine, told.outputs, camera())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[machine]\nmarker_mm = -1\n", "machine.marker_mm"),
        ("[machine]\npulses_per_line = 0\n", "no position"),
        ("[machine.stop]\nrepeats = 1\n", "machine.stop.repeats"),
        ("[machine.stop]\ncritical_score = 0.4\n", "machine.stop.critical_score"),
        ('[machine]\non_exit = "hope"\n', "machine.on_exit"),
        ('[outputs]\nkind = "modbus"\n', "host"),
        ('[outputs]\nkind = "modbus"\nhost = "plc"\ncoils = { siren = 1 }\n', "siren"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(StationError, match=sentence):
        settings(tmp_path, text)
