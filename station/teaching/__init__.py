"""Teach-in: good cloth through the real line -> model + threshold -> a new recipe version."""

from station.teaching.lesson import GOOD_TILES, Lesson, teach
from station.teaching.sampling import TEACHING_BLOCK_LINES, Section, TileCollector

__all__ = ["GOOD_TILES", "TEACHING_BLOCK_LINES", "Lesson", "Section", "TileCollector", "teach"]
