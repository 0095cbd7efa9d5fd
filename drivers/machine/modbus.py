"""This module exchanges machine signals over Modbus TCP.  Outputs are coils, distances holding registers, inputs
discrete inputs; the encoder's counter is a register.

Addresses are those of the protocol, counted from 0; a manual that speaks of coil 00001 means address 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from drivers.machine.signals import Distance, Input, Inputs, LinkError, Output, Outputs

Address = Annotated[int, Field(ge=0, le=65535)]

NONE_AHEAD = 65535
"""This value stands for no reject on its way; any length of 655.34 m or more is sent as 65534."""

# Every failure is raised as a LinkError; the library logs each of them a second time.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class CounterSettings(BaseModel):
    """These settings say where the encoder's count is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Address
    bits: Literal[16, 32] = 16
    table: Literal["input", "holding"] = "input"
    word_order: Literal["big", "little"] = Field("big", description="of 32 bits: the high word first, or last")


class ModbusSettings(BaseModel):
    """These settings describe a PLC or a bus coupler with Modbus TCP; signals without an address are not used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["modbus"] = "modbus"
    host: str = Field(min_length=1)
    port: int = Field(502, ge=1, le=65535)
    device_id: int = Field(1, ge=0, le=255)
    timeout_s: float = Field(0.5, gt=0, le=5)
    coils: dict[Output, Address] = Field(default_factory=dict)
    inverted: frozenset[Output] = Field(frozenset(), description="signals whose coil is off while they are on")
    distances: dict[Distance, Address] = Field(
        default_factory=dict,
        description="holding registers: centimetres to the next reject (65535: none), unrecorded",
    )
    discrete_inputs: dict[Input, Address] = Field(default_factory=dict)
    counter: CounterSettings | None = None

    @model_validator(mode="after")
    def _distinct(self) -> ModbusSettings:
        taken: dict[int, Output] = {}
        for output, address in self.coils.items():
            if address in taken:
                raise ValueError(f"coil {address} is given to both '{taken[address]}' and '{output}'")
            taken[address] = output
        return self


class ModbusLink:
    """A Modbus link is built from :class:`ModbusSettings`; see :class:`drivers.machine.signals.MachineLink`."""

    needs_camera = False

    def __init__(self, settings: ModbusSettings) -> None:
        self._settings = settings
        self.name = f"Modbus {settings.host}:{settings.port}"
        self.carries = frozenset(settings.coils)
        self._client = ModbusTcpClient(settings.host, port=settings.port, timeout=settings.timeout_s, retries=0)
        by_address = {address: output for output, address in settings.coils.items()}
        self._coil_runs = [(run[0], [by_address[at] for at in run]) for run in runs(by_address)]
        self._inputs = {address: name for name, address in settings.discrete_inputs.items()}
        self._input_runs = runs(self._inputs)

    def open(self) -> None:
        """Connect.  Raises LinkError."""
        self._client.close()
        try:
            is_there = self._client.connect()
        except ValueError:  # the host's name is not a valid one
            is_there = False
        if not is_there:
            raise LinkError(f"{self.name} does not answer; check the PLC's power, its cable and its address.")

    def exchange(self, outputs: Outputs) -> Inputs:
        """Write the coils, read the inputs.  Raises LinkError."""
        try:
            self._write(outputs)
            return self._read()
        except (ModbusException, OSError) as error:
            self._client.close()
            detail = str(error).splitlines()[0]
            raise LinkError(f"{self.name} fell silent ({detail}); check the PLC and its cable.") from error

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _write(self, outputs: Outputs) -> None:
        settings = self._settings
        for first, names in self._coil_runs:
            levels = [outputs.level(name, settings.inverted) for name in names]
            answer = self._client.write_coils(first, levels, device_id=settings.device_id)
            self._checked(answer, _named("coil", first, len(levels)))
        for distance, address in settings.distances.items():
            told = [centimetres(outputs.metres(distance))]
            answer = self._client.write_registers(address, told, device_id=settings.device_id)
            self._checked(answer, _named("holding register", address, 1))

    def _read(self) -> Inputs:
        levels: dict[Input, bool] = {}
        for run in self._input_runs:
            answer = self._checked(
                self._client.read_discrete_inputs(run[0], count=len(run), device_id=self._settings.device_id),
                _named("discrete input", run[0], len(run)),
            )
            levels |= {self._inputs[at]: bool(level) for at, level in zip(run, answer.bits, strict=False)}
        return Inputs(
            running=levels.get(Input.RUNNING),
            doff=levels.get(Input.DOFF),
            release=levels.get(Input.RELEASE),
            counter=self._count(),
        )

    def _count(self) -> int | None:
        counter = self._settings.counter
        if counter is None:
            return None
        client, words = self._client, counter.bits // 16
        match counter.table:
            case "input":
                read = client.read_input_registers
            case "holding":
                read = client.read_holding_registers
            case _:
                assert_never(counter.table)
        answer = self._checked(
            read(counter.address, count=words, device_id=self._settings.device_id),
            _named(f"{counter.table} register", counter.address, words),
        )
        kind = client.DATATYPE.UINT32 if words == 2 else client.DATATYPE.UINT16
        count = client.convert_from_registers(answer.registers, kind, word_order=counter.word_order)
        assert isinstance(count, int)
        return count

    def _checked(self, answer: ModbusPDU, what: str) -> ModbusPDU:
        """Return the answer, unless the device refused."""
        if answer.isError():
            raise LinkError(
                f"{self.name} refuses {what} of device {self._settings.device_id} ({answer}); correct the addresses "
                "in the settings."
            )
        return answer


def centimetres(metres: float | None) -> int:
    """Return a distance as its register holds it."""
    return NONE_AHEAD if metres is None else min(round(metres * 100), NONE_AHEAD - 1)


def runs(addresses: Iterable[int]) -> list[list[int]]:
    """Sort addresses and cut them where they do not follow each other: each run is one request."""
    ordered = sorted(addresses)
    cut: list[list[int]] = [ordered[:1]] if ordered else []
    for before, at in pairwise(ordered):
        if at == before + 1:
            cut[-1].append(at)
        else:
            cut.append([at])
    return cut


def _named(what: str, first: int, count: int) -> str:
    return f"{what} {first}" if count == 1 else f"{what}s {first} to {first + count - 1}"
