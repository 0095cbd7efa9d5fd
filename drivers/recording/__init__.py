"""Recorded cloth: its format on disk, how it is written and read, and the camera that plays it."""
