"""This module says which columns of the picture count as cloth: those found, all of them, or those given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

LEAST_GIVEN_PX = 64
"""Fewer columns than this are no web: cloth cannot be told from anything else in them."""


class WebHow(StrEnum):
    """The value says how the columns of the cloth come about."""

    AUTO = "auto"
    FULL = "full"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class WebRule:
    """The rule says which columns are cloth; ``left_px`` and ``right_px`` (half-open) count where they are given."""

    how: WebHow = WebHow.AUTO
    left_px: int = 0
    right_px: int = 0

    @classmethod
    def of(cls, value: object) -> WebRule:
        """Make a rule of ``auto``, ``full`` or ``LEFT:RIGHT``; recipes of version 0.2 say True or False for the first
        two.

        Raises:
            ValueError: it is none of them, in a sentence for people.
        """
        if isinstance(value, WebRule):
            return value
        if isinstance(value, bool):
            return AUTO if value else FULL
        text = str(value).strip()
        if text in (WebHow.AUTO, WebHow.FULL):
            return cls(WebHow(text))
        found = re.fullmatch(r"(\d{1,7}):(\d{1,7})", text, re.ASCII)
        if found is None:
            raise ValueError(
                f"{text!r} names no columns: give auto, full, or LEFT:RIGHT such as 100:900, counted from 0 at the "
                "picture's left side, RIGHT being the first column that is not cloth."
            )
        left, right = int(found[1]), int(found[2])
        if right - left < LEAST_GIVEN_PX:
            raise ValueError(
                f"{text!r} leaves {max(0, right - left)} columns: RIGHT must be at least {LEAST_GIVEN_PX} above LEFT."
            )
        return cls(WebHow.GIVEN, left, right)

    @property
    def finds(self) -> bool:
        """Say whether the web's edges are looked for in the picture."""
        return self.how is WebHow.AUTO

    def __str__(self) -> str:
        """Return the rule as it is typed."""
        return f"{self.left_px}:{self.right_px}" if self.how is WebHow.GIVEN else str(self.how)


AUTO, FULL = WebRule(), WebRule(WebHow.FULL)

Web = Annotated[WebRule, BeforeValidator(WebRule.of), PlainSerializer(str, return_type=str)]
"""This is a rule as recipes hold it: text."""


@dataclass(frozen=True, slots=True)
class ColumnsInspected:
    """This event of the line says which columns of the camera, half-open, are judged as cloth on most lines of a roll.

    Told once the first cloth was seen, and again at the roll's end if they turned out otherwise; the last one counts.
    """

    left_px: int
    right_px: int
    width_px: int

    def __str__(self) -> str:
        """Return the columns in words, counted from 0, both ends included."""
        return f"{self.left_px} to {self.right_px - 1} of {self.width_px}"
