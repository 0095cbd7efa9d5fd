"""What all cameras share that stand before another one and change one thing of it."""

from __future__ import annotations

from drivers.camera import Camera, EncoderReading, LineBlock


class WrappedCamera:
    """Is to the line what ``camera`` is, in everything that a subclass does not say otherwise.

    Args:
        camera: read, started and stopped through this one only.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def __getattr__(self, name: str) -> object:
        """All that a camera may have beyond the protocol: its scale, its total of lines."""
        return getattr(self._camera, name)

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
