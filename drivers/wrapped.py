"""What all cameras share that stand before another one and change one thing of it."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.camera import Camera, EncoderReading, LineBlock, OutputLines
from drivers.notice import Notice


class WrappedCamera(Camera):
    """Is to the line what ``camera`` is, in everything that a subclass does not say otherwise.

    Args:
        camera: read, started and stopped through this one only.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def camera_id(self) -> str:
        """The camera's."""
        return self._camera.camera_id

    @property
    def width_px(self) -> int:
        """The camera's."""
        return self._camera.width_px

    @property
    def channels(self) -> int:
        """The camera's."""
        return self._camera.channels

    @property
    def waits(self) -> bool:
        """The camera's."""
        return self._camera.waits

    def start(self) -> None:
        """Start the camera.  Raises CameraError."""
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """The camera's next block.  Raises what the camera raises."""
        return self._camera.read(timeout_s)

    def encoder(self) -> EncoderReading:
        """The camera's.  Raises CameraError."""
        return self._camera.encoder()

    def stop(self) -> None:
        """Stop the camera."""
        self._camera.stop()

    @property
    def serial(self) -> str:
        """The camera's."""
        return self._camera.serial

    @property
    def mm_per_px(self) -> float | None:
        """The camera's."""
        return self._camera.mm_per_px

    @property
    def joints_px(self) -> tuple[int, ...]:
        """The camera's."""
        return self._camera.joints_px

    @property
    def total_lines(self) -> int | None:
        """The camera's."""
        return self._camera.total_lines

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """The camera's."""
        return self._camera.unrecorded

    @property
    def trouble(self) -> str:
        """The camera's."""
        return self._camera.trouble

    @property
    def runs_freely(self) -> bool:
        """The camera's."""
        return self._camera.runs_freely

    @property
    def estimated_lines(self) -> int:
        """The camera's."""
        return self._camera.estimated_lines

    @property
    def output_lines(self) -> OutputLines | None:
        """The camera's."""
        return self._camera.output_lines

    def take_notices(self) -> list[Notice]:
        """The camera's."""
        return self._camera.take_notices()

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Have the camera take them.  Returns the names of those that it never takes."""
        return self._camera.apply_overrides(overrides)
