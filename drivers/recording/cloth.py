"""This module gives the cloth of a recording, or some metres of it, to be taught on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from drivers.camera import EncoderReading, EndOfClothError, LineBlock
from drivers.recording.format import What
from drivers.recording.reader import Recording, RecordingError
from drivers.recording.recorded import RecordingsCamera

MM_PER_M = 1000.0


class RecordedCloth(RecordingsCamera):
    """Recorded cloth is a finite camera that waits, and that begins anew after :meth:`rewind`.

    Each line of cloth comes once and in order, whatever the camera did: what came again or was only partly seen is left
    out.  Lines of a line-scan camera come in blocks of ``block_lines``, shorter before a gap; frames come as they were.

    Args:
        folder: the recording.
        block_lines: lines of a block.
        metres: which metres of the recorded cloth, from its beginning; None for all.

    Raises:
        RecordingError: it cannot be read, has no scale to count metres by, or has no cloth there.
    """

    def __init__(self, folder: Path, *, block_lines: int, metres: tuple[float, float] | None = None) -> None:
        recording = Recording(folder)
        super().__init__(recording)
        self._block_lines = block_lines
        self._first, self._end = _lines(recording, metres)
        self._blocks = [
            index
            for index, entry in enumerate(recording.entries)
            if entry.what is What.BLOCK and entry.lines and entry.lines[1] > self._first and entry.lines[0] < self._end
        ]
        if not self._blocks:
            raise RecordingError(
                f"Recording {folder} holds no cloth between metres {metres[0]:g} and {metres[1]:g}; it has "
                f"{recorded_metres(recording):.1f} m."
                if metres
                else f"Recording {folder} holds no cloth."
            )
        self.rewind()

    def rewind(self) -> None:
        """Begin anew."""
        self._next = 0
        self._reach = self._first
        self._waiting: list[LineBlock] = []

    @property
    def waits(self) -> bool:
        """Say that it waits."""
        return True

    @property
    def total_lines(self) -> int:
        """Return the line at which the cloth ends."""
        return self._end

    def start(self) -> None:
        """Begin, or go on."""

    def stop(self) -> None:
        """Stop; the next start goes on from here."""

    def encoder(self) -> EncoderReading:
        """Return where the cloth is: at the last line read."""
        return EncoderReading(self._reach, 0.0)

    def read(self, timeout_s: float) -> LineBlock | None:  # noqa: ARG002 - cloth on disk is never waited for
        """Return the next block.

        Raises:
            EndOfClothError: all was read.
            RecordingError: a block is damaged, or its file gone.
        """
        while self._next < len(self._blocks) and not self._is_due():
            block = self._cut(self._recording.load(self._blocks[self._next]).block)
            if block is None:
                self._next += 1
                continue
            if self._waiting and not _goes_on(self._waiting[-1], block):
                return self._joined()
            self._next += 1
            self._reach = block.end_line
            self._waiting.append(block)
        if self._waiting:
            return self._joined()
        raise EndOfClothError(f"Recording {self._recording.folder} was read to its end.")

    def _is_due(self) -> bool:
        """Say whether what waits makes a block: a frame, or lines enough."""
        is_frame = any(one.frame_lines for one in self._waiting)
        return is_frame or sum(one.lines for one in self._waiting) >= self._block_lines

    def _cut(self, block: LineBlock | None) -> LineBlock | None:
        """Return what is new of a block and was seen over the whole width; None if nothing is."""
        if block is None or block.blind_px:
            return None
        first, end = max(block.first_line, self._reach), min(block.end_line, self._end)
        if first >= end or (block.frame_lines and (first, end) != (block.first_line, block.end_line)):
            return None
        own = slice(first - block.first_line, end - block.first_line)
        return replace(block, pixels=block.pixels[own], first_line=first)

    def _joined(self) -> LineBlock:
        """Return as much of what waits as makes one block; the rest waits on."""
        first = self._waiting[0]
        pixels = np.concatenate([one.pixels for one in self._waiting])
        self._waiting.clear()
        if not first.frame_lines and len(pixels) > self._block_lines:
            rest = first.first_line + self._block_lines
            self._waiting = [replace(first, pixels=pixels[self._block_lines :], first_line=rest)]
            pixels = pixels[: self._block_lines]
        return replace(first, pixels=np.ascontiguousarray(pixels))


def recorded_metres(recording: Recording) -> float:
    """Return how many metres of cloth passed while recording.  Raises RecordingError if it has no scale."""
    return (recording.end_line - recording.metadata.origin_line) * _scale(recording) / MM_PER_M


def _goes_on(one: LineBlock, other: LineBlock) -> bool:
    alike = one.piece == other.piece and not one.frame_lines and not other.frame_lines
    return alike and other.first_line == one.end_line


def _lines(recording: Recording, metres: tuple[float, float] | None) -> tuple[int, int]:
    origin = recording.metadata.origin_line
    if metres is None:
        return min((entry.lines[0] for entry in recording.entries if entry.lines), default=origin), recording.end_line
    per_line = _scale(recording) / MM_PER_M
    return origin + round(metres[0] / per_line), min(origin + round(metres[1] / per_line), recording.end_line)


def _scale(recording: Recording) -> float:
    scale = recording.metadata.mm_per_px
    if scale is None:
        raise RecordingError(
            f"Recording {recording.folder} has no scale, so its metres cannot be counted; take all of it, without "
            "--metres."
        )
    return scale
