"""This module knows which encoder lines belong to the roll: from where it was opened to the line due when it ends."""

from __future__ import annotations

from drivers.camera import Camera, EncoderReading
from station.contract import UninspectedReason
from station.line.acquiring.encoder import Encoder
from station.line.ledger import LineLedger


class RollSpan:
    """The span counts encoder lines from the roll's start, and tells the ledger which are due or given up."""

    def __init__(
        self,
        encoder: Encoder,
        ledger: LineLedger,
        opened_due: int | None,
        camera: Camera,
    ) -> None:
        """Take the roll's start, and the camera that knows which lines it cannot show.

        ``opened_due``: the encoder's due line when the roll was opened, None: when it was first read.
        """
        self._camera = camera
        self._unrecorded = camera.unrecorded
        self._encoder = encoder
        self._ledger = ledger
        self._opened_due = opened_due
        self._end: int | None = None
        self.origin: int | None = None
        """This encoder line is line 0 of the roll, None before any cloth of the roll is known."""

    @property
    def start(self) -> int | None:
        """Say where the roll starts if no block shows otherwise, None before the encoder was read."""
        if self.origin is not None:
            return self.origin
        return self._encoder.first_due if self._opened_due is None else self._opened_due

    @property
    def is_taken(self) -> bool:
        """Say whether every line up to the roll's end has come or was given up."""
        return self.origin is None or (self._end is not None and self._ledger.taken + self.origin >= self._end)

    def end_here(self) -> None:
        """End the roll at the line that is due now, which may still be on its way."""
        if self._end is None:
            self._end = self._encoder.read().due_line

    def came(self, first_line: int) -> int:
        """Note that a block from ``first_line`` on came.  Returns that line's number in the roll."""
        if self.origin is None:
            # Lines that were due before the first block belong to the roll too, and are lost.
            self.origin = first_line if self.start is None else min(self.start, first_line)
        return first_line - self.origin

    def due(self, reading: EncoderReading) -> None:
        """Tell the ledger how far the cloth has come, whether or not it was seen."""
        if self.origin is not None:
            self._ledger.due(self._within(reading.due_line) - self.origin)

    def give_up(self, reading: EncoderReading, reason: UninspectedReason) -> None:
        """Give up the cloth that has passed by now without being seen."""
        due_line = self._within(reading.due_line)
        if self.origin is None and (self.start is None or due_line <= self.start):
            return
        self.origin = self.start
        self.due(reading)
        self.skip_unseen(due_line, reason)
        self._ledger.skip(due_line - (self.origin or 0), reason)

    def skip_unseen(self, before_line: int, gap: UninspectedReason) -> None:
        """Count lines that the camera cannot show for what they are: not recorded, or of a picture that cannot be read.

        They are no loss of the camera; a gap before them counts as ``gap``.
        """
        unseen = [(*lines, UninspectedReason.NOT_RECORDED) for lines in self._unrecorded]
        unseen += [(*lines, UninspectedReason.UNREADABLE) for lines in self._camera.unreadable]
        for first, end, reason in unseen:
            if self.origin is not None and first < before_line:
                self._ledger.skip(first - self.origin, gap)
                self._ledger.skip(min(end, before_line) - self.origin, reason)

    def _within(self, line: int) -> int:
        return line if self._end is None else min(line, self._end)
