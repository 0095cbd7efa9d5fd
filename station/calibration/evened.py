"""This module gives recorded cloth the light and the shape that the running line gives it."""

from __future__ import annotations

from dataclasses import replace

from calibration.lens import Lens
from calibration.shading import Shading
from drivers.camera import Camera, LineBlock
from drivers.wrapped import WrappedCamera


class EvenedCamera(WrappedCamera):
    """This camera's blocks are straightened and their light is evened out by the calibrations of the camera.

    Args:
        shading: flat field, None for none.
        lens: an area camera's distortion, None for none; blocks that are no whole frames stay as they are.
    """

    def __init__(self, camera: Camera, shading: Shading | None, lens: Lens | None) -> None:
        super().__init__(camera)
        self._shading = shading
        self._lens = lens

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the camera's next block.  Raises what the camera raises."""
        block = self._camera.read(timeout_s)
        if block is None:
            return None
        pixels = block.pixels
        if self._lens is not None and len(pixels) == self._lens.height_px:
            pixels = self._lens.undistort(pixels)
        if self._shading is not None:
            pixels = self._shading.apply(pixels)
        return block if pixels is block.pixels else replace(block, pixels=pixels)
