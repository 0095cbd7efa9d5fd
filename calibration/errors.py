"""What can go wrong in a calibration."""

from __future__ import annotations


class CalibrationError(Exception):
    """A calibration that cannot be trusted, as one plain sentence: what happened, to what, what to do."""


class PictureError(CalibrationError):
    """The pictures given do not fit the calibration: wrong shape, too few lines, too dark, too bright."""


class TargetNotFoundError(CalibrationError):
    """The chessboard or ruler was not found in the picture."""
