"""This module plays a finite camera (a folder of images) through the live line and gathers the results by piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.shading import Shading
from drivers.camera import Camera
from model.scorer import TileScorer
from station.contract import (
    Defect,
    DefectChanged,
    Event,
    LineSnapshot,
    LookView,
    Notice,
    RowJudged,
    Severity,
    StripView,
)
from station.display_score import display_scores
from station.line.heat_map import HeatMap
from station.line.inspection import Inspection
from station.line.judging.decision import is_too_small
from station.recipe import Recipe
from station.recipe.cloth_look import ClothLook

MapSink = Callable[[str, NDArray[np.float32], NDArray[np.bool_]], None]
"""The sink receives a piece's name, its full-size map, float32 ``[lines, width]``, 0.5 = threshold and 0 off the web,
and where the web is, bool ``[lines, width]``."""


@dataclass
class Piece:
    """A piece holds the line's results for one piece of cloth (one image).

    Attributes:
        name: the piece's name.
        first_line: roll line of its first line.
        score: highest display score (0.5 = threshold).
        defects: closed defects, by number, without their pictures: those of a large folder would fill the memory.
    """

    name: str
    first_line: int = 0
    score: float = 0.0
    defects: list[Defect] = field(default_factory=list)

    @property
    def rejects(self) -> int:
        """Count the defects that the recipe does not let pass."""
        return sum(defect.is_reject for defect in self.defects)

    @property
    def too_small(self) -> int:
        """Count the defects that pass for their size alone."""
        return sum(is_too_small(defect) for defect in self.defects)


@dataclass
class Playback:
    """The playback holds all pieces in order, the rows judged (in order), the line's state at the end, and what it told
    people beyond bare information."""

    pieces: dict[str, Piece]
    rows: list[RowJudged]
    snapshot: LineSnapshot
    notices: list[Notice] = field(default_factory=list)


def play(
    camera: Camera,
    scorer: TileScorer,
    recipe: Recipe,
    *,
    roll: str | None = None,
    shading: Shading | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_map: MapSink | None = None,
    cancelled: Callable[[], bool] | None = None,
    known: Mapping[str, ClothLook] | None = None,
) -> Playback:
    """Run the camera's cloth through the line to its end.

    Args:
        on_event: sees every event, in order, from the judging thread.
        on_map: receives each piece's map as soon as the piece is complete; without it no map is kept.
        cancelled: called throughout; once it returns True, lines in flight are given up and the rest is not played.
            The roll is then broken off, and no map is made of a piece that was not judged to its end.

        known: how other fabrics look, as for :class:`station.line.inspection.Inspection`.

    Raises:
        CameraError, or any other fault that ended the line before the end of the cloth.
    """
    gather = _Gather(on_map)

    def take(event: Event) -> None:
        gather.take(event)
        if on_event is not None:
            on_event(event)

    inspection = Inspection(camera, scorer, recipe, roll=roll, shading=shading, on_event=take, known=known)
    inspection.start()
    is_cancelled = False
    try:
        while not inspection.wait(0.05) and inspection.failure is None:
            if cancelled is not None and cancelled():
                is_cancelled = True
                inspection.give_up()
    except BaseException:
        inspection.give_up()
        raise
    finally:
        inspection.finish()
    if not is_cancelled:
        gather.complete()
    if inspection.failure is not None:
        raise inspection.failure
    return Playback(gather.pieces, gather.rows, inspection.snapshot(), gather.notices)


class _Gather:
    """This sorts the line's events by piece.  A piece's map is complete when the next piece's first strip arrives."""

    def __init__(self, on_map: MapSink | None) -> None:
        self.pieces: dict[str, Piece] = {}
        self.rows: list[RowJudged] = []
        self.notices: list[Notice] = []
        self._on_map = on_map
        self._now: str | None = None
        self._heat = HeatMap()

    def take(self, event: Event) -> None:
        if isinstance(event, StripView | LookView):
            self._take_view(event)
        elif isinstance(event, RowJudged):
            self.rows.append(event)
        elif isinstance(event, Notice) and event.severity is not Severity.INFO:
            self.notices.append(event)
        elif isinstance(event, DefectChanged) and event.defect.closed and event.defect.merged_into is None:
            self._piece(event.defect.piece).defects.append(replace(event.defect, crop=None, crop_scores=None))

    def _take_view(self, view: StripView | LookView) -> None:
        name = view.piece or ""
        if name != self._now:
            self.complete()
            self._now = name
            self._piece(name).first_line = view.first_line
        piece = self._piece(name)
        piece.score = max(piece.score, float(display_scores(view.scores, view.threshold).max(initial=0.0)))
        if self._on_map is not None:
            self._heat.take(view)

    def complete(self) -> None:
        heat = self._heat
        self._heat = HeatMap()
        if self._on_map is not None and self._now is not None:
            self._on_map(self._now, *heat.full_size())
            self._now = None

    def _piece(self, name: str | None) -> Piece:
        return self.pieces.setdefault(name or "", Piece(name or ""))
