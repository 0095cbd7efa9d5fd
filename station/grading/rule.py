"""This module says what a grading rule is: versioned data, read from TOML, that states in numbers what the systems of
points (four-point after ASTM D5430, ten-point) say in words.

Where practice differs by buyer (holes, limits, yard or metre, which width and length), the rule says what it uses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from station.grading.units import PER_100_YD2, YARD_MM, Length, Margin
from station.state.defect_kind import DefectKind
from station.state.grade import DefectSeverity

Points = Annotated[int, Field(ge=0, le=1000, strict=True)]
NAME = r"[a-z0-9][a-z0-9-]{0,62}"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Step(_Part):
    """A step gives ``points`` to extents up to ``up_to`` (mm, inclusive) or up to ``up_to_width`` (a share of the web's
    width); the last step has neither and holds all the rest."""

    points: Points
    up_to: Length | None = None
    up_to_width: float | None = Field(None, gt=0, le=1)

    @property
    def is_open(self) -> bool:
        """Say whether it has no upper end."""
        return self.up_to is None and self.up_to_width is None

    def holds(self, extent_mm: float, web_mm: float | None) -> bool:
        """Say whether an extent falls under the step; a share of an unknown width holds all."""
        if self.up_to_width is not None:
            return web_mm is None or extent_mm <= self.up_to_width * web_mm
        return self.up_to is None or extent_mm <= self.up_to

    @property
    def reach(self) -> str:
        """Give up to where it holds, in words; '' where it has no upper end."""
        if self.up_to_width is not None:
            return f"{self.up_to_width:.0%} of the width"
        return "" if self.up_to is None else f"{self.up_to:g} mm"


def _ordered(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Refuse steps of which one can never hold, or by which a larger defect costs less."""
    if not steps or not steps[-1].is_open:
        raise ValueError("must end with a step without up_to, which holds all the rest, such as { points = 4 }")
    for number, (before, step) in enumerate(pairwise(steps), start=2):
        if before.is_open:
            raise ValueError(f"has a step {number} after one without up_to; give that one an up_to, or put it last")
        if before.up_to is not None and step.up_to is not None and step.up_to <= before.up_to:
            raise ValueError(f"must go from small to large; step {number} does not reach beyond the one before")
        if step.points < before.points:
            raise ValueError(f"must not give fewer points to what is larger, as step {number} does")
    return steps


Steps = Annotated[tuple[Step, ...], Field(max_length=50), AfterValidator(_ordered)]


class Holes(_Part):
    """Holes have steps of their own, by their longest extent; one up to ``pinhole`` (mm) counts as other defects."""

    steps: Steps
    pinhole: Margin = 0.0


class Cap(_Part):
    """The cap is the most points for one defect within one interval, and for all defects in one interval."""

    per_defect: Points
    per_interval: Points


class Running(_Part):
    """A defect longer than ``longer_than`` (mm) is continuous and costs ``points`` for every interval that it fills or
    begins; one longer than ``reject_over`` (mm) rejects the roll."""

    longer_than: Length
    points: Points
    reject_over: Length | None = None


class Limit(_Part):
    """A roll with more points than the limit is rejected: per 100 m², per 100 yd², or per interval of its length."""

    per_100_m2: float | None = Field(None, gt=0)
    per_100_yd2: float | None = Field(None, gt=0)
    per_interval: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [value for value in (self.per_100_m2, self.per_100_yd2, self.per_interval) if value is not None]
        if len(given) != 1:
            raise ValueError("must be given in one way: per_100_m2, per_100_yd2 or per_interval")
        return self

    @property
    def in_100_m2(self) -> float | None:
        """Give the points per 100 m², None where it is per interval."""
        return self.per_100_yd2 * PER_100_YD2 if self.per_100_yd2 is not None else self.per_100_m2


class Basis(_Part):
    """The basis says which area the points are of.

    ``width`` is the web's whole width or the part that can be cut, ``length`` what was inspected or what the supplier's
    ticket says less what was not inspected; by ``weight`` the area follows from kg and g/m² instead.
    """

    width: Literal["full", "cuttable"] = "full"
    length: Literal["inspected", "ticket"] = "inspected"
    area: Literal["measured", "weight"] = "measured"


class SeverityStep(_Part):
    """A step gives the severity ``level`` to a defect for which all that it states is true; the first such step counts,
    and ``minor`` where there is none.

    Attributes:
        kinds: it is of one of these kinds.
        points_from: it costs so many points alone, or more.
        longest_from: its longest extent, in mm, is so much or more.
        area_from_mm2: its area is so much or more.
        within_edge: it lies wholly within so many mm of an edge of the web.
    """

    level: DefectSeverity
    kinds: tuple[DefectKind, ...] = ()
    points_from: Points | None = None
    longest_from: Length | None = None
    area_from_mm2: float | None = Field(None, gt=0)
    within_edge: Length | None = None


class GradingRule(_Part):
    """A grading rule has a name and a version; a graded roll states both.

    Attributes:
        name, version: small letters, digits and hyphens; a rule that is changed gets a new version.
        source: where its numbers come from, for people.
        along, across: steps for the extent along (warp) and across (weft), smallest first; the direction with more
            points counts.
        holes: what holes cost, None where they count as other defects.
        cap: the most points per defect and per interval.
        interval: mm of the linear yard or metre, counted from the roll's start.
        edge: defects that lie wholly within this many mm of an edge of the web do not count.
        running: continuous defects.
        limit: from where a roll is rejected; None where the rule only counts.
        basis: which width and length the area is made of.
        severity: how grave a defect is.
    """

    name: str = Field(pattern=f"^{NAME}$")
    version: int = Field(ge=1, le=1_000_000, strict=True)
    source: str = Field("", max_length=2000)
    along: Steps
    across: Steps
    holes: Holes | None = None
    cap: Cap
    interval: Length
    edge: Margin = 0.0
    running: Running
    limit: Limit | None = None
    basis: Basis = Basis()
    severity: tuple[SeverityStep, ...] = Field((), max_length=100)

    @property
    def label(self) -> str:
        """Give name and version."""
        return f"{self.name} v{self.version}"

    @property
    def interval_word(self) -> str:
        """Give what an interval is called."""
        known = {1000.0: "metre", YARD_MM: "yard"}
        return known.get(self.interval, f"{self.interval:g} mm")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        most = min(self.cap.per_defect, max(self.along[-1].points, self.across[-1].points))
        if self.running.points < most:
            raise ValueError(
                f"running.points must be {most} or more, or a defect that grows long would cost less than before"
            )
        if self.running.longer_than < self.interval:
            raise ValueError("running.longer_than must not be shorter than interval")
        return self
