"""A machine beside a line that the test moves by hand, cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from drivers.camera import EncoderReading
from drivers.machine.counter import CounterEncoder
from drivers.machine.signals import MachineLink, Outputs, SimulatedLink
from station.contract import (
    Defect,
    DefectKind,
    Event,
    FeedState,
    Ledger,
    LineSnapshot,
    LineState,
    Notice,
    RecordsLag,
    Severity,
    StopChanged,
    StopStep,
)
from station.machine.machine import Machine
from station.machine.settings import MachineSettings
from station.recipe import Recipe

RECIPE = Recipe(fabric="denim", model_sha256="5" * 64, encoder="light", threshold=0.2, mm_per_px=0.5)
PER_M = 2000
THRESHOLD = 0.2


def defect(number: int, place_m: float = 1.0, across_mm: float = 100.0, **changes: object) -> Defect:
    values: dict[str, object] = {
        "number": number,
        "first_line": round(place_m * 2000),
        "end_line": round(place_m * 2000) + 10,
        "first_px": 0,
        "end_px": 10,
        "length_mm": 5.0,
        "width_mm": 5.0,
        "area_mm2": 25.0,
        "position_mm": place_m * 1000,
        "across_mm": across_mm,
        "score": THRESHOLD * 1.1,
        "threshold": THRESHOLD,
        "kind": DefectKind.SPOT,
        "is_reject": True,
        "closed": True,
    }
    return Defect(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class Place:
    """A machine whose cloth, line and clock are moved by hand."""

    settings: MachineSettings
    link: MachineLink | None = None
    due: int = 0
    now: float = 50.0
    line: LineState = LineState.CONTINUOUS_EXECUTION
    feed: FeedState = FeedState.LIVE
    judges: bool = True
    inspected: int = 0
    uninspected: int = 0
    events: list[Event] = field(default_factory=list)
    ends: int = 0
    origin: int = 0
    records: RecordsLag | None = None

    def __post_init__(self) -> None:
        self.counter = CounterEncoder(1.0, clock=lambda: self.now)
        self.machine = Machine(
            self.settings,
            self.link,
            look=self.look,
            encoder=lambda: EncoderReading(self.due, 100.0),
            tell=self.events.append,
            end_roll=self.end,
            counter=self.counter,
            clock=lambda: self.now,
        )
        self.machine.begin_roll(RECIPE)
        self.pass_cloth(0.0)

    def end(self) -> None:
        self.ends += 1

    def look(self) -> LineSnapshot:
        if self.judges:
            self.inspected = self.due
        return LineSnapshot(
            state=self.line,
            feed=self.feed,
            fabric="denim",
            recipe_version=1,
            roll="r",
            ledger=Ledger(self.due, self.inspected, self.uninspected),
            origin_line=self.origin,
            message="lamp cut" if self.line is LineState.ERROR else "",
            records=self.records,
        )

    def pass_cloth(self, metres: float, seconds: float = 0.3) -> Outputs | None:
        """Cloth moves on, time passes, a cycle is done; returns what the machine was told."""
        self.due += round(metres * PER_M)
        self.now += seconds
        self.machine.cycle()
        return getattr(self.link, "outputs", None)

    def notices(self, severity: Severity) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice) and event.severity is severity]

    def steps(self) -> list[StopStep]:
        return [event.step for event in self.events if isinstance(event, StopChanged)]


def place(link: MachineLink | None = None, **settings: object) -> Place:
    return Place(MachineSettings.model_validate(settings), link or SimulatedLink())


def reject(number: int, at_m: float, **changes: object):
    return defect(number, at_m, **changes)


def beats(at: Place, cycles: int = 12, **way: float) -> int:
    """How often the heartbeat toggles."""
    said = [at.pass_cloth(way.get("metres", 0.0)).heartbeat for _ in range(cycles)]
    return sum(a != b for a, b in pairwise(said))
