"""This module keeps the link to the machine: it opens it, opens it again after a loss, and reports loss and return."""

from __future__ import annotations

from collections.abc import Callable

from drivers.machine.signals import Inputs, LinkError, MachineLink, Output, Outputs
from station.contract import LinkState, Notice, Severity

FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 2.0
LINK_LOST = "link to the machine lost"


class Connection:
    """The connection exchanges signals over the link, from one thread.  Without a link nothing is wired.

    Args:
        link: the way to the machine, None where nothing is wired.
        tell: takes notices.
        clock: seconds, monotonic.
    """

    def __init__(self, link: MachineLink | None, tell: Callable[[Notice], None], clock: Callable[[], float]) -> None:
        self._link = link
        self._tell = tell
        self._clock = clock
        self._open = False
        self._lost_told = False
        self._resting = False
        self._retry_s = float("-inf")
        self._delay_s = FIRST_RETRY_S

    def carries(self, output: Output) -> bool:
        """Say whether a signal is wired."""
        return self._link is not None and output in self._link.carries

    @property
    def state(self) -> LinkState:
        """Say in which state the link is."""
        if self._link is None:
            return LinkState.NOT_WIRED
        if self._resting:
            return LinkState.RESTING
        return LinkState.CONNECTED if self._open else LinkState.LOST

    def exchange(self, outputs: Outputs, *, camera_runs: bool) -> Inputs | None:
        """Send the outputs and return the inputs; None while there is no link."""
        if self._link is None:
            return None
        self._resting = self._link.needs_camera and not camera_runs
        if self._resting:
            self._open = False
            self._retry_s = float("-inf")
        if self._resting or (not self._open and self._clock() < self._retry_s):
            return None
        try:
            if not self._open:
                self._link.open()
            inputs = self._link.exchange(outputs)
        except LinkError as error:
            self._lost(error)
            return None
        self._delay_s = FIRST_RETRY_S
        self._open = True
        if self._lost_told:
            self._lost_told = False
            text = f"The link to the machine is back: {self._link.name}."
            self._tell(Notice(Severity.INFO, text, ends=LINK_LOST))
        return inputs

    def part(self, outputs: Outputs) -> None:
        """Send the outputs a last time, without waiting for the next retry, and close the link."""
        if self._link is None:
            return
        self._retry_s = float("-inf")
        try:
            self.exchange(outputs, camera_runs=not self._resting)
        finally:
            self._link.close()
            self._open = False

    def _lost(self, error: LinkError) -> None:
        assert self._link is not None
        self._link.close()
        self._open = False
        self._retry_s = self._clock() + self._delay_s
        self._delay_s = min(2 * self._delay_s, LONGEST_RETRY_S)
        if not self._lost_told:
            self._lost_told = True
            heartless = "The machine hears nothing from the station and stops by itself if it watches the heartbeat"
            text = f"The link to the machine is lost: {error} {heartless}; trying again."
            self._tell(Notice(Severity.ERROR, text, begins=LINK_LOST))
