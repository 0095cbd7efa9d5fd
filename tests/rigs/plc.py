"""A PLC: pymodbus's own server in this process, with the program a real one would run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

T = TypeVar("T")
COILS, DISCRETE, HOLDING, INPUT = 1, 2, 3, 4


class Plc:
    """Listens on a port of this machine; 32 of everything.  It can be switched off and on again."""

    def __init__(self) -> None:
        self.port = 0
        self._server: ModbusTcpServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plc")
        self._thread.start()
        self.switch_on()

    def switch_on(self) -> None:
        def bits() -> list[SimData]:
            return [SimData(0, count=32, values=False, datatype=DataType.BITS)]

        def registers() -> list[SimData]:
            return [SimData(0, count=32, datatype=DataType.REGISTERS)]

        async def serve() -> ModbusTcpServer:
            device = SimDevice(1, simdata=(bits(), bits(), registers(), registers()))
            server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
            await server.serve_forever(background=True)
            return server

        self._server = self._do(serve())
        self.port = self._server.transport.sockets[0].getsockname()[1]

    def switch_off(self) -> None:
        if self._server is not None:
            self._do(self._server.shutdown())
            self._server = None

    def close(self) -> None:
        self.switch_off()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def coil(self, address: int) -> bool:
        return bool(self._do(self._server.async_getValues(1, COILS, address, 1))[0])

    def register(self, address: int) -> int:
        return int(self._do(self._server.async_getValues(1, HOLDING, address, 1))[0])

    def set_input(self, address: int, level: bool) -> None:
        self._do(self._server.async_setValues(1, DISCRETE, address, [level]))

    def set_registers(self, address: int, values: list[int], table: int = INPUT) -> None:
        self._do(self._server.async_setValues(1, table, address, values))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
