"""This module says what every camera is to the line: a source of line blocks that the encoder positions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.notice import Notice

STALL_S = 0.5
"""A camera is late if cloth moves and it sends nothing for this long, or for two blocks' time if that is longer."""

GONE_S = 1.5
"""A camera that sends nothing for this long although cloth moves is gone and is started again.  With the time between
two looks at it, that happens within 2 s."""


class CameraError(Exception):
    """A camera error reports a camera fault in one plain sentence: what happened, to which camera, what to do."""


class CameraGoneError(CameraError):
    """The camera vanished (unplugged, powered off) and may come back."""


class EndOfClothError(Exception):
    """A finite source (folder, recorded roll, fixed number of metres) has delivered its last block."""


@dataclass(frozen=True, slots=True, eq=False)
class LineBlock:
    """A line block holds the lines that a camera delivers at once: at most 0.25 s of cloth at the present speed.

    Attributes:
        pixels: ``[lines, width]`` or ``[lines, width, 3]`` (RGB) uint8, C-contiguous, never written to after delivery.
        first_line: encoder line number of ``pixels[0]``; line n lies n lines of cloth after the encoder's zero.
        ticks_per_line: encoder ticks per line.
        captured_ns: ``time.monotonic_ns()`` when the last line was seen.
        camera_id: name of the camera.
        piece: name of the piece of cloth the lines belong to.  Nothing joins or tiles across a change of piece
            (each image of a folder is a piece of its own); the live loom has one piece, ``None``.
        blind_px: half-open columns that no camera saw, in order, where cameras are joined and some showed nothing.
        is_camera_gone: True if they are blind because a camera is gone or late, not because it lost some lines.
        frame_line, frame_lines: where in its frame (a picture, or what an area camera sees at once) ``pixels[0]`` was
            seen, and how many lines such a frame has; 0 lines where there are no frames.
    """

    pixels: NDArray[np.uint8]
    first_line: int
    ticks_per_line: float
    captured_ns: int
    camera_id: str
    piece: str | None = None
    blind_px: tuple[tuple[int, int], ...] = ()
    is_camera_gone: bool = False
    frame_line: int = 0
    frame_lines: int = 0

    @property
    def lines(self) -> int:
        """Return the number of lines."""
        return int(self.pixels.shape[0])

    @property
    def end_line(self) -> int:
        """Return the line number just after the last line."""
        return self.first_line + self.lines


@dataclass(frozen=True, slots=True)
class EncoderReading:
    """An encoder reading says where the machine is, whether or not any picture came.

    Attributes:
        due_line: number of lines that have passed the camera (the line after the last one due); the highest reached
            so far, so a reverse does not lower it.
        lines_per_s: present speed in lines per second; 0 standing, negative in reverse.
    """

    due_line: int
    lines_per_s: float


class OutputLines(Protocol):
    """A camera's output lines let a machine be wired to the camera."""

    def set_output(self, name: str, on: bool) -> None:
        """Switch one output line, such as ``Line2``.  Raises CameraError."""


class Camera(ABC):
    """A camera is a source of line blocks.

    ``start`` and ``stop`` may be called again after each other; ``read`` is called from one acquisition thread only,
    ``encoder`` from any thread.  A member that not every camera can answer has a default here; the default is true of
    the cameras that cannot answer it.
    """

    @property
    @abstractmethod
    def camera_id(self) -> str:
        """Return the name by which settings, blocks and calibrations refer to the camera."""

    @property
    @abstractmethod
    def width_px(self) -> int:
        """Return the number of pixels across."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB)."""

    @property
    @abstractmethod
    def waits(self) -> bool:
        """Return True if it waits for the line (a folder, the demo without a speed), False if cloth runs regardless."""

    @abstractmethod
    def start(self) -> None:
        """Begin to deliver.  Raises CameraError."""

    @abstractmethod
    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block in order of delivery, or None if none came within ``timeout_s``.

        Raises:
            EndOfClothError: the source is finite and exhausted.
            CameraGoneError: the device vanished.
            CameraError: any other fault.
        """

    @abstractmethod
    def encoder(self) -> EncoderReading:
        """Return where the machine is now.  Answers at once, even while another thread hangs in another call."""

    @abstractmethod
    def stop(self) -> None:
        """Stop delivering and free the device.  Never raises, never hangs; may be called twice."""

    @property
    def serial(self) -> str:
        """Return the device's own number; '' where it has none."""
        return ""

    @property
    def mm_per_px(self) -> float | None:
        """Return the scale of the picture; None where the camera does not know it."""
        return None

    @property
    def joints_px(self) -> tuple[int, ...]:
        """Return the columns at which another device's picture begins, where the camera is made of several."""
        return ()

    @property
    def total_lines(self) -> int | None:
        """Return the line number after the last line of finite cloth; None where it is endless or unknown."""
        return None

    @property
    def white(self) -> int | None:
        """Return the stored value that is full white in the picture files played; None where there are none."""
        return None

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """Return half-open ranges of lines that passed while the cloth was recorded, but are missing when played."""
        return ()

    @property
    def unreadable(self) -> tuple[tuple[int, int], ...]:
        """Return half-open ranges of lines whose picture could not be read and was passed over, up to now."""
        return ()

    @property
    def trouble(self) -> str:
        """Say in a sentence what the picture lacks now although blocks come; '' while it is whole."""
        return ""

    @property
    def runs_freely(self) -> bool:
        """Return True if lines are counted by time alone, as no encoder triggers them."""
        return False

    @property
    def estimated_lines(self) -> int:
        """Return how many lines passed while the camera was away and could only be estimated."""
        return 0

    @property
    def output_lines(self) -> OutputLines | None:
        """Return the output lines that a program can switch; None where there are none."""
        return None

    def take_notices(self) -> list[Notice]:
        """Return the notices for people since the last call."""
        return []

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Take the cloth's overrides in place of the settings from the next start on; {} takes earlier ones back.

        Returns:
            The names of the overrides that this kind of camera never takes.  A device that refuses one at its start
            gives a notice.
        """
        return tuple(overrides)


def announced_shape(camera: Camera) -> tuple[int, ...]:
    """Return the shape of one line as the camera announced it: ``(width,)`` or ``(width, 3)``."""
    return (camera.width_px,) if camera.channels == 1 else (camera.width_px, camera.channels)
