"""Plays a finite camera (a folder of images) through the same live line and gathers what it said of each piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.shading import Shading
from drivers.camera import Camera
from station.control import Defect, DefectChanged, Event, LineSnapshot, RowJudged, StripView
from station.line.inference import TileScorer
from station.line.inspection import Inspection
from station.recipe import Recipe

MapSink = Callable[[str, NDArray[np.float32]], None]


@dataclass
class Piece:
    """What the line said of one piece of cloth (one image).

    Attributes:
        name: the piece's name.
        first_line: roll line of its first line.
        score: highest display score (0.5 = threshold).
        defects: closed defects, by number.
    """

    name: str
    first_line: int = 0
    score: float = 0.0
    defects: list[Defect] = field(default_factory=list)

    @property
    def rejects(self) -> int:
        """Defects the recipe does not let pass."""
        return sum(defect.is_reject for defect in self.defects)


@dataclass
class Playback:
    """All pieces in order, the rows judged (in order) and how the line stood at the end."""

    pieces: dict[str, Piece]
    rows: list[RowJudged]
    snapshot: LineSnapshot


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
) -> Playback:
    """Run the camera's cloth through the line to its end.

    Args:
        on_event: sees every event, in order, from the judging thread.
        on_map: receives each piece's name and its full-size map, float32 ``[lines, width]``, 0.5 = threshold, 0 off
            the web, as soon as the piece is complete.

    Raises:
        CameraError, or whatever ended the line before the cloth did.
    """
    gather = _Gather(on_map)

    def take(event: Event) -> None:
        gather.take(event)
        if on_event is not None:
            on_event(event)

    inspection = Inspection(camera, scorer, recipe, roll=roll, shading=shading, on_event=take)
    inspection.start()
    try:
        while not inspection.wait(0.05) and inspection.failure is None:
            if cancelled is not None and cancelled():
                break
    finally:
        inspection.finish()
    gather.complete()
    if inspection.failure is not None:
        raise inspection.failure
    return Playback(gather.pieces, gather.rows, inspection.snapshot())


class _Gather:
    """Sorts the line's events by piece.  A piece's map is complete when the next piece's first strip arrives."""

    def __init__(self, on_map: MapSink | None) -> None:
        self.pieces: dict[str, Piece] = {}
        self.rows: list[RowJudged] = []
        self._on_map = on_map
        self._views: list[StripView] = []

    def take(self, event: Event) -> None:
        if isinstance(event, StripView):
            if self._views and self._views[0].piece != event.piece:
                self.complete()
            piece = self._piece(event.piece)
            if not self._views:
                piece.first_line = event.first_line
            piece.score = max(piece.score, float(event.heat.max(initial=0.0)))
            self._views.append(event)
        elif isinstance(event, RowJudged):
            self.rows.append(event)
        elif isinstance(event, DefectChanged) and event.defect.closed and event.defect.merged_into is None:
            self._piece(event.defect.piece).defects.append(event.defect)

    def complete(self) -> None:
        views, self._views = self._views, []
        if views and self._on_map is not None:
            self._on_map(views[0].piece or "", full_size_map(views))

    def _piece(self, name: str | None) -> Piece:
        return self.pieces.setdefault(name or "", Piece(name or ""))


def full_size_map(views: list[StripView]) -> NDArray[np.float32]:
    """The map of one piece at the size of its picture.

    Args:
        views: its strips in order.

    Returns:
        float32 ``[lines, width]``; cells are interpolated bilinearly, columns off the web are 0.
    """
    cell = views[0].cell_px
    lines, width = sum(view.pixels.shape[0] for view in views), views[0].pixels.shape[1]
    heat = np.concatenate([view.heat for view in views])
    grown = cv2.resize(heat, (heat.shape[1] * cell, heat.shape[0] * cell), interpolation=cv2.INTER_LINEAR)
    full = np.ascontiguousarray(grown[:lines, :width], dtype=np.float32)
    line = 0
    for view in views:
        rows = view.pixels.shape[0]
        full[line : line + rows, : view.left_px] = 0.0
        full[line : line + rows, view.right_px :] = 0.0
        line += rows
    return full
