"""This module keeps teach-in to its time: it holds the budget, reports progress and plans the training steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

CALIBRATION_SHARE = 0.08

Cancelled = Callable[[], bool]


class TeachingCancelled(Exception):  # noqa: N818 - the user's request, not an error
    """Teach-in was cancelled; nothing was made."""


@dataclass(frozen=True, slots=True)
class Progress:
    """This says how far teach-in is.

    Attributes:
        stage: what is being done, in words.
        fraction: of the whole, 0..1.
        seconds_left: estimate.
        loss: current training loss, None outside training.
    """

    stage: str
    fraction: float
    seconds_left: float
    loss: float | None = None


class TimeBudget:
    """The budget knows the time given and used, the request to stop and the progress, which never goes back."""

    def __init__(
        self, minutes: float, progress: Callable[[Progress], None] | None, cancelled: Cancelled | None
    ) -> None:
        self.started = time.monotonic()
        self.seconds = minutes * 60
        self._progress = progress
        self._cancelled = cancelled
        self._furthest = 0.0

    def spent(self) -> float:
        """Return the share of the time that is used up."""
        return (time.monotonic() - self.started) / self.seconds

    def cancelled(self) -> bool:
        """Say whether teach-in should stop."""
        return self._cancelled is not None and self._cancelled()

    def check(self) -> None:
        """Stop if asked to.  Raises TeachingCancelled."""
        if self.cancelled():
            raise TeachingCancelled("Teach-in was cancelled; nothing was changed.")

    def report(self, stage: str, fraction: float, loss: float | None = None) -> None:
        """Report how far teach-in is: the time left follows from the share done and the time it took."""
        if self._progress is None:
            return
        fraction = max(self._furthest, min(1.0, fraction))
        self._furthest = fraction
        elapsed = time.monotonic() - self.started
        likely = min(self.seconds, elapsed / fraction) if fraction > 0.02 else self.seconds
        self._progress(Progress(stage, fraction, max(0.0, likely - elapsed), loss))

    def tell(self, stage: str, fraction: float, loss: float | None = None) -> None:
        """Stop if asked to, else report.  Raises TeachingCancelled."""
        self.check()
        self.report(stage, fraction, loss)


class Plan:
    """The plan says how many steps to make: those asked for or, if too many, a round number that the time allows.

    The time is judged by the first few steps.  Numbers come from a coarse ladder and with a margin, so that a machine
    plans the same each time although its steps never take exactly as long.  If it slows down nevertheless, the schedule
    follows the budget.
    """

    MEASURED = 8
    MARGIN = 0.8

    def __init__(self, steps: int, budget: TimeBudget) -> None:
        self.step = 0
        self.steps = steps
        self._budget = budget
        self._begun = budget.spent()
        self._share = max(1e-6, 1 - CALIBRATION_SHARE - self._begun)

    def by_time(self) -> float:
        """Return the share of the time for training that is used up."""
        return (self._budget.spent() - self._begun) / self._share

    def done(self) -> float:
        """Return the share of the training that is done, 0..1."""
        if self.step == self.MEASURED and self.by_time() > 0:
            affordable = self.MARGIN * self.MEASURED / self.by_time()
            if affordable < self.steps:
                self.steps = max(self.MEASURED + 1, int(2 ** (math.floor(4 * math.log2(affordable)) / 4)))
        late = self.by_time() - 0.02 if self.step >= self.MEASURED else 0.0  # the first steps are always made
        return min(1.0, max(self.step / self.steps, late))

    def fraction(self, done: float) -> float:
        """Return the share of the whole teach-in that is done."""
        return self._begun + self._share * done


def one_cycle(done: float) -> float:
    """Return the learning rate over its peak: a warm-up for the first tenth, then half a cosine down to nearly 0."""
    if done < 0.1:
        return 0.1 + 9 * done
    return 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))
