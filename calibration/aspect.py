"""This module compares line rate and encoder: do the lines that came match the cloth that passed?"""

from __future__ import annotations

from math import inf

from calibration.errors import CalibrationError

TOLERANCE = 0.01
"""Lines and encoder may differ by this share; sizes along are wrong by as much."""
MIN_LINES = 1000
"""Fewer lines than this say nothing: a line more or less at either end would already be a tenth of the tolerance."""


def line_error(lines: int, pulses: int, pulses_per_line: float) -> float:
    """Return by what share more lines came than the encoder counted; negative: fewer.

    Args:
        lines: lines the camera delivered, those known as lost included.
        pulses: encoder pulses that passed meanwhile, in either counting direction.
        pulses_per_line: the camera's trigger divider.

    Raises:
        CalibrationError: no pulses, or an impossible divider.
    """
    if lines < 0 or pulses == 0 or not 0 < pulses_per_line < inf:
        raise CalibrationError(
            f"{lines} lines cannot be held against {pulses} encoder pulses at {pulses_per_line} per line; "
            "check the encoder and the trigger divider."
        )
    return lines * pulses_per_line / abs(pulses) - 1


def aspect_warning(lines: int, pulses: int, pulses_per_line: float) -> str | None:
    """Return a warning if lines and encoder differ by more than :data:`TOLERANCE`; None while all is well.

    It is None, too, before :data:`MIN_LINES` lines were due or came.  Arguments are those of :func:`line_error`.

    Raises:
        CalibrationError: an impossible divider.
    """
    if pulses == 0 and lines < MIN_LINES:
        return None
    if pulses == 0:
        return f"The camera made {lines} lines, but the encoder did not move; check its coupling and its cable."
    error = line_error(lines, pulses, pulses_per_line)
    due = round(abs(pulses) / pulses_per_line)
    if max(lines, due) < MIN_LINES or abs(error) <= TOLERANCE:
        return None
    more = "more" if error > 0 else "fewer"
    return (
        f"The camera made {lines} lines where the encoder tells of {due} ({abs(error):.1%} {more}), so lengths along "
        "the cloth are wrong by as much; check the trigger divider, the encoder's coupling, and whether the camera "
        "keeps up with the speed."
    )
