"""This module knows the fonts of reports: packages of open fonts that are installed with the station, so that a report
is the same on every computer and its signs are in the file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import fontpkg_ibm_plex_sans_arabic
import manimgx_fonts
import noto_cjk_sans_otc
from fontTools.ttLib import TTFont

FAMILIES = ("Noto Sans", "IBM Plex Sans Arabic", "Noto Sans CJK SC", "Noto Sans Symbols")
"""A sign is taken from the first of these that has it, else from any other font in the folders.

The Arabic of Noto puts letters and dots together from several glyphs, so that its words cannot be copied out of a PDF.
"""


def folders() -> list[Path]:
    """Return the folders of the fonts."""
    packages = (manimgx_fonts, fontpkg_ibm_plex_sans_arabic, noto_cjk_sans_otc)
    return [Path(str(package.__file__)).parent for package in packages]


def signs_without_glyph(texts: Iterable[str]) -> list[str]:
    """Return the signs in the texts that none of the fonts can show, each once, in their order."""
    seen = dict.fromkeys(sign for text in texts for sign in text if not sign.isascii())
    return [sign for sign in seen if not _is_unseen(sign) and ord(sign) not in _glyphs()]


def _is_unseen(sign: str) -> bool:
    """Say whether the sign only tells how others are written, such as a joiner or a choice among forms."""
    return unicodedata.category(sign) == "Cf" or 0xFE00 <= ord(sign) <= 0xFE0F or 0xE0100 <= ord(sign) <= 0xE01EF


@cache
def _glyphs() -> frozenset[int]:
    """Return the numbers of all signs that the fonts have."""
    found: set[int] = set()
    for folder in folders():
        for file in folder.rglob("*.tt[fc]"):
            with TTFont(file, lazy=True, fontNumber=0) as font:
                found |= font.getBestCmap().keys()
    return frozenset(found)
