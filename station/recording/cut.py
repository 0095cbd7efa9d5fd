"""This module cuts the picture of a place out of recorded cloth, for a defect that a person puts on record by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivers.recording.format import What
from drivers.recording.reader import Recording, RecordingError
from station.records.history import History

AROUND_PX = 64
"""A picture shows so much cloth around its place, in lines and columns."""
MOST_LINES = 2_048


def picture_of(
    history: History, roll: str, lines: tuple[int, int], columns: tuple[int, int]
) -> NDArray[np.uint8] | None:
    """Return the recorded cloth around a place of a roll; None where none of it is recorded, or no longer there.

    Args:
        history: reads where the roll was recorded.
        roll: the roll's name.
        lines, columns: the place, half-open, in lines of the roll and columns of the camera; of a longer one the first
            ``MOST_LINES`` lines are shown.

    Returns:
        uint8 ``[h, w]`` or ``[h, w, 3]`` (RGB); what was not recorded in between is black.

    Raises:
        RecordsError: there is no such roll, or the records cannot be read.
        RecordingError: the recording is damaged just there.
    """
    folder = history.recording(roll)
    if folder is None or not folder.is_dir():
        return None
    try:
        recording = Recording(folder)
    except RecordingError:
        return None
    first = max(0, lines[0] - AROUND_PX)
    end = min(lines[1] + AROUND_PX, first + MOST_LINES)
    return _cut(recording, (first, end), (max(0, columns[0] - AROUND_PX), columns[1] + AROUND_PX))


def _cut(recording: Recording, lines: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.uint8] | None:
    origin = recording.metadata.origin_line
    made: NDArray[np.uint8] | None = None
    for index, entry in enumerate(recording.entries):
        if entry.what is not What.BLOCK or entry.lines is None:
            continue
        begin, end = (line - origin for line in entry.lines)
        top, bottom = max(lines[0], begin), min(lines[1], end)
        block = recording.load(index).block if top < bottom else None
        if block is None:
            continue
        seen = block.pixels[top - begin : bottom - begin, columns[0] : columns[1]]
        if made is None:
            made = np.zeros((lines[1] - lines[0], *seen.shape[1:]), np.uint8)
        made[top - lines[0] : bottom - lines[0]] = seen
    return None if made is None or made.shape[1] == 0 else made
