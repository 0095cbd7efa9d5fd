"""This module plays a folder of images as a camera."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, CameraError, EncoderReading, EndOfClothError, LineBlock
from drivers.delivery import DeliveryRate
from drivers.images import IMAGE_SUFFIXES, brightest, image_metadata, read_image, white_for

MAX_BLOCK_LINES = 1024


@dataclass(frozen=True, slots=True)
class ReplayPiece:
    """A piece is one image: ``name`` is its POSIX path relative to the folder, ``first_line`` its first line number."""

    name: str
    path: Path
    first_line: int
    lines: int


class ReplayCamera(Camera):
    """A replay camera plays the images of a folder as pieces of cloth, one after the other, in name order.

    Rules: the folder is read recursively; names are compared as POSIX paths relative to it; files without an image
    suffix and hidden files are passed over.  Every image is one piece; line numbers run on over all pieces; images
    taller than ``block_lines`` come in several blocks.  All images must be equally wide.  If any image is in colour,
    all are played in colour (RGB), else all in grey.  Alpha is dropped.  16-bit images are scaled by one white level
    for the whole folder, see :attr:`white`.

    The camera waits for the line.  ``start`` after ``stop`` goes on where it stopped; ``rewind`` begins again.
    """

    def __init__(
        self,
        folder: Path | Sequence[Path],
        *,
        camera_id: str = "replay",
        block_lines: int = MAX_BLOCK_LINES,
        white: int | None = None,
    ) -> None:
        """Look at every header, so that unusable input is refused before anything is played.

        Args:
            folder: a folder, or image files (then names are relative to the deepest folder they share).
            camera_id: name of the camera in blocks.
            block_lines: most lines a block has, 1 to 1024.
            white: the white level to play 16-bit images with, such as the teaching's; None: the folder's own.

        Raises:
            CameraError: no such folder, no images in it, an unreadable image, or images of different widths.
        """
        if not 1 <= block_lines <= MAX_BLOCK_LINES:
            raise CameraError(f"Blocks of {block_lines} lines are impossible; choose 1 to {MAX_BLOCK_LINES}.")
        self._camera_id = camera_id
        self._block_lines = block_lines
        files = _files_of(folder) if isinstance(folder, Path | str) else _named(folder)
        self._pieces, self._width_px, self._channels, deep = _lay_out(files)
        self._white = 255 if not deep else white or white_for(max(brightest(path) for path in deep))
        self._lock = threading.Lock()
        self._rate = DeliveryRate()
        self._started = False
        self._next_piece = 0
        self._next_row = 0
        self._due_line = 0
        self._pixels: NDArray[np.uint8] | None = None

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._camera_id

    @property
    def width_px(self) -> int:
        """Return the width that all images have."""
        return self._width_px

    @property
    def channels(self) -> int:
        """Return 1 if all images are grey, else 3."""
        return self._channels

    @property
    def white(self) -> int:
        """Return the stored value that stands for full white in the whole folder: 255 for 8 bits, 4095 for 12 in 16."""
        return self._white

    @property
    def depth(self) -> str:
        """Say in words how deep the samples are, such as ``12 bits (white at 4095)``."""
        return f"{self._white.bit_length()} bits (white at {self._white})"

    @property
    def waits(self) -> bool:
        """Return True: a folder has time."""
        return True

    @property
    def pieces(self) -> tuple[ReplayPiece, ...]:
        """Return all images in the order they are played."""
        return self._pieces

    @property
    def images(self) -> list[str]:
        """Return the names of all pieces in the order they are played."""
        return [piece.name for piece in self._pieces]

    @property
    def total_lines(self) -> int:
        """Return the lines of all images; should one fail, the line counts those not played as uninspected."""
        return self._pieces[-1].first_line + self._pieces[-1].lines

    def start(self) -> None:
        """Begin to deliver, or go on where ``stop`` left off."""
        self._started = True

    def rewind(self) -> None:
        """Go back to the first image.  Line numbers begin at 0 again."""
        with self._lock:
            self._next_piece = 0
            self._next_row = 0
            self._due_line = 0
            self._pixels = None
        self._rate.clear()

    def read(self, timeout_s: float) -> LineBlock | None:  # noqa: ARG002  (a folder is always ready)
        """Return the next block; None only while stopped.

        Raises:
            EndOfClothError: all images were delivered.
            CameraError: an image changed or broke since the start.
        """
        if not self._started:
            return None
        if self._next_piece == len(self._pieces):
            self._rate.clear()
            raise EndOfClothError(f"All {len(self._pieces)} images were played.")
        piece = self._pieces[self._next_piece]
        if self._pixels is None:
            self._pixels = self._load(piece)
        rows = self._pixels[self._next_row : self._next_row + self._block_lines]
        block = LineBlock(
            rows, piece.first_line + self._next_row, 1.0, time.monotonic_ns(), self._camera_id, piece.name
        )
        with self._lock:
            self._next_row += block.lines
            self._due_line = block.end_line
            if self._next_row == piece.lines:
                self._next_piece = self._next_piece + 1
                self._next_row = 0
                self._pixels = None
        self._rate.add(block.lines)
        return block

    def encoder(self) -> EncoderReading:
        """Return what was delivered so far, and how fast."""
        with self._lock:
            return EncoderReading(self._due_line, self._rate.lines_per_s())

    def stop(self) -> None:
        """Stop delivering."""
        self._started = False
        self._rate.clear()

    def _load(self, piece: ReplayPiece) -> NDArray[np.uint8]:
        pixels = read_image(piece.path, self._channels, max(self._white, 255))
        if pixels.shape[:2] != (piece.lines, self._width_px):
            lines, width_px = pixels.shape[:2]
            raise CameraError(
                f"Image {piece.path} is {width_px} x {lines} px, but {self._width_px} x {piece.lines} px "
                "were expected; it changed while the folder was played: start again."
            )
        return pixels


def _files_of(folder: Path | str) -> list[tuple[str, Path]]:
    """Return the image files under ``folder`` with their relative POSIX names, in name order."""
    folder = Path(folder)
    if not folder.exists():
        raise CameraError(f"Folder {folder} does not exist; check the path.")
    if not folder.is_dir():
        raise CameraError(f"{folder} is not a folder; give the folder that holds the images.")
    found: list[tuple[str, Path]] = []
    for here, below, names in os.walk(folder, onerror=_refuse):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            if path.suffix.lower() in IMAGE_SUFFIXES and not name.startswith("."):
                found.append((path.relative_to(folder).as_posix(), path))
    if not found:
        raise CameraError(
            f"Folder {folder} holds no images; png, tif, bmp, jpg and other formats of OpenCV are read, "
            "also in subfolders."
        )
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise CameraError(f"Folder {error.filename} cannot be read ({error.strerror}); check its permissions.")


def _named(files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the image files as given, with names relative to the deepest folder they share, in name order."""
    if not files:
        raise CameraError("There are no images to play; name at least one.")
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise CameraError(f"Image {missing} is missing; check the path.")
    shared = Path(os.path.commonpath([path.absolute().parent for path in files]))
    return sorted((path.absolute().relative_to(shared).as_posix(), path) for path in files)


def _lay_out(files: Sequence[tuple[str, Path]]) -> tuple[tuple[ReplayPiece, ...], int, int, list[Path]]:
    """Lay the pieces end to end; return them, their width, the channels to play them in, and the 16-bit files."""
    deep: list[Path] = []
    pieces: list[ReplayPiece] = []
    width_px, channels, end_line = 0, 1, 0
    for name, path in files:
        metadata = image_metadata(path)
        if pieces and metadata.width_px != width_px:
            raise CameraError(
                f"Images differ in width: {pieces[0].path} has {width_px} px, {path} has {metadata.width_px} px; "
                "play images of one width at a time."
            )
        width_px, channels = metadata.width_px, max(channels, metadata.channels)
        pieces.append(ReplayPiece(name, path, end_line, metadata.lines))
        end_line += metadata.lines
        deep += [path] if metadata.is_deep else []
    return tuple(pieces), width_px, channels, deep
