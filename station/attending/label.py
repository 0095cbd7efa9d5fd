"""This module reads what a scanner took from a roll's label, as the settings' pattern splits it.

A scanner types the content of a Code 128 or QR code as text.  It may put the code's kind in front (the symbology
identifier of ISO/IEC 15424, such as ``]C1``) and an end of line behind; neither belongs to the content.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from station.contract import StationError
from station.recipe.names import NameFault, fabric_name, roll_name, visible_text
from station.state.roll import MEASURES, UNKNOWN, WORDS, RollIdentity

MOST_SIGNS = 4296
"""A QR code holds at most so many letters and digits (ISO/IEC 18004)."""

SHOWN_SIGNS = 60
FACT_LIMIT = 64
FIELDS = ("roll", "fabric", *WORDS, *MEASURES)
"""These groups a pattern may name."""

KIND_OF_CODE = re.compile(r"\A\][A-Za-z][0-9A-Za-z]")


class LabelSettings(BaseModel):
    """These settings say how the text of a roll's label is split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str = Field(
        r"(?P<roll>.+)", description=f"regular expression for the whole text; its named groups are {', '.join(FIELDS)}"
    )

    @field_validator("pattern")
    @classmethod
    def _checked(cls, pattern: str) -> str:
        try:
            names = list(re.compile(pattern).groupindex)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"it is no regular expression: {error}") from None
        unknown = [name for name in names if name not in FIELDS]
        if unknown or not names:
            wrong = f"it names {', '.join(unknown)}" if unknown else "it names no group, such as (?P<roll>.+)"
            raise ValueError(f"{wrong}; a label gives {', '.join(FIELDS)}")
        return pattern


@dataclass(frozen=True, slots=True)
class Label:
    """A label says which roll to start: its name and its fabric, None where the label has none, and what is known."""

    roll: str | None
    fabric: str | None
    identity: RollIdentity


def read_label(text: str, settings: LabelSettings, known: RollIdentity = UNKNOWN) -> Label:
    """Split the text of a label; what it does not say is taken from ``known``.

    Raises:
        StationError: the text does not fit the pattern, or a part of it is not what its field takes; says which.
    """
    content = KIND_OF_CODE.sub("", text.rstrip("\r\n\0 ")).strip(" ")
    if not content:
        raise StationError("The label is empty; scan it again.")
    if len(content) > MOST_SIGNS:
        raise StationError(f"The label has {len(content)} signs, no code holds more than {MOST_SIGNS}; scan it again.")
    fit = re.fullmatch(settings.pattern, content)
    if fit is None:
        raise StationError(
            f"The label {_shown(content)} does not fit the settings' label.pattern ({settings.pattern}); scan another "
            "label, or mend the pattern."
        )
    parts = {name: value.strip(" ") for name, value in fit.groupdict().items() if value and value.strip(" ")}
    try:
        roll = roll_name(parts["roll"]) if "roll" in parts else None
        fabric = fabric_name(parts["fabric"]) if "fabric" in parts else None
        facts: dict[str, Any] = {
            name: visible_text(parts[name], f"the {name}", FACT_LIMIT) for name in WORDS if name in parts
        }
        facts |= {name: _measure(parts[name], name) for name in MEASURES if name in parts}
    except NameFault as fault:
        raise StationError(f"The label {_shown(content)} cannot be used: {fault}") from None
    return Label(roll, fabric, replace(known, **facts))


def _measure(text: str, name: str) -> float:
    """Return a number with point or comma.  Raises NameFault if it is none, or not above 0."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise NameFault(f"The {name} is {_shown(text)}, which is no number above 0.")
    return value


def _shown(text: str) -> str:
    """Return a text as a sentence can show it: in quotes, cut short, with what cannot be seen spelled out."""
    seen = "".join(sign if sign.isprintable() else f"<{ord(sign):02x}>" for sign in text)
    return f"'{seen if len(seen) <= SHOWN_SIGNS else f'{seen[:SHOWN_SIGNS]}…'}'"
