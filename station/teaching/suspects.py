"""This module finds suspects: pieces of teaching cloth that stand out from the rest, and where they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.outliers import find_outliers
from model.scorer import CELL_PX, TileScorer
from station.recipe.frame_spots import FrameAt, FrameSpots, SpotDivisors
from station.recipe.sensitivity import SensitivityProfile
from station.teaching.held_out import Row
from station.teaching.sampling import Place, Section, TileCollector, blocks

BATCH_TILES = 32

Pixels = NDArray[np.uint8]
Peaks = NDArray[np.float32]


@dataclass(frozen=True)
class Suspect:
    """A suspect is a piece of teaching cloth that stands out from the rest: it may hold a flaw.

    Attributes:
        place: where it is.
        line, px: where its highest score is, from its first line and column.
        score: that score, raw.
        held_out: whether it was held out to set the threshold; otherwise it was taught on.
    """

    place: Place
    line: int
    px: int
    score: float
    held_out: bool


PicturedSuspect = tuple[Suspect, Pixels | None]
"""This is a suspect and its picture, None where there was no time to cut it out."""


def suspect_tiles(
    collector: TileCollector,
    scorer: TileScorer,
    sensitivity: SensitivityProfile,
    spots: FrameSpots,
    width_px: int,
    go_on: Callable[[float], bool],
) -> tuple[list[PicturedSuspect], int]:
    """Find tiles taught on that stand out, with their pictures, the highest first; and how many were looked at.

    Args:
        collector: holds tiles whose places are known.
        width_px: width of the camera.
        go_on: gets the share that is done; once it returns False, the other tiles are not looked at.
    """
    looks: list[tuple[Suspect, Pixels]] = []
    at_spots = SpotDivisors(spots)
    for first in range(0, len(collector.tiles), BATCH_TILES):
        if not go_on(first / len(collector.tiles)):
            break
        tiles = collector.tiles[first : first + BATCH_TILES]
        maps = scorer.infer(np.stack(tiles))
        for scores, tile, place in zip(maps, tiles, collector.places[first : first + BATCH_TILES], strict=True):
            if place is not None:
                divisors = sensitivity.divisors(place.left_px, place.right_px, width_px)
                looks.append((_look(scores, place, divisors, at_spots, width_px), tile))
    standing_out = np.flatnonzero(find_outliers(np.array([look.score for look, _ in looks], np.float32)))
    suspects: list[PicturedSuspect] = sorted((looks[i] for i in standing_out), key=lambda one: -one[0].score)
    return suspects, len(looks)


def _look(scores: Peaks, place: Place, divisors: Peaks, at_spots: SpotDivisors, width_px: int) -> Suspect:
    first = place.first_px // CELL_PX
    lines = -(-(place.end_line - place.first_line) // CELL_PX)
    columns = min(scores.shape[1], -(-place.end_px // CELL_PX) - first)
    judged = scores[:lines, :columns] / divisors[first : first + columns]
    frames = () if place.piece is None else (FrameAt(0, 0, at_spots.spots.lines),)
    if (here := at_spots.of(frames, place.first_line, len(judged), width_px)) is not None:
        judged /= here[:, first : first + columns]
    line, px = np.unravel_index(int(judged.argmax()), judged.shape)
    return Suspect(place, int(line) * CELL_PX, int(px) * CELL_PX, float(judged.max()), held_out=False)


def without_suspects(peaks: Sequence[Peaks]) -> tuple[list[Peaks], list[tuple[int, int]]]:
    """Leave out held-out patches that stand out, and those they spill over to.

    Returns the rows that are left, ``[patches, parts]`` each, and which patches stand out, as (row, patch), the
    highest first.

    A patch that stands out in the same place of most rows is no flaw but belongs to the cloth, and stays.
    """
    highest = np.concatenate([row.max(axis=1) for row in peaks])
    suspects = np.split(find_outliers(highest), np.cumsum([len(row) for row in peaks])[:-1])
    for count in {len(flags) for flags in suspects}:
        alike = [flags for flags in suspects if len(flags) == count]
        usual = np.mean(alike, axis=0) > 0.5
        for flags in alike if len(alike) > 1 else []:
            flags[usual] = False
    places = [(i, int(patch)) for i, flags in enumerate(suspects) for patch in np.flatnonzero(flags)]
    places.sort(key=lambda place: -float(peaks[place[0]][place[1]].max()))
    least = float(peaks[places[-1][0]][places[-1][1]].max()) if places else math.inf
    kept = [row[~(flags | _spilt_over(row, flags, least))] for row, flags in zip(peaks, suspects, strict=True)]
    return kept, places


def _spilt_over(row: Peaks, suspects: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Return the patches that touch a suspect one at a side where it stands out.

    A flaw does not end at a patch's border, and its smaller part, not suspect by itself, would set the threshold.  The
    patches' own scores do not matter: the cloth is left out whether it scores high or low.
    """
    spilt = np.zeros_like(suspects)
    spilt[1:] |= suspects[:-1] & (row[:-1, -1] >= least)
    spilt[:-1] |= suspects[1:] & (row[1:, 0] >= least)
    return spilt


def suspect_at(row: Row, patch: int, sensitivity: SensitivityProfile, first_lines: dict[str | None, int]) -> Suspect:
    """Make a suspect of a held-out patch.

    Args:
        first_lines: roll line at which each piece begins.
    """
    cell, (first, end), first_line = row.cell_px, row.patch(patch), first_lines[row.piece]
    scores = row.scores(sensitivity)[first:end]
    highest = int(scores.argmax())
    place = Place(
        piece=row.piece,
        first_line=row.first_line - first_line,
        end_line=row.end_line - first_line,
        first_px=first * cell,
        end_px=min(end * cell, row.right_px),
        left_px=row.left_px,
        right_px=row.right_px,
    )
    line = int(row.heights[first + highest]) * cell
    return Suspect(place, line, highest * cell, float(scores[highest]), held_out=True)


def cut_out(suspects: Sequence[Suspect], section: Section, stopped: Callable[[], bool]) -> list[PicturedSuspect]:
    """Read suspect patches again from their section and cut out their pictures; None where it was stopped before."""
    found: dict[int, Pixels] = {}
    for block in blocks(section, lambda: stopped() or len(found) == len(suspects)):
        first = block.first_line - section.first_lines[block.piece]
        for number, place in enumerate(suspect.place for suspect in suspects):
            if place.piece == block.piece and first <= place.first_line and place.end_line <= first + block.lines:
                lines = slice(place.first_line - first, place.end_line - first)
                found[number] = block.pixels[lines, place.first_px : place.end_px].copy()
    return [(suspect, found.get(number)) for number, suspect in enumerate(suspects)]
