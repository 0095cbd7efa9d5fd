"""This module tells bugs from faults of input or environment, and puts a bug into words and into the log."""

from __future__ import annotations

import contextlib
import logging

from calibration.errors import CalibrationError
from drivers.camera import CameraError
from drivers.machine.signals import LinkError
from model.errors import ModelError
from station.contract import StationError

MOST_CHARS = 200
"""A sentence in the alarm row or the audit quotes no more of an exception than this; the log has all of it."""

FAULTS = (StationError, CameraError, LinkError, ModelError, CalibrationError, OSError, MemoryError)
"""Faults of input or environment; all others are bugs."""

_LOGGED = "_is_in_the_log_of_the_station"

log = logging.getLogger("station")


def is_bug(error: BaseException) -> bool:
    """Say whether an exception is a bug, whose traceback is wanted, and not a fault of input or environment."""
    return not isinstance(error, FAULTS)


def named(error: BaseException | None, kind: type[BaseException] | None = None) -> str:
    """Return type and text on one line, such as ``ZeroDivisionError: division by zero``; the ``str`` of it may fail."""
    name = (kind or type(error)).__name__
    try:
        text = "" if error is None else one_line(str(error))
    except Exception:
        text = "it cannot say what it is"
    return f"{name}: {text}" if text else name


def one_line(text: str) -> str:
    """Return the text on one line, short enough for a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS - 2]} …"


def reason(error: BaseException) -> str:
    """Say to people why something ended: a fault in its own words, a bug with what to do about it."""
    if isinstance(error, MemoryError):
        return "this computer has too little memory left; close other programs and start again."
    if not is_bug(error):
        return str(error)
    return f"a fault in the program ({named(error)}); tell the maintainer, the log has details."


def log_bug(error: BaseException, what: str) -> None:
    """Write a bug that was caught to the log with its traceback, once, however often it is passed on and caught."""
    if is_bug(error) and not is_logged(error):
        log.error("%s: %s", what, named(error), exc_info=error)
        mark_logged(error)


def is_logged(error: BaseException) -> bool:
    """Say whether the exception's traceback is in the log already."""
    return getattr(error, _LOGGED, False) is True


def mark_logged(error: BaseException) -> None:
    """Mark the exception as one whose traceback is in the log."""
    with contextlib.suppress(Exception):
        setattr(error, _LOGGED, True)
