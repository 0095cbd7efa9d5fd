"""This module gives cloth that does not go through the line the light that the line gives it."""

from __future__ import annotations

from dataclasses import replace

from calibration.shading import Shading
from drivers.camera import Camera, LineBlock
from drivers.wrapped import WrappedCamera


class EvenedCamera(WrappedCamera):
    """This camera's light is evened out, as the line does while it cuts tiles.

    Args:
        shading: flat field, None for none.
    """

    def __init__(self, camera: Camera, shading: Shading | None) -> None:
        super().__init__(camera)
        self._shading = shading

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the camera's next block.  Raises what the camera raises."""
        block = self._camera.read(timeout_s)
        if block is None or self._shading is None:
            return block
        return replace(block, pixels=self._shading.apply(block.pixels))
