"""This module names the kinds of defects, by their shape on the cloth, and the looks of the model, and says both in
words."""

from __future__ import annotations

from enum import StrEnum


class DefectKind(StrEnum):
    """The kind of a defect is its shape on the cloth (the station cannot know which fault in weaving made it)."""

    WARP_LINE = "warp-wise line"
    WEFT_LINE = "weft-wise line"
    SPOT = "spot"
    AREA = "area"
    HOLE = "hole"
    """Its inside is not cloth but what lies behind it."""


class Look(StrEnum):
    """The look says how the model looked at the cloth when it saw a defect, in words for people."""

    FINE = "fine"
    BROAD = "broad, soft"
    LONG = "long, faint"


def kind_words(kind: str, parts: int, look: str) -> str:
    """Return a defect's kind with the look that saw it best, if that is not the fine one, and with how many parts it
    has, where there are several: ``long, faint: warp-wise line``, ``area of 28 spots``."""
    seen = "" if look == Look.FINE else f"{look}: "
    if parts < 2:
        return f"{seen}{kind}"
    return f"{seen}{kind} of {parts} {'spots' if kind == DefectKind.AREA else 'pieces'}"
