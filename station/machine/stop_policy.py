"""This module decides when the machine stops: for a cause in the cloth, after a countdown, unless a person vetoes it.

It is pure: given defects and how far the cloth has come, it says what was announced, vetoed, requested, released.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from station.contract import Defect, StationError, StopChanged, StopState, StopStep
from station.display_score import display_score
from station.machine.settings import StopSettings

STATION = "station"

Place = tuple[float, float]
"""A place is where a reject is, in mm: along the roll, and across."""


_NUMBERS = count(1)


@dataclass(slots=True, eq=False)
class _Cause:
    """A cause is what a stop is wanted for: one defect, or a series of rejects at one cross position.

    Its ``number`` is unique while the program runs.
    """

    text: str
    stop_m: float = 0.0
    vetoed: bool = False
    number: int = field(default_factory=_NUMBERS.__next__)


@dataclass(slots=True, eq=False)
class _Series(_Cause):
    across_mm: float = 0.0
    last_mm: float = 0.0
    members: dict[int, Place] = field(default_factory=dict)


class StopPolicy:
    """The policy keeps the causes of one roll at a time.

    A veto holds for its cause: for a defect as long as the roll, for a series as long as it goes on without a gap of
    ``repeats_within_m``.  A release answers every cause that was known when it was given: a reject that becomes
    critical only later, or runs on for another ``running_m``, is a new one.  A new roll withdraws stops that are only
    announced; a requested stop stays requested until it is released.

    Positions ``at_m`` are metres of cloth by the encoder, from any start, and never fall.

    Args:
        requested: cause of a stop that was requested before and is not released yet; empty if there is none.
    """

    def __init__(self, requested: str = "") -> None:
        self._settings = StopSettings()
        self._threshold = 1.0
        self._single: dict[tuple[str, int], _Cause] = {}
        self._series: list[_Series] = []
        self._loose: dict[int, Place] = {}  # rejects that are part of no series
        self._newest_mm = 0.0
        self._told: dict[int, Defect] = {}  # rejects, as last reported
        self._answered: dict[int, Defect] = {}  # those of them known when the last stop was released, as they were then
        self._requested = _Cause(requested) if requested else None
        self._steps: list[StopChanged] = []

    @property
    def state(self) -> StopState:
        """Say whether a stop is announced or requested."""
        if self._requested is not None:
            return StopState.REQUESTED
        return StopState.NONE if self._foremost is None else StopState.ANNOUNCED

    @property
    def cause(self) -> str:
        """Say in words what the stop is for; empty if there is no cause."""
        cause = self._requested or self._foremost
        return "" if cause is None else cause.text

    @property
    def cause_number(self) -> int:
        """Give the number of that cause; 0 if there is none."""
        cause = self._requested or self._foremost
        return 0 if cause is None else cause.number

    def metres_left(self, at_m: float) -> float | None:
        """Return how much cloth may still pass before the announced stop is requested; None if none is announced."""
        if self.state is not StopState.ANNOUNCED:
            return None
        assert self._foremost is not None
        return max(0.0, self._foremost.stop_m - at_m)

    def take_steps(self) -> list[StopChanged]:
        """Return the steps since the last call, in order."""
        steps = self._steps
        self._steps = []
        return steps

    def begin_roll(self, settings: StopSettings, threshold: float) -> None:
        """Begin a new roll with its own rules: defects count from 1 again."""
        if self._requested is None:
            for cause in self._announced():
                self._tell(StopStep.WITHDRAWN, cause, STATION)
        self._settings = settings
        self._threshold = threshold
        self._forget()
        self._told = {}
        self._answered = {}
        self._newest_mm = 0.0

    def defect(self, defect: Defect, at_m: float) -> None:
        """Note that a defect appeared, grew, closed or turned out to be part of another."""
        if defect.merged_into is not None:
            self._merge(defect.number, defect.merged_into)
            return
        if not defect.is_reject:
            return
        self._told[defect.number] = defect
        answered = self._answered.get(defect.number)
        in_series = answered is not None or self._carries_on(defect)
        if self._requested is not None:
            return
        self._weigh_alone(defect, answered, at_m)
        if self._settings.repeats is not None and not in_series:
            self._weigh_series(defect, self._settings.repeats, at_m)
        self.advance(at_m)

    def advance(self, at_m: float) -> None:
        """Note how far the cloth has come."""
        cause = self._foremost
        if self._requested is None and cause is not None and at_m >= cause.stop_m:
            self._requested = cause
            self._tell(StopStep.REQUESTED, cause, STATION)

    def veto(self, by: str, cause_number: int) -> None:
        """Let the machine run on in spite of the announced cause of this number.  Raises StationError."""
        if self._requested is not None:
            raise StationError("The stop is requested already; fix the cause and release the stop.")
        announced = self._announced()
        if not announced:
            raise StationError("No stop is announced, so there is nothing to veto.")
        cause = next((cause for cause in announced if cause.number == cause_number), None)
        if cause is None:
            raise StationError("A stop for another cause is announced by now: read it, then veto that one if you will.")
        self._tell(StopStep.VETOED, cause, _person(by, "veto"))
        cause.vetoed = True

    def release(self, by: str) -> None:
        """Release the requested stop.  Raises StationError."""
        if self._requested is None:
            raise StationError("No stop is requested, so there is nothing to release.")
        self._tell(StopStep.RELEASED, self._requested, _person(by, "release"))
        self._requested = None
        single = {key: cause for key, cause in self._single.items() if cause.vetoed}
        series = [series for series in self._series if series.vetoed]
        self._forget()
        self._single = single
        self._series = series
        self._answered = dict(self._told)

    # ------------------------------------------------------------------ causes

    def _weigh_alone(self, defect: Defect, answered: Defect | None, at_m: float) -> None:
        where, running_m = f"defect {defect.number} at {defect.position_mm / 1000:.1f} m", self._settings.running_m
        why = self._critical(defect)
        if why and (answered is None or not self._critical(answered)):
            self._announce(("critical", defect.number), f"critical {where}, {why}", at_m)
        answered_mm = 0.0 if answered is None else answered.length_mm
        if running_m is not None and defect.length_mm - answered_mm > running_m * 1000:
            self._announce(("running", defect.number), f"running {where}", at_m)

    def _critical(self, defect: Defect) -> str:
        """Say why this defect alone is reason enough to stop; empty if it is not."""
        rules = self._settings
        score = display_score(defect.score, self._threshold)
        extent_mm = max(defect.length_mm, defect.width_mm)
        if rules.critical_score is not None and score >= rules.critical_score:
            return f"score {score:.2f}"
        return f"{extent_mm:.0f} mm" if rules.critical_mm is not None and extent_mm >= rules.critical_mm else ""

    def _announce(self, key: tuple[str, int], text: str, at_m: float) -> None:
        if key not in self._single:
            cause = _Cause(text, at_m + self._settings.countdown_m)
            self._single[key] = cause
            self._tell(StopStep.ANNOUNCED, cause, STATION)

    def _carries_on(self, defect: Defect) -> bool:
        """Say whether the reject belongs to a known series, vetoed or not; the series then goes on."""
        place = (defect.position_mm, defect.across_mm)
        here = defect.position_mm
        self._newest_mm = max(self._newest_mm, here)
        self._prune()
        known = next((series for series in self._series if self._belongs(defect.number, place, series)), None)
        if known is None:
            return False
        self._loose.pop(defect.number, None)
        known.members[defect.number] = place
        known.last_mm = max(known.last_mm, here)
        return True

    def _weigh_series(self, defect: Defect, repeats: int, at_m: float) -> None:
        across = defect.across_mm
        self._loose[defect.number] = (defect.position_mm, across)
        members = self._repeats_around(defect.number, repeats)
        if members:
            last_mm = max(along for along, _ in members.values())
            text = f"{len(members)} rejects at {across:.0f} mm across, the last at {last_mm / 1000:.1f} m"
            stop_m = at_m + self._settings.countdown_m
            series = _Series(text, stop_m, across_mm=across, last_mm=last_mm, members=members)
            self._loose = {number: place for number, place in self._loose.items() if number not in members}
            self._series.append(series)
            self._tell(StopStep.ANNOUNCED, series, STATION)

    def _belongs(self, number: int, place: Place, series: _Series) -> bool:
        along, across = place
        beside = abs(across - series.across_mm) <= self._settings.repeats_across_mm
        goes_on = along - series.last_mm <= self._settings.repeats_within_m * 1000
        return number in series.members or (beside and goes_on)

    def _repeats_around(self, number: int, repeats: int) -> dict[int, Place]:
        """Find ``repeats`` loose rejects beside ``number`` within the distance, itself among them; empty if too few."""
        across = self._loose[number][1]
        beside = sorted(
            (place, other)
            for other, place in self._loose.items()
            if abs(place[1] - across) <= self._settings.repeats_across_mm
        )
        for first in range(len(beside) - repeats + 1):
            window = {other: place for place, other in beside[first : first + repeats]}
            along = [place[0] for place in window.values()]
            if number in window and along[-1] - along[0] <= self._settings.repeats_within_m * 1000:
                return window
        return {}

    def _prune(self) -> None:
        """Forget rejects too far back to be part of a series, old or new."""
        oldest = self._newest_mm - self._settings.repeats_within_m * 1000
        self._loose = {number: place for number, place in self._loose.items() if place[0] >= oldest}
        self._series = [series for series in self._series if not series.vetoed or series.last_mm >= oldest]

    def _merge(self, number: int, into: int) -> None:
        """Merge a defect into an older one: its causes go with it, and a veto of either holds for both."""
        self._loose.pop(number, None)
        self._told.pop(number, None)
        part = self._answered.pop(number, None)
        if part is not None:
            self._answered[into] = _together(part, self._answered.get(into))
        for kind in ("critical", "running"):
            young, old = self._single.pop((kind, number), None), self._single.get((kind, into))
            if young is None:
                continue
            if old is None:
                self._single[kind, into] = young
                continue
            if old.vetoed != young.vetoed:
                self._withdraw(young if old.vetoed else old)
            old.vetoed |= young.vetoed
            if young.stop_m < old.stop_m:  # take the number too: it may be the one on the screen
                old.stop_m = young.stop_m
                old.number = young.number
        for series in list(self._series):
            gone = series.members.pop(number, None)
            if gone is not None and not series.vetoed and len(series.members) < (self._settings.repeats or 0):
                self._withdraw(series)
                self._series.remove(series)
                self._loose |= series.members

    def _withdraw(self, cause: _Cause) -> None:
        if self._requested is None:
            self._tell(StopStep.WITHDRAWN, cause, STATION)

    # ------------------------------------------------------------------ inside

    @property
    def _foremost(self) -> _Cause | None:
        """Give the announced cause whose stop comes first."""
        return min(self._announced(), key=lambda cause: cause.stop_m, default=None)

    def _announced(self) -> list[_Cause]:
        return [cause for cause in (*self._single.values(), *self._series) if not cause.vetoed]

    def _forget(self) -> None:
        self._single.clear()
        self._series.clear()
        self._loose.clear()

    def _tell(self, step: StopStep, cause: _Cause, by: str) -> None:
        self._steps.append(StopChanged(step, cause.text, by))


def _together(part: Defect, other: Defect | None) -> Defect:
    """Add up two parts of one defect that were both answered by a release."""
    if other is None:
        return part
    return replace(
        other,
        length_mm=part.length_mm + other.length_mm,
        width_mm=max(part.width_mm, other.width_mm),
        score=max(part.score, other.score),
    )


def _person(by: str, what: str) -> str:
    name = by.strip()
    if not name:
        raise StationError(f"A {what} needs the name of the person who gives it.")
    return name
