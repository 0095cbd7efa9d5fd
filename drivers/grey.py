"""This module plays a colour camera in grey, for cloth that was taught in grey."""

from __future__ import annotations

from dataclasses import replace

from drivers.camera import LineBlock
from drivers.images import in_channels
from drivers.wrapped import WrappedCamera


class GreyCamera(WrappedCamera):
    """A grey camera gives the luminance of another camera's pictures; all else is the other camera's.

    Red, green and blue that are equal give that value, to the bit.
    """

    @property
    def channels(self) -> int:
        """Return 1 (grey)."""
        return 1

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the camera's next block in grey.  Raises what the camera raises."""
        block = super().read(timeout_s)
        return None if block is None else replace(block, pixels=in_channels(block.pixels, self.channels))
