"""This module picks the cloth to teach on: which blocks teach, which are held out, and an even sample of tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, EndOfClothError, LineBlock
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.cloth_seen import ClothSeen
from station.line.scoring.tiling import cut_tiles, line_tiler
from station.recipe import Recipe

HOLD_OUT_EVERY = 4
TEACHING_BLOCK_LINES = TILE_PX
MAX_TILES = 1500
READ_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """A place says where a piece of cloth is.

    Attributes:
        piece: name of the picture it is on, None where the cloth does not come in pictures.
        first_line, end_line: half-open lines, counted from the picture's first.
        first_px, end_px: half-open columns of the camera.
        left_px, right_px: the web's edges there.
    """

    piece: str | None
    first_line: int
    end_line: int
    first_px: int
    end_px: int
    left_px: int
    right_px: int


class Section(Camera):
    """A section is a camera that shows only part of another's cloth: the blocks that teach, or those held out.

    Of ``HOLD_OUT_EVERY`` blocks one is held out; with pictures it is a different one each time, so that every part of
    a picture is both taught and held out.  Blocks shorter than half a tile go to neither, since they would be mostly
    mirror image.

    Attributes:
        lines_kept: lines left to the other part so far.
        first_lines: the camera's first line of each piece.
    """

    def __init__(self, camera: Camera, *, held_out: bool) -> None:
        self._camera = camera
        self._held_out = held_out
        self._blocks = 0
        self.lines_kept = 0
        self.first_lines: dict[str | None, int] = {}

    @property
    def camera_id(self) -> str:
        """Give the camera's identity."""
        return self._camera.camera_id

    @property
    def width_px(self) -> int:
        """Give the camera's width."""
        return self._camera.width_px

    @property
    def channels(self) -> int:
        """Give the camera's number of channels."""
        return self._camera.channels

    @property
    def waits(self) -> bool:
        """Say whether the camera waits."""
        return self._camera.waits

    def start(self) -> None:
        """Start the camera."""
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Read the camera's next block; None where it belongs to the other part."""
        block = self._camera.read(timeout_s)
        if block is None:
            return None
        self.first_lines.setdefault(block.piece, block.first_line)
        if block.lines < TILE_PX // 2:
            return None
        group, place = divmod(self._blocks, HOLD_OUT_EVERY)
        self._blocks += 1
        turn = group % HOLD_OUT_EVERY if block.piece is not None else 0
        if (place == HOLD_OUT_EVERY - 1 - turn) is not self._held_out:
            self.lines_kept += block.lines
            return None
        return block

    def encoder(self) -> EncoderReading:
        """Read the camera's encoder."""
        return self._camera.encoder()

    def stop(self) -> None:
        """Stop the camera."""
        self._camera.stop()


def blocks(camera: Camera, stopped: Callable[[], bool]) -> Iterator[LineBlock]:
    """Yield a camera's or section's blocks, to the end of its cloth or until ``stopped``.  Raises CameraError."""
    camera.start()
    try:
        while not stopped():
            try:
                block = camera.read(READ_TIMEOUT_S)
            except EndOfClothError:
                return
            if block is not None:
                yield block
    finally:
        camera.stop()


def tile_rows(camera: Camera, recipe: Recipe, stopped: Callable[[], bool]) -> Iterator[TileRow | EndOfRun]:
    """Yield the line's rows of tiles of a camera's or section's cloth, and ends of runs between them, to the end of the
    cloth or until ``stopped``.

    Raises CameraError.
    """
    tiler = line_tiler(recipe, camera.width_px)
    for block in blocks(camera, stopped):
        chunk = Chunk(
            pixels=block.pixels,
            first_line=block.first_line,
            captured_ns=block.captured_ns,
            piece=block.piece,
            frame_line=block.frame_line,
            frame_lines=block.frame_lines,
        )
        yield from tiler.push(chunk)
    yield from tiler.end_run()


class TileCollector(TileScorer):
    """The collector keeps tiles and their places; of long cloth an even sample (reservoir), so memory is bounded.

    It may also take the model's place in the line, which then gives it tiles without their places.

    Attributes:
        tiles: uint8 ``[256, 256]`` or ``[256, 256, 3]`` each.
        places: of the tiles, None where not given.
    """

    tile_px = TILE_PX
    cell_px = CELL_PX

    def __init__(self, seed: int, limit: int = MAX_TILES) -> None:
        self._random = np.random.default_rng(seed)
        self._limit = limit
        self._seen = 0
        self.tiles: list[NDArray[np.uint8]] = []
        self.places: list[Place | None] = []

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Keep tiles, uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]``; their scores are 0."""
        for tile in tiles:
            self.keep(tile)
        side = self.tile_px // self.cell_px
        return np.zeros((len(tiles), side, side), np.float32)

    def keep(self, tile: NDArray[np.uint8], place: Place | None = None) -> None:
        """Keep a tile or not, as the random draw decides."""
        self._seen += 1
        if len(self.tiles) < self._limit:
            self.tiles.append(tile.copy())
            self.places.append(place)
        elif (drawn := int(self._random.integers(self._seen))) < self._limit:
            self.tiles[drawn] = tile.copy()
            self.places[drawn] = place


def collect(
    section: Section,
    recipe: Recipe,
    collector: TileCollector,
    stopped: Callable[[], bool],
    seen: ClothSeen | None = None,
) -> None:
    """Cut the section's cloth into the line's tiles until its end or until ``stopped``; ``seen`` sees every row.

    Raises CameraError.
    """
    for row in tile_rows(section, recipe, stopped):
        if isinstance(row, TileRow):
            if seen is not None:
                seen.see(row)
            for tile, place in zip(cut_tiles(row, TILE_PX, CELL_PX), _places(row, section), strict=True):
                collector.keep(tile, place)


def _places(row: TileRow, section: Section) -> list[Place]:
    origin = row.run_line - section.first_lines[row.piece]
    edges = row.left_px, row.right_px
    return [
        Place(row.piece, origin + row.first, origin + row.end, int(x), min(int(x) + TILE_PX, row.right_px), *edges)
        for x in row.columns
    ]
