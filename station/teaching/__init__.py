"""Teach-in: good cloth through the real line -> model + threshold -> a new recipe version."""

from station.teaching.lesson import Lesson, choose_threshold, held_back_tail, patch_peaks, teach
from station.teaching.sampling import HOLD_BACK_EVERY, TEACHING_BLOCK_LINES, Section, TileCollector

__all__ = [
    "HOLD_BACK_EVERY",
    "TEACHING_BLOCK_LINES",
    "Lesson",
    "Section",
    "TileCollector",
    "choose_threshold",
    "held_back_tail",
    "patch_peaks",
    "teach",
]
