"""This module says what the header of an image file says, whatever its format, and what refuses a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from drivers.camera import CameraError

EIGHT_BITS, SIXTEEN_BITS = 255, 65535
WHITES = tuple((1 << bits) - 1 for bits in (8, 10, 12, 14, 16))
"""White levels that 16-bit files may have without saying so: cameras of 8, 10, 12, 14 and 16 bits."""

ORIENTATION_TAG = 274
"""TIFF and EXIF keep under this tag how a picture is to be turned, 1 (as it is) to 8."""

_TRANSPOSED = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """Image metadata is what the header of an image file says; the picture stands upright, as viewers show it.

    Attributes:
        lines, width_px: the size.
        channels: 1 grey, 3 colour; alpha does not count.
        whites: the stored value that stands for full white; several, the least first, if a 16-bit file does not say.
        orientation: how the stored picture must be turned, by EXIF's numbers.
        is_negative: 0 is white.
        is_lossy: stored values may differ from what was drawn, as in a JPEG.
    """

    lines: int
    width_px: int
    channels: int
    whites: tuple[int, ...] = (EIGHT_BITS,)
    orientation: int = 1
    is_negative: bool = False
    is_lossy: bool = False

    @property
    def is_deep(self) -> bool:
        """Say whether samples have more than 8 bits."""
        return self.whites[-1] > EIGHT_BITS

    @property
    def white(self) -> int | None:
        """Give the stored value that stands for full white, None if the file does not say."""
        return self.whites[0] if len(self.whites) == 1 else None

    def upright(self) -> ImageMetadata:
        """Return the metadata with the size as turned by the orientation, where the format gave it as stored."""
        if self.orientation not in _TRANSPOSED:
            return self
        return replace(self, lines=self.width_px, width_px=self.lines)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A raster holds an image's samples as stored: uint8 or uint16, grey ``[h, w]`` or RGB ``[h, w, 3]``.

    ``alpha`` is ``[h, w]`` where there is one, ``indices`` ``[h, w]`` where a palette gave the colours.
    """

    samples: NDArray[Any]
    alpha: NDArray[Any] | None = None
    indices: NDArray[Any] | None = None


class UnreadableImageError(CameraError):
    """An image cannot be read: it is damaged, no image, or of a kind that is not read."""


class FaultError(Exception):
    """A fault error says what is wrong with a file in words that follow its name, such as ``is empty``."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn what a decoder raises meanwhile into one sentence with the file's name.

    Raises:
        UnreadableImageError: the file cannot be read.
    """
    try:
        yield
    except FaultError as fault:
        raise UnreadableImageError(f"Image {path} {fault}.") from fault
    except CameraError:
        raise
    except OSError as error:
        if error.errno is None:  # a decoder's, not the system's
            raise _damaged(path, error) from error
        raise unreadable(path, error) from error
    except MemoryError as error:
        raise UnreadableImageError(f"Image {path} does not fit into memory; cut it into pieces.") from error
    except Exception as error:  # decoders fail on damaged files in every way there is
        raise _damaged(path, error) from error


def unreadable(path: Path, error: OSError) -> UnreadableImageError:
    """Return the error for a file that the system does not give."""
    if isinstance(error, FileNotFoundError):
        return UnreadableImageError(f"Image {path} is missing; it was moved or deleted: put it back or start again.")
    return UnreadableImageError(f"Image {path} cannot be read ({error.strerror}); check its permissions and the disk.")


def _damaged(path: Path, error: Exception) -> UnreadableImageError:
    why = " ".join(str(error).split())[:120] or type(error).__name__
    return UnreadableImageError(
        f"Image {path} cannot be read: it is damaged or no image ({why}); replace it or take it out of the folder."
    )


TAKE_OUT = "replace it or take it out of the folder"
LOST_BYTES = 256
LOST_AT = "zeros from byte {} on, as of a lost sector"
CUT_OFF = f"is truncated (its end is missing); {TAKE_OUT}"
EIGHT_OR_SIXTEEN = "save it with 8 or 16 bits per channel, whole numbers"
