"""What a person should be told, the same from the camera up to the screen and the records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a notice is, the least first; the values stand in records, so they stay."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    severity: Severity
    text: str
