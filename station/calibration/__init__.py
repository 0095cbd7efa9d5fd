"""Calibrations as the station uses them: which of those on record count, and whether they still hold."""
