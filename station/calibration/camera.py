"""This module applies calibrations to a camera: it straightens frames and checks lines against the encoder."""

from __future__ import annotations

from dataclasses import replace

from calibration.aspect import MIN_LINES, TOLERANCE, aspect_warning
from calibration.lens import Lens
from drivers.camera import Camera, CameraError, LineBlock
from drivers.wrapped import WrappedCamera


class EncoderWatch:
    """The watch compares the lines a camera numbers with those the encoder reports, stretch by stretch.

    Blocks arrive some time after the encoder's reading, and now and then long after it; the smallest lag in a stretch
    is steady, unless lines and encoder drift apart.  Cloth seen again after a reverse counts once.
    """

    def __init__(self) -> None:
        self._reach: int | None = None
        self._from = (0, 0)
        self._least: int | None = None
        self._least_before: int | None = None

    def see(self, end_line: int, due_line: int, block_lines: int) -> str | None:
        """Take the line after a block's last and the encoder's due line; return a sentence if they drift apart."""
        if self._reach is None:
            self._from = end_line, due_line
        self._reach = end_line if self._reach is None else max(self._reach, end_line)
        back = due_line - self._reach
        self._least = back if self._least is None else min(self._least, back)
        due = due_line - self._from[1]
        if max(self._reach - self._from[0], due) < max(MIN_LINES, 4 * block_lines / TOLERANCE):
            return None
        before = self._least_before
        self._least_before = self._least
        self._from = (self._reach, due_line)
        self._least = None
        return None if before is None else aspect_warning(due + before - self._least_before, due, 1.0)


class CalibratedCamera(WrappedCamera):
    """This camera reads ``camera`` for the line.  Its warning waits in :meth:`take_warning`.

    Args:
        lens: straightens each frame of an area camera; with None pictures stay as they are.
    """

    def __init__(self, camera: Camera, lens: Lens | None = None) -> None:
        super().__init__(camera)
        self._lens = lens
        self._lines = EncoderWatch()
        self._warning: str | None = None

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the camera's next block, straightened.  Raises what the camera raises."""
        block = self._camera.read(timeout_s)
        if block is None:
            return None
        self._hold_against_encoder(block)
        if self._lens is None:
            return block
        if block.lines != self._lens.height_px:
            self._warning = (
                f"The lens of camera {self.camera_id} is calibrated for frames of {self._lens.height_px} lines, but "
                f"{block.lines} came at once, so pictures stay bent; calibrate the lens as the camera runs."
            )
            return block
        return replace(block, pixels=self._lens.undistort(block.pixels))

    def take_warning(self) -> str | None:
        """Return the warning since the last call, or None; any thread may call this."""
        warning = self._warning
        self._warning = None
        return warning

    def _hold_against_encoder(self, block: LineBlock) -> None:
        try:
            due_line = self._camera.encoder().due_line
        except CameraError:
            return
        self._warning = self._lines.see(block.end_line, due_line, block.lines) or self._warning
