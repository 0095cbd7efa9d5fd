"""This module defines the notice that people get, the same from the camera up to the screen and the records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A severity says how grave a notice is, the least first; the values stand in records, so they stay."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice holds something a person should know.

    ``begins`` names a state that lasts from now on, ``ends`` one that is over with it; both are '' where there is none.
    """

    severity: Severity
    text: str
    begins: str = ""
    ends: str = ""
