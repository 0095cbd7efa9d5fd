"""This package holds recorded cloth: its format on disk, its writer and reader, and the camera that plays it."""
