"""This module keeps a camera going: it awaits its start, lets it settle and tries it again after a pause.

The line uses it for a single camera (:mod:`station.line.acquiring.acquisition`), a joined camera for each of its
cameras (:mod:`drivers.joined.reader`).  What they do not share stays with them: what silence means, and what is done
about it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from drivers.camera import CameraGoneError
from drivers.grabber import Grabber
from drivers.standstill import AWAKE

READ_TIMEOUT_S = 0.1
"""One look at a camera takes at most this long: so soon its reader sees what else is wanted."""

FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 1.0
"""A lost camera is tried again after the first pause, then after twice as long each time, up to the longest."""


class RetryPauses:
    """Retry pauses say how long to wait before each next try to get a camera back."""

    def __init__(self) -> None:
        self._next_s = FIRST_RETRY_S

    def next_s(self) -> float:
        """Return the pause before the next try; the one after it is longer."""
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, LONGEST_RETRY_S)
        return pause_s

    def reset(self) -> None:
        """Start over, as the camera delivers: once it is lost again, the first pause is short."""
        self._next_s = FIRST_RETRY_S


def _nothing() -> None:
    """Do nothing meanwhile."""


def start_within(
    limit_s: float,
    grabber: Grabber,
    *,
    is_ending: Callable[[], bool],
    ending_limit_s: float,
    look: Callable[[], None] = _nothing,
) -> bool:
    """Start the camera, and wait until it has started.

    Args:
        limit_s: how long it may take.
        is_ending: says whether the camera is not wanted any more.
        ending_limit_s: how long it may take from then on.
        look: called meanwhile, several times a second.

    Returns:
        False if it has not started and is not wanted any more.

    Raises:
        CameraGoneError: it does not answer.
        CameraError: it does not start.
    """
    grabber.start()
    until = AWAKE.now() + limit_s
    while not grabber.answered(READ_TIMEOUT_S):
        look()
        if is_ending():
            until = min(until, AWAKE.now() + ending_limit_s)
        if AWAKE.now() > until:
            if is_ending():
                return False
            raise CameraGoneError(f"Camera {grabber.camera_id} does not answer when it is to start.")
    return True


def settle(limit_s: float, grabber: Grabber, look: Callable[[], None] = _nothing) -> None:
    """Wait until the camera answers the last call, whatever it answers; ``look`` is called meanwhile."""
    until = AWAKE.now() + limit_s
    with contextlib.suppress(Exception):
        while not grabber.answered(READ_TIMEOUT_S) and AWAKE.now() < until:
            look()
