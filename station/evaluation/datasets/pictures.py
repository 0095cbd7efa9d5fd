"""This module plays images of several widths as one camera: public data sets mix widths, a camera has one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, EndOfClothError, LineBlock
from drivers.images import image_metadata, white_of
from drivers.notice import Notice
from drivers.replay import MAX_BLOCK_LINES, ReplayCamera


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture is one image; ``name`` is the name of its piece of cloth."""

    name: str
    path: Path
    width_px: int


class PicturesCamera(Camera):
    """This camera plays replay cameras one after the other, one for each width; narrower images are mirrored on.

    Images of one width are played in natural name order, the narrowest first; names of pieces are POSIX paths relative
    to the deepest folder that all images share.  Callers that judge maps or count defects leave out all beyond
    :attr:`Picture.width_px`; teaching uses the mirror image too.
    """

    waits = True
    camera_id = "pictures"

    def __init__(self, paths: Sequence[Path], *, block_lines: int = MAX_BLOCK_LINES, white: int | None = None) -> None:
        """Read every header.  Raises CameraError, as :class:`drivers.replay.ReplayCamera` does, which explains
        ``white``; None: the images' own, one for all."""
        headers = [(path, image_metadata(path)) for path in paths]
        by_width: dict[int, list[Path]] = {}
        for path, header in headers:
            by_width.setdefault(header.width_px, []).append(path)
        self._white = white_of(headers) if white is None else white
        groups = [by_width[width] for width in sorted(by_width)] or [[]]
        self._parts = [ReplayCamera(group, block_lines=block_lines, white=self._white) for group in groups]
        shared = Path(os.path.commonpath([path.absolute().parent for path in paths]))
        self._names = [
            {piece.name: piece.path.absolute().relative_to(shared).as_posix() for piece in part.pieces}
            for part in self._parts
        ]
        self.pictures = [
            Picture(names[piece.name], piece.path, part.width_px)
            for part, names in zip(self._parts, self._names, strict=True)
            for piece in part.pieces
        ]
        self._at = (0, 0)
        """This holds the part that plays and the lines before it in one value: any thread may read the encoder."""

    @property
    def white(self) -> int:
        """Give the stored value that is full white in all images."""
        return self._white

    @property
    def width_px(self) -> int:
        """Give the width of the widest image."""
        return max(part.width_px for part in self._parts)

    @property
    def channels(self) -> int:
        """Give 1 if all images are grey, otherwise 3."""
        return max(part.channels for part in self._parts)

    @property
    def total_lines(self) -> int:
        """Give the number of lines of all images together."""
        return sum(part.total_lines for part in self._parts)

    def take_notices(self) -> list[Notice]:
        """Take the notices of all parts; see :class:`drivers.camera.Camera`."""
        return [notice for part in self._parts for notice in part.take_notices()]

    def start(self) -> None:
        """Start all parts; see :class:`drivers.camera.Camera`."""
        for part in self._parts:
            part.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Read the next block, as wide as the widest image.  Raises EndOfClothError after the last, and CameraError."""
        now, lines_before = self._at
        part = self._parts[now]
        try:
            block = part.read(timeout_s)
        except EndOfClothError:
            if part is self._parts[-1]:
                raise
            self._at = (now + 1, lines_before + part.total_lines)
            return self.read(timeout_s)
        if block is None:
            return None
        return replace(
            block,
            pixels=self._widened(block.pixels),
            first_line=lines_before + block.first_line,
            camera_id=self.camera_id,
            piece=self._names[now][block.piece or ""],
        )

    def encoder(self) -> EncoderReading:
        """Read the encoder; see :class:`drivers.camera.Camera`."""
        now, lines_before = self._at
        reading = self._parts[now].encoder()
        return replace(reading, due_line=lines_before + reading.due_line)

    def stop(self) -> None:
        """Stop all parts; see :class:`drivers.camera.Camera`."""
        for part in self._parts:
            part.stop()

    def _widened(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if pixels.ndim < (3 if self.channels == 3 else 2):
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
        missing = self.width_px - pixels.shape[1]
        if not missing:
            return pixels
        return np.asarray(cv2.copyMakeBorder(pixels, 0, 0, 0, missing, cv2.BORDER_REFLECT_101), np.uint8)
