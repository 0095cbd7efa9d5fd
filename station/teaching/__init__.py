"""Teach-in: good cloth through the real line -> model + threshold -> a new recipe version."""

from station.teaching.sampling import TEACHING_BLOCK_LINES, Section, TileCollector
from station.teaching.teach_in import GOOD_TILES, TeachInResult, teach
from station.teaching.threshold import FALSE_ALARM_BUDGET_PER_100_M

__all__ = [
    "FALSE_ALARM_BUDGET_PER_100_M",
    "GOOD_TILES",
    "TEACHING_BLOCK_LINES",
    "Section",
    "TeachInResult",
    "TileCollector",
    "teach",
]
