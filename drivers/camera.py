"""What every camera is to the line: a source of line blocks whose positions come from the encoder."""

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
"""One that sends nothing for so long although cloth moves is given up and started again: looks and all, within 2 s."""


class CameraError(Exception):
    """A camera fault, as one plain sentence: what happened, to which camera, what to do."""


class CameraGoneError(CameraError):
    """The camera vanished (unplugged, powered off) and may come back."""


class EndOfClothError(Exception):
    """A finite source (folder, recorded roll, fixed number of metres) has delivered its last block."""


@dataclass(frozen=True, slots=True, eq=False)
class LineBlock:
    """Lines delivered at once.  At most 0.25 s of cloth at the present speed.

    Attributes:
        pixels: ``[lines, width]`` or ``[lines, width, 3]`` (RGB) uint8, C-contiguous, never written to after delivery.
        first_line: encoder line number of ``pixels[0]``; line n lies n lines of cloth after the encoder's zero.
        ticks_per_line: encoder ticks per line.
        captured_ns: ``time.monotonic_ns()`` when the last line was seen.
        camera_id: which camera.
        piece: name of the piece of cloth the lines belong to.  Nothing joins or tiles across a change of piece
            (the images of a folder are pieces of their own); the live loom has one piece, ``None``.
        blind_px: half-open columns that nobody saw, in order, where several cameras are joined and some showed nothing.
        is_camera_gone: they are blind because a camera is gone or late, not for some lines it lost.
    """

    pixels: NDArray[np.uint8]
    first_line: int
    ticks_per_line: float
    captured_ns: int
    camera_id: str
    piece: str | None = None
    blind_px: tuple[tuple[int, int], ...] = ()
    is_camera_gone: bool = False

    @property
    def lines(self) -> int:
        """Number of lines."""
        return int(self.pixels.shape[0])

    @property
    def end_line(self) -> int:
        """Line number just after the last line."""
        return self.first_line + self.lines


@dataclass(frozen=True, slots=True)
class EncoderReading:
    """Where the machine is, whether or not any picture came.

    Attributes:
        due_line: number of lines that have passed the camera (the line after the last one due); the highest yet
            reached, so a reverse does not lower it.
        lines_per_s: present speed in lines per second; 0 standing, negative in reverse.
    """

    due_line: int
    lines_per_s: float


class OutputLines(Protocol):
    """Output lines of a camera, by which a machine can be wired to it."""

    def set_output(self, name: str, on: bool) -> None:
        """Switch one of them, such as ``Line2``.  Raises CameraError."""


class Camera(ABC):
    """A source of line blocks.

    ``start`` and ``stop`` may be called again after each other; ``read`` is called from one acquisition thread only,
    ``encoder`` from any thread.  What not every camera can answer has an answer here that is true of those that cannot.
    """

    @property
    @abstractmethod
    def camera_id(self) -> str:
        """Name by which settings, blocks and calibrations refer to it."""

    @property
    @abstractmethod
    def width_px(self) -> int:
        """Pixels across."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""

    @property
    @abstractmethod
    def waits(self) -> bool:
        """True if it waits for the line (a folder, the demo without a speed), False if cloth runs regardless."""

    @abstractmethod
    def start(self) -> None:
        """Begin to deliver.  Raises CameraError."""

    @abstractmethod
    def read(self, timeout_s: float) -> LineBlock | None:
        """Next block in order of delivery, or None if none came within ``timeout_s``.

        Raises:
            EndOfClothError: the source is finite and exhausted.
            CameraGoneError: the device vanished.
            CameraError: any other fault.
        """

    @abstractmethod
    def encoder(self) -> EncoderReading:
        """Where the machine is now.  Answers at once, also while another thread hangs in any of the other calls."""

    @abstractmethod
    def stop(self) -> None:
        """Stop delivering and free the device.  Never raises, never hangs; may be called twice."""

    @property
    def serial(self) -> str:
        """The device's own number; '' where it has none."""
        return ""

    @property
    def mm_per_px(self) -> float | None:
        """Scale of the picture; None where the camera does not know it."""
        return None

    @property
    def joints_px(self) -> tuple[int, ...]:
        """Columns at which the picture of another device begins, where the camera is made of several."""
        return ()

    @property
    def total_lines(self) -> int | None:
        """Line number after the last line of finite cloth; None where it is endless or its end is not known."""
        return None

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """Half-open ranges of lines that passed while the cloth was recorded, but are missing in what is played."""
        return ()

    @property
    def trouble(self) -> str:
        """What the picture lacks now although blocks come, in a sentence; '' while it is whole."""
        return ""

    @property
    def runs_freely(self) -> bool:
        """True if lines are counted by time alone, as no encoder triggers them."""
        return False

    @property
    def estimated_lines(self) -> int:
        """Lines that passed while the camera was away and could only be estimated."""
        return 0

    @property
    def output_lines(self) -> OutputLines | None:
        """Output lines that a program can switch; None where there are none."""
        return None

    def take_notices(self) -> list[Notice]:
        """What people should know since the last call."""
        return []

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Take what the cloth asks for in place of the settings, from the next start on; {} takes earlier wishes back.

        Returns:
            The names of those that this kind of camera never takes.  What a device refuses at its start is a notice.
        """
        return tuple(overrides)


def announced_shape(camera: Camera) -> tuple[int, ...]:
    """Shape of one line as the camera announced it: ``(width,)`` or ``(width, 3)``."""
    return (camera.width_px,) if camera.channels == 1 else (camera.width_px, camera.channels)
