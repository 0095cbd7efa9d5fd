"""This module names the kinds of defects, by their shape on the cloth, and says them in words."""

from __future__ import annotations

from enum import StrEnum


class DefectKind(StrEnum):
    """The kind of a defect is its shape on the cloth (the station cannot know which fault in weaving made it)."""

    WARP_LINE = "warp-wise line"
    WEFT_LINE = "weft-wise line"
    SPOT = "spot"
    AREA = "area"


def kind_words(kind: str, parts: int) -> str:
    """Return a defect's kind with how many parts it has, where there are several: ``area of 28 spots``."""
    if parts < 2:
        return str(kind)
    return f"{kind} of {parts} spots" if kind == DefectKind.AREA else f"{kind} of {parts} pieces"
