"""This module reads lengths as people write them in rule files: ``"75 mm"``, ``"3 in"``, ``"10 yd"``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

INCH_MM = 25.4
YARD_MM = 914.4
PER_100_YD2 = 1e6 / YARD_MM**2
"""Multiply points per 100 yd² by this factor to get points per 100 m²."""

_IN_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": INCH_MM, "ft": 12 * INCH_MM, "yd": YARD_MM}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|m|in|ft|yd)\s*")


def length_mm(value: object) -> object:
    """Return a length in mm; a bare number is in mm already.  Raises ValueError, which says how to write it."""
    if not isinstance(value, str):
        return value
    match = _LENGTH.fullmatch(value)
    if match is None:
        raise ValueError('is no length; write a number and its unit (mm, cm, m, in, ft, yd), such as "75 mm" or "3 in"')
    return float(match[1]) * _IN_MM[match[2]]


Length = Annotated[float, BeforeValidator(length_mm), Field(gt=0, le=1e7, allow_inf_nan=False, strict=True)]
"""A length in mm, above 0."""
Margin = Annotated[float, BeforeValidator(length_mm), Field(ge=0, le=1e7, allow_inf_nan=False, strict=True)]
"""A length in mm that may be 0."""
