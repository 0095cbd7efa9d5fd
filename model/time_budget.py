"""How teach-in keeps to its time: the budget, the progress it tells, and the plan of training steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

CALIBRATION_SHARE = 0.08

Cancelled = Callable[[], bool]


class TeachingCancelled(Exception):  # noqa: N818 - a wish of the user, not an error
    """Teach-in was cancelled; nothing was made."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far teach-in is.

    Attributes:
        stage: what is being done, in words.
        fraction: of the whole, 0..1.
        seconds_left: estimate.
        loss: present training loss, None outside training.
    """

    stage: str
    fraction: float
    seconds_left: float
    loss: float | None = None


class TimeBudget:
    """Time given, time used, the wish to stop, and how far it is; what is told never goes back."""

    def __init__(
        self, minutes: float, progress: Callable[[Progress], None] | None, cancelled: Cancelled | None
    ) -> None:
        self.started = time.monotonic()
        self.seconds = minutes * 60
        self._progress = progress
        self._cancelled = cancelled
        self._furthest = 0.0

    def spent(self) -> float:
        """Share of the time that is gone."""
        return (time.monotonic() - self.started) / self.seconds

    def cancelled(self) -> bool:
        """Whether it is wished to stop."""
        return self._cancelled is not None and self._cancelled()

    def check(self) -> None:
        """Stop if that is wished.  Raises TeachingCancelled."""
        if self.cancelled():
            raise TeachingCancelled("Teach-in was cancelled; nothing was changed.")

    def report(self, stage: str, fraction: float, loss: float | None = None) -> None:
        """Tell how far it is: the time left follows from the share done and the time it took."""
        if self._progress is None:
            return
        self._furthest = fraction = max(self._furthest, min(1.0, fraction))
        elapsed = time.monotonic() - self.started
        likely = min(self.seconds, elapsed / fraction) if fraction > 0.02 else self.seconds
        self._progress(Progress(stage, fraction, max(0.0, likely - elapsed), loss))

    def tell(self, stage: str, fraction: float, loss: float | None = None) -> None:
        """Stop if that is wished, else report.  Raises TeachingCancelled."""
        self.check()
        self.report(stage, fraction, loss)


class Plan:
    """How many steps to make: those wished for, or a round number of what the time allows after a few were measured.

    Numbers are taken from a coarse ladder and with a margin, so that a machine plans the same each time although its
    steps never take exactly as long.  If it slows down all the same, the schedule follows the budget.
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
        """Share of the time for training that is gone."""
        return (self._budget.spent() - self._begun) / self._share

    def done(self) -> float:
        """Share of the training that is done, 0..1."""
        if self.step == self.MEASURED and self.by_time() > 0:
            affordable = self.MARGIN * self.MEASURED / self.by_time()
            if affordable < self.steps:
                self.steps = max(self.MEASURED + 1, int(2 ** (math.floor(4 * math.log2(affordable)) / 4)))
        late = self.by_time() - 0.02 if self.step >= self.MEASURED else 0.0  # the first steps are made in any case
        return min(1.0, max(self.step / self.steps, late))

    def fraction(self, done: float) -> float:
        """Share of the whole teach-in that is over."""
        return self._begun + self._share * done


def one_cycle(done: float) -> float:
    """Learning rate over its peak: a warm-up over the first tenth, then half a cosine down to nearly nothing."""
    if done < 0.1:
        return 0.1 + 9 * done
    return 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))
