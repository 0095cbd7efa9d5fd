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
from drivers.images import (
    ImageMetadata,
    depth_in_words,
    image_metadata,
    in_channels,
    in_order,
    list_pictures,
    read_raster,
    to_uint8,
    white_of,
)
from drivers.notice import Notice, Severity

MAX_BLOCK_LINES = 1024


@dataclass(frozen=True, slots=True)
class ReplayPiece:
    """A piece is one image: ``name`` is its POSIX path relative to the folder, ``first_line`` its first line number."""

    name: str
    path: Path
    first_line: int
    lines: int

    @property
    def end_line(self) -> int:
        """Return the line number just after its last line."""
        return self.first_line + self.lines


class ReplayCamera(Camera):
    """A replay camera plays the images of a folder as pieces of cloth, one after the other, in natural name order.

    Rules: the folder is read recursively, links included; names are compared as POSIX paths relative to it, numbers in
    them by value; hidden files, and files without an image suffix, are passed over.  Every image is one piece; line
    numbers run on over all pieces; images taller than ``block_lines`` come in several blocks.  All images must be
    equally wide.  If any image is in colour, all are played in colour (RGB), else all in grey.  16-bit images are
    scaled by one white level for the whole folder, see :attr:`white`.  docs/pictures.md says what is read how.

    The camera waits for the line.  ``start`` after ``stop`` goes on where it stopped; ``rewind`` begins again.
    """

    def __init__(
        self,
        folder: Path | Sequence[Path],
        *,
        camera_id: str = "replay",
        block_lines: int = MAX_BLOCK_LINES,
        white: int | None = None,
        skips_unreadable: bool = False,
    ) -> None:
        """Look at every header, so that unusable input is refused before anything is played.

        Args:
            folder: a folder, or image files (then names are relative to the deepest folder they share).
            camera_id: name of the camera in blocks.
            block_lines: most lines a block has, 1 to 1024.
            white: the white level to play 16-bit images with that do not say theirs, such as the teaching's; None: the
                folder's own.
            skips_unreadable: an image that turns out to be unreadable while it is played is passed over with a notice,
                see :attr:`unread`; else it is a CameraError.

        Raises:
            CameraError: no such folder, no images in it, an unreadable image, or images of different widths.
        """
        if not 1 <= block_lines <= MAX_BLOCK_LINES:
            raise CameraError(f"Blocks of {block_lines} lines are impossible; choose 1 to {MAX_BLOCK_LINES}.")
        self._camera_id = camera_id
        self._block_lines = block_lines
        self._skips_unreadable = skips_unreadable
        files, notes = _files_of(folder) if isinstance(folder, Path | str) else (_named(folder), [])
        headers = [(path, image_metadata(path)) for _, path in files]
        self._pieces = _lay_out(files, headers)
        self._width_px = headers[0][1].width_px
        self._channels = max(header.channels for _, header in headers)
        says_not = any(header.white is None for _, header in headers)
        self._white = white if says_not and white is not None else white_of(headers)
        self._lock = threading.Lock()
        self._rate = DeliveryRate()
        self._started = False
        self._next_piece = 0
        self._next_row = 0
        self._due_line = 0
        self._pixels: NDArray[np.uint8] | None = None
        self._unread: dict[str, str] = {}
        self._unreadable: tuple[tuple[int, int], ...] = ()
        self._notices = [Notice(Severity.WARNING, note) for note in notes]
        self._clipped_px = 0

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
        return depth_in_words(self._white)

    @property
    def clipped_px(self) -> int:
        """Return how many pixels played so far were brighter than the white level."""
        return self._clipped_px

    @property
    def unread(self) -> dict[str, str]:
        """Return why images that were passed over could not be read, a sentence each, by their names."""
        return dict(self._unread)

    @property
    def unreadable(self) -> tuple[tuple[int, int], ...]:
        """Return the lines of images that were passed over."""
        return self._unreadable

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
        return self._pieces[-1].end_line

    def take_notices(self) -> list[Notice]:
        """Return what people should know of the folder and its images, once."""
        with self._lock:
            notices = self._notices
            self._notices = []
        return notices

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
            self._unread = {}
            self._unreadable = ()
        self._rate.clear()

    def read(self, timeout_s: float) -> LineBlock | None:  # noqa: ARG002  (a folder is always ready)
        """Return the next block; None only while stopped.

        Raises:
            EndOfClothError: all images were delivered.
            CameraError: an image changed or broke since the start, or is damaged.
        """
        if not self._started:
            return None
        piece = self._load_next()
        assert self._pixels is not None
        rows = self._pixels[self._next_row : self._next_row + self._block_lines]
        block = LineBlock(
            pixels=rows,
            first_line=piece.first_line + self._next_row,
            ticks_per_line=1.0,
            captured_ns=time.monotonic_ns(),
            camera_id=self._camera_id,
            piece=piece.name,
            frame_line=self._next_row,
            frame_lines=piece.lines,
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

    def _load_next(self) -> ReplayPiece:
        """Load the next piece that can be read, unless one is loaded.  Raises EndOfClothError, CameraError."""
        while self._next_piece < len(self._pieces):
            piece = self._pieces[self._next_piece]
            if self._pixels is not None:
                return piece
            try:
                self._pixels = self._load(piece)
            except CameraError as error:
                if not self._skips_unreadable:
                    raise
                self._pass_over(piece, str(error))
        self._rate.clear()
        raise EndOfClothError(f"All {len(self._pieces)} images were played.")

    def _pass_over(self, piece: ReplayPiece, why: str) -> None:
        text = f"{why} Its {piece.lines} lines are not inspected; the rest is."
        with self._lock:
            self._unread[piece.name] = why
            self._unreadable += ((piece.first_line, piece.end_line),)
            self._notices.append(Notice(Severity.WARNING, text))
            self._next_piece += 1
            self._due_line = piece.end_line

    def _load(self, piece: ReplayPiece) -> NDArray[np.uint8]:
        raster, header = read_raster(piece.path)
        if (header.lines, header.width_px) != (piece.lines, self._width_px):
            raise CameraError(
                f"Image {piece.path} is {header.width_px} x {header.lines} px, but {self._width_px} x {piece.lines} px "
                "were expected; it changed while the folder was played: start again."
            )
        if header.is_deep:
            self._count_clipped(piece, int(np.count_nonzero(raster.samples > (header.white or self._white))))
        return in_channels(to_uint8(raster, header, self._white), self._channels)

    def _count_clipped(self, piece: ReplayPiece, count: int) -> None:
        if count and not self._clipped_px:
            text = (
                f"Image {piece.path} has {count} pixels brighter than the white level of {self.depth}; they and the "
                "like are taken for white. If the camera was set to more bits, teach again with its pictures."
            )
            with self._lock:
                self._notices.append(Notice(Severity.WARNING, text))
        self._clipped_px += count


def _files_of(folder: Path | str) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return the image files under ``folder`` with their relative POSIX names in order, and what to say of it."""
    folder = Path(folder)
    if not folder.exists():
        raise CameraError(f"Folder {folder} does not exist; check the path.")
    if not folder.is_dir():
        raise CameraError(f"{folder} is not a folder; give the folder that holds the images.")
    found = list_pictures(folder)
    if not found.files:
        more = f" {found.notes[-1]}" if found.notes else ""
        raise CameraError(
            f"Folder {folder} holds no images; PNG, TIFF, BMP, JPEG and others are read, also in subfolders.{more}"
        )
    return found.files, found.notes


def _named(files: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the image files as given, with names relative to the deepest folder they share, in natural order."""
    if not files:
        raise CameraError("There are no images to play; name at least one.")
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise CameraError(f"Image {missing} is missing; check the path.")
    shared = Path(os.path.commonpath([path.absolute().parent for path in files]))
    return [(path.absolute().relative_to(shared).as_posix(), path) for path in in_order(files)]


def _spelled(name: str) -> str:
    """Return a name as text that can be stored: bytes that are not UTF-8, as of an old share, stand as ``\\xf6``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _lay_out(
    files: Sequence[tuple[str, Path]], headers: Sequence[tuple[Path, ImageMetadata]]
) -> tuple[ReplayPiece, ...]:
    """Lay the pieces end to end.  Raises CameraError if they differ in width."""
    pieces: list[ReplayPiece] = []
    end_line, width_px = 0, headers[0][1].width_px
    for (name, path), (_, header) in zip(files, headers, strict=True):
        if header.width_px != width_px:
            raise CameraError(
                f"Images differ in width: {pieces[0].path} has {width_px} px, {path} has {header.width_px} px; "
                "play images of one width at a time."
            )
        pieces.append(ReplayPiece(_spelled(name), path, end_line, header.lines))
        end_line += header.lines
    return tuple(pieces)
