"""This module defines what travels through the line: chunks of lines, rows of tiles, scores, parts of the score strip.

The three threads meet here and in the channels between them; no room of the line imports another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.long import Step
from model.scorer import FINE
from station.contract import UninspectedReason
from station.line.columns import Spans
from station.recipe.frame_spots import Frames

Maps = NDArray[np.float32]
"""Maps are the raw scores of tiles, float32 ``[tiles, cells, cells]``."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A chunk holds the new lines of one block, from roll line ``first_line`` on.

    ``pixels``: uint8 ``[lines, width]`` or ``[lines, width, 3]``.
    ``blind_px``, ``blind_reason``: half-open columns that no camera saw, in order, and why.
    ``frame_line``, ``frame_lines``: where in its frame it begins, see :class:`drivers.camera.LineBlock`.
    """

    pixels: NDArray[np.uint8]
    first_line: int
    captured_ns: int
    piece: str | None
    blind_px: Spans = ()
    blind_reason: UninspectedReason = UninspectedReason.CAMERA_GONE
    frame_line: int = 0
    frame_lines: int = 0

    @property
    def lines(self) -> int:
        """Give the number of lines."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class EndOfRun:
    """This marker says that the cloth does not go on: judge what waits now, of every look or of one broad look.

    ``size``: see :class:`TileRow`; ``FINE`` ends the run of every look.
    """

    size: int = FINE


@dataclass(frozen=True, slots=True, eq=False)
class LongSteps:
    """These are the steps by which the long look judged new cloth.

    ``piece``: the piece it is on.  ``ends``: whether its run ends with them.
    """

    steps: tuple[Step, ...]
    piece: str | None
    ends: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TileRow:
    """A tile row holds one row of tiles to be scored.

    Attributes:
        run_line: roll line at which the run starts; ``first``, ``own_first``, ``own_end`` count from there.
        first: first line of the row, a multiple of the cell.
        own_first, own_end: the lines that are final once this row is judged.
        pixels: uint8 ``[lines, width]`` or ``[lines, width, 3]``, corrected; fewer lines than a tile if mirrored.
        left_px, right_px: web edges, whole cells (or the picture's edge); equal where there is no cloth.
        seen: columns of the web to be judged, whole cells (or the picture's edge): the whole web, unless one of
            several cameras shows nothing or live cloth is too short.
        columns: int ``[tiles]``, camera column of each tile's left side, multiples of the cell, each within ``seen``.
        captured_ns: when the last line was seen (monotonic).
        above: the lines before ``first``, fewer than a cell, that a tile takes in place of mirrored ones below: a run
            seldom ends with a whole cell.
        blind: why some of the web's width is not judged, None where all is.
        frames: in which frames its lines were seen, by roll lines.
        size: how many times smaller the look that this row is for sees the cloth.  Lines and columns count in its own
            pixels, from ``run_line`` on.
        cloth_px: width of the cloth from border to border, 0 where it is not known.
    """

    run_line: int
    first: int
    own_first: int
    own_end: int
    pixels: NDArray[np.uint8]
    left_px: int
    right_px: int
    seen: Spans
    columns: NDArray[np.intp]
    captured_ns: int
    piece: str | None
    above: NDArray[np.uint8] | None = None
    blind: UninspectedReason | None = None
    frames: Frames = ()
    size: int = FINE
    cloth_px: int = 0

    @property
    def end(self) -> int:
        """Give the line after the row's last real line, counted from the run's start."""
        return self.first + int(self.pixels.shape[0])

    def span_of(self, column: int) -> tuple[int, int]:
        """Return the span of seen columns around this one."""
        return next(span for span in self.seen if span[0] <= column < span[1])


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRow:
    """A scored row holds a tile row and its raw maps, float32 ``[tiles, cells, cells]``."""

    row: TileRow
    maps: Maps


Judged = ScoredRow | LongSteps | EndOfRun
"""This travels from scoring to judging."""


@dataclass(frozen=True, slots=True, eq=False)
class StripPart:
    """A strip part holds the final scores of consecutive lines.

    Attributes:
        run_line: roll line at which the run starts.
        first, end: lines from the run's start, half-open; ``first`` is a multiple of the cell.
        pixels: uint8 ``[lines, width]`` or ``[lines, width, 3]``.
        scores: float32 ``[ceil(lines / cell), ceil(width / cell)]`` raw scores, divided by ``divisors``; 0 off the web.
        divisors: float32 ``[ceil(width / cell)]``, from the sensitivity profile, or of the shape of ``scores`` where
            the frame has fixed spots, the web as a whole differs or the cloth has a pattern; the scores of a pattern
            are relative to their places'.
        left_px, right_px: web edges; equal where there is no cloth.
        seen, patches: columns of the web that were judged, and how many tiles lay on each such stretch.
        blind: why some of the web's width was not judged, None where all was.
        cloth_px: width of the cloth from border to border, 0 where it is not known.
        frames: in which frames its lines were seen, by roll lines.
    """

    run_line: int
    first: int
    end: int
    pixels: NDArray[np.uint8]
    scores: NDArray[np.float32]
    divisors: NDArray[np.float32]
    left_px: int
    right_px: int
    seen: Spans
    patches: tuple[int, ...]
    piece: str | None
    blind: UninspectedReason | None = None
    cloth_px: int = 0
    frames: Frames = ()
