"""This module notices uncompressed pixels that end in zeros, as when a copy stopped after it had reserved its room."""

from __future__ import annotations

import numpy as np

from drivers.images.metadata import TAKE_OUT, FaultError

LEAST_ZEROS, LEAST_LINES = 4096, 2
_LEVELS_OF_A_PHOTO, _MOST_BLACK = 32, 0.5


def refuse_unfilled(stored: bytes, line_bytes: int, sample_bytes: int) -> None:
    """Refuse a photo whose stored pixels end in a long run of zeros while the rest of it is not black.

    What has few levels, or is mostly 0, may be a mask and may well end so.

    Args:
        stored: the pixels as they lie in the file, without its header.
        line_bytes: the bytes of a line.
        sample_bytes: the bytes of a sample, 1 or 2.

    Raises:
        FaultError: the end is missing.
    """
    filled = stored.rstrip(b"\0")
    zeros = len(stored) - len(filled)
    if zeros < max(LEAST_ZEROS, LEAST_LINES * line_bytes):
        return
    samples = np.frombuffer(filled, f"u{sample_bytes}", len(filled) // sample_bytes)
    counts = np.bincount(samples) if samples.size else np.zeros(1, int)
    if np.count_nonzero(counts[1:]) > _LEVELS_OF_A_PHOTO and counts[0] < _MOST_BLACK * samples.size:
        raise FaultError(
            f"is damaged: its last {zeros:,} bytes of pixels are zeros, as of a copy that was interrupted; {TAKE_OUT}"
        )
