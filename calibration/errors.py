"""What can go wrong in a calibration."""

from __future__ import annotations


class CalibrationError(Exception):
    """A calibration that cannot be trusted, as one plain sentence: what happened, to what, what to do."""


class PictureError(CalibrationError):
    """The pictures given do not fit the calibration: wrong shape, too few lines, too dark, too bright."""


class TargetNotFoundError(CalibrationError):
    """What is to be measured was not found: the chessboard, the ruler, cloth that two pictures share."""
