"""This module names what can go wrong in a calibration."""

from __future__ import annotations


class CalibrationError(Exception):
    """This calibration cannot be trusted; one plain sentence says what happened, to what, and what to do."""


class PictureError(CalibrationError):
    """The pictures given do not fit the calibration: wrong shape, too few lines, too dark, too bright."""


class TargetNotFoundError(CalibrationError):
    """The target to be measured was not found: the chessboard, the ruler, cloth that two pictures share."""
