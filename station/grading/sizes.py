"""This module holds the sizes of defects and rolls that grading asks for, and the area that points are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from station.grading.rule import GradingRule
from station.state.defect_kind import DefectKind


class Sized(Protocol):
    """What grading asks of a defect, told or on record; lengths in mm."""

    @property
    def number(self) -> int: ...

    @property
    def position_mm(self) -> float: ...

    @property
    def length_mm(self) -> float: ...

    @property
    def width_mm(self) -> float: ...

    @property
    def area_mm2(self) -> float: ...

    @property
    def across_mm(self) -> float: ...

    @property
    def web_mm(self) -> float | None: ...

    @property
    def kind(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flagged defect holds what grading needs, lengths in mm.

    Attributes:
        position_mm: its beginning, from the roll's start.
        length_mm, width_mm: along and across.
        across_mm: distance of its middle from the web's left edge.
        web_mm: width of the web where it lies, None if unknown.
        is_hole: whether the steps for holes hold.
        number: of the defect in its roll.
        area_mm2: its area.
    """

    position_mm: float
    length_mm: float
    width_mm: float
    across_mm: float
    is_hole: bool = False
    web_mm: float | None = None
    number: int = 0
    area_mm2: float = 0.0

    @classmethod
    def of(cls, defect: Sized) -> Self:
        """Return what grading needs of a defect."""
        return cls(
            position_mm=defect.position_mm,
            length_mm=defect.length_mm,
            width_mm=defect.width_mm,
            across_mm=defect.across_mm,
            is_hole=defect.kind == DefectKind.HOLE,
            web_mm=defect.web_mm,
            number=defect.number,
            area_mm2=defect.area_mm2,
        )

    def lies_within(self, edge_mm: float) -> bool:
        """Say whether it lies wholly within so many mm of one edge; the right one needs a known width of the web."""
        half = self.width_mm / 2
        if self.across_mm + half <= edge_mm:
            return True
        return self.web_mm is not None and self.across_mm - half >= self.web_mm - edge_mm


@dataclass(frozen=True, slots=True)
class RollSize:
    """The size of a roll is what its points are divided by; what is not known is None.

    Attributes:
        inspected_mm, uninspected_mm: lengths by the encoder; uninspected cloth never counts.
        width_mm: mean width of the web where it was inspected.
        cuttable_mm: width that can be cut; where it is None, the width less the rule's edge on both sides.
        ticket_mm: length by the supplier's ticket.
        weight_kg, grams_per_m2: of the roll and of its cloth, for grading by weight.
    """

    inspected_mm: float
    width_mm: float | None
    uninspected_mm: float = 0.0
    cuttable_mm: float | None = None
    ticket_mm: float | None = None
    weight_kg: float | None = None
    grams_per_m2: float | None = None


def area(size: RollSize, rule: GradingRule) -> tuple[float | None, str]:
    """Return the area in m² that the points are of and what it is in words; None, and what is lacking, without one."""
    if rule.basis.area == "weight":
        if not size.weight_kg or not size.grams_per_m2:
            return None, "the roll's weight in kg and its cloth's g/m² are not on record"
        words = f"{size.weight_kg:g} kg at {size.grams_per_m2:g} g/m²"
        return size.weight_kg * 1000 / size.grams_per_m2, words
    length_mm = graded_length_mm(size, rule)
    if length_mm is None:
        return None, "the length by the supplier's ticket is not on record"
    width_mm, words = _width_mm(size, rule)
    if width_mm is None or length_mm <= 0:
        return None, "the web's width is not known" if width_mm is None else "nothing was inspected"
    what = "inspected length" if rule.basis.length == "inspected" else "ticket length less what was not inspected"
    return length_mm * width_mm / 1e6, f"{length_mm / 1000:.2f} m ({what}) × {width_mm:.0f} mm ({words})"


def graded_length_mm(size: RollSize, rule: GradingRule) -> float | None:
    """Return the length that the points are of, None where it is not known."""
    if rule.basis.length == "inspected":
        return size.inspected_mm
    return None if size.ticket_mm is None else max(0.0, size.ticket_mm - size.uninspected_mm)


def _width_mm(size: RollSize, rule: GradingRule) -> tuple[float | None, str]:
    if rule.basis.width == "full":
        return size.width_mm, "full width, mean where inspected"
    if size.cuttable_mm is not None:
        return size.cuttable_mm, "cuttable width"
    if size.width_mm is None:
        return None, ""
    left = max(0.0, size.width_mm - 2 * rule.edge)
    return left or None, f"cuttable width: the mean less {rule.edge:g} mm at each edge"
