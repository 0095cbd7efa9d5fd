"""This module tells what a line says of a roll that was resumed: the line counts from 0, the roll goes on counting."""

from __future__ import annotations

from dataclasses import dataclass, replace

from station.contract import (
    ClothDiffers,
    Defect,
    DefectChanged,
    Event,
    Ledger,
    LineSnapshot,
    LookView,
    RollEnded,
    RowJudged,
    Stretch,
    StretchClosed,
    StripView,
)


@dataclass(frozen=True, slots=True)
class Continued:
    """It holds what is on record of a roll before the line that goes on with it.

    Attributes:
        ledger: its lines so far, none in flight.
        number: the highest number of its defects.
        defects, rejects: how many it has.
        along: mm a line, or 1 without a scale; as positions are measured.
    """

    ledger: Ledger = Ledger()  # noqa: RUF009 - it cannot be changed
    number: int = 0
    defects: int = 0
    rejects: int = 0
    along: float = 1.0

    def event(self, event: Event) -> Event:
        """Return an event of the line as one of the roll.  Texts keep the lines they name: those since the resuming."""
        lines = self.ledger.lines_acquired
        if self == NOT_RESUMED:
            return event
        match event:
            case DefectChanged():
                return DefectChanged(self._defect(event.defect))
            case StretchClosed():
                told = event.stretch
                return StretchClosed(Stretch(told.first_line + lines, told.end_line + lines, told.reason))
            case RowJudged() | LookView():
                return replace(event, first_line=event.first_line + lines, end_line=event.end_line + lines)
            case ClothDiffers():
                end = None if event.end_line is None else event.end_line + lines
                return replace(event, first_line=event.first_line + lines, end_line=end)
            case StripView():
                frames = tuple(frame._replace(line=frame.line + lines) for frame in event.frames)
                return replace(event, first_line=event.first_line + lines, frames=frames)
            case RollEnded():
                return replace(event, ledger=self._sum(event.ledger))
        return event

    def snapshot(self, line: LineSnapshot) -> LineSnapshot:
        """Return the line's state as that of the roll."""
        if self == NOT_RESUMED:
            return line
        ledger, metre = self._sum(line.ledger), self.along / 1000
        has_scale = line.metres_inspected is not None
        return replace(
            line,
            ledger=ledger,
            metres_inspected=ledger.lines_inspected * metre if has_scale else None,
            metres_uninspected=ledger.lines_uninspected * metre if has_scale else None,
            defects=line.defects + self.defects,
            rejects=line.rejects + self.rejects,
            origin_line=None if line.origin_line is None else line.origin_line - self.ledger.lines_acquired,
        )

    def _defect(self, defect: Defect) -> Defect:
        lines = self.ledger.lines_acquired
        return replace(
            defect,
            number=defect.number + self.number,
            first_line=defect.first_line + lines,
            end_line=defect.end_line + lines,
            peak_line=defect.peak_line + lines,
            position_mm=defect.position_mm + lines * self.along,
            merged_into=None if defect.merged_into is None else defect.merged_into + self.number,
        )

    def _sum(self, ledger: Ledger) -> Ledger:
        before = self.ledger
        return Ledger(
            before.lines_acquired + ledger.lines_acquired,
            before.lines_inspected + ledger.lines_inspected,
            before.lines_uninspected + ledger.lines_uninspected,
            before.lines_repeated + ledger.lines_repeated,
        )


NOT_RESUMED = Continued()
"""Nothing is on record of such a roll before its line."""
