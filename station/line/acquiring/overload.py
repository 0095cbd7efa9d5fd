"""This module stands between the camera's pace and the model's: what does not fit is given up and reported."""

from __future__ import annotations

from station.contract import UninspectedReason
from station.line.channel import Channel
from station.line.flow import Chunk, EndOfRun
from station.line.ledger import LineLedger

BLOCKS_WAITING = 16
"""Where the cloth runs on, this many blocks wait: some seconds to bridge a short delay."""

LINES_WAITING = 1024
"""Where the cloth can wait, this many lines wait: enough to keep the device busy; more would only age in the queue."""

ROOM_AFTER_OVERLOAD = 0.5
"""After an overload the queue must drain to this before blocks are taken again: a few long stretches, not many short
ones."""


def block_queue(waits: bool) -> Channel[Chunk | EndOfRun]:
    """Make the queue before the model; ``waits``: whether the camera can be made to wait for room."""
    if not waits:
        return Channel(BLOCKS_WAITING)
    return Channel(LINES_WAITING, limit=LINES_WAITING, weigh=lambda item: item.lines if isinstance(item, Chunk) else 0)


class OverloadGate:
    """The gate puts lines in flight into ``blocks``; ``waits``: the camera can be made to wait for room."""

    def __init__(self, blocks: Channel[Chunk | EndOfRun], ledger: LineLedger, *, waits: bool) -> None:
        self._blocks = blocks
        self._ledger = ledger
        self._waits = waits
        self._overloaded = False

    def hand_on(self, chunk: Chunk) -> bool:
        """Queue the chunk, or give it up.  Returns True if an overload begins with it.

        When a roll is broken off, the chunk stays in flight, for :meth:`LineLedger.close` to settle.
        """
        if self._waits:
            self._blocks.put(chunk)
            return False
        if (not self._overloaded or self._blocks.fill <= ROOM_AFTER_OVERLOAD) and self._blocks.offer(chunk):
            self._overloaded = False
            return False
        if self._blocks.closed:  # the roll is being broken off, which is no overload
            return False
        end = chunk.first_line + len(chunk.pixels)
        self._ledger.given_up(chunk.first_line, end, UninspectedReason.OVERLOAD)
        begins = not self._overloaded
        self._overloaded = True
        return begins
