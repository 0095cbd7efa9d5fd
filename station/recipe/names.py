"""This module says what may be the name of a fabric, a roll or a person, in any script, and what a file is called
after it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

NAME_LIMIT = 64
PERSON_LIMIT = 128
FABRIC_SIGNS = " ._-"
JOINERS = "\u200c\u200d"
"""Persian and the scripts of India spell words with these signs, which are not seen; elsewhere they could hide."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789")}
"""Windows gives these names to devices, whatever ending a file has."""


class NameFault(ValueError):  # noqa: N818 - a name's fault, told within other errors
    """The name may not be used; the message is a sentence that says which sign, or what else, is refused."""


@dataclass(frozen=True, slots=True)
class RecipeNamed:
    """This names one version of a fabric's recipe."""

    fabric: str
    version: int

    def __str__(self) -> str:
        return f"{self.fabric}:{self.version}"


def tidy(name: str) -> str:
    """Return the name as it is kept: composed letters (NFC), every blank a plain one, none in front, behind or
    doubled.  How a keyboard or a file system spells a name thus makes no second one."""
    composed = unicodedata.normalize("NFC", name)
    blanks = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in composed)
    return re.sub(" {2,}", " ", blanks).strip(" ")


def fabric_name(name: str) -> str:
    """Return a fabric's name as it is kept.  Letters, digits, blanks inside and ``. _ -`` of any script may be in it.

    Raises:
        NameFault: the name may not be used.
    """
    kept = _of_length(name, "a fabric's name", NAME_LIMIT)
    for place, sign in enumerate(kept):
        if sign not in FABRIC_SIGNS and unicodedata.category(sign)[0] not in "LMN" and not _joins(kept, place):
            raise NameFault(
                f"{shown(sign)} cannot be in a fabric's name; use letters, digits, blanks, '.', '_' and '-'."
            )
    if kept[0] in ".-" or unicodedata.category(kept[0])[0] == "M":
        raise NameFault(f"A fabric's name cannot begin with {shown(kept[0])}; begin it with a letter or digit.")
    return kept


def roll_name(name: str) -> str:
    """Return a roll's name as it is kept.  All that can be seen may be in it; no path is ever made of it.

    Raises:
        NameFault: the name may not be used.
    """
    kept = _visible(_of_length(name, "a roll's name", NAME_LIMIT), "a roll's name")
    if kept[0] == "-":
        raise NameFault("A roll's name cannot begin with '-', or a command would take it for an option.")
    return kept


def person_name(name: str) -> str:
    """Return a person's name as it is kept.

    Raises:
        NameFault: the name may not be used.
    """
    return _visible(_of_length(name, "a person's name", PERSON_LIMIT), "a person's name")


def visible_text(text: str, of: str, limit: int) -> str:
    """Return a short text of people as it is kept, which may be empty; ``of`` is what the text is, for the sentence.

    Raises:
        NameFault: it is too long, or has a sign that cannot be seen.
    """
    return _visible(_of_length(text, of, limit), of) if tidy(text) else ""


def file_name(name: str) -> str:
    """Return what a file or folder is called after the name, without an ending: the same for the same name only, on
    every disk.

    A name that all file systems take as it is, and that no other differs from in capitals only, is kept; of any other
    the plain letters are, followed by a short hash of the whole.
    """
    kept = tidy(name)
    plain = re.sub(r"[^a-z0-9._-]+", "-", unicodedata.normalize("NFKD", kept).casefold().replace("\u0307", ""))
    slug = plain.strip("-._")[:40]
    if slug == kept and slug.split(".")[0] not in RESERVED:
        return slug
    digest = hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug and slug.split(".")[0] not in RESERVED else f"name-{digest}"


def shown(sign: str) -> str:
    """Return a sign as a sentence can show it: in quotes, with its number and name where it cannot be seen."""
    if sign.isprintable() and not unicodedata.combining(sign):
        return f"'{sign}'"
    return f"U+{ord(sign):04X} ({unicodedata.name(sign, 'a control character').lower()})"


def _of_length(name: str, of: str, limit: int) -> str:
    kept = tidy(name)
    if not kept:
        raise NameFault(f"{of.capitalize()} cannot be empty.")
    if len(kept) > limit:
        raise NameFault(f"{of.capitalize()} has at most {limit} signs, and {kept[:16]}… has {len(kept)}.")
    return kept


def _visible(kept: str, of: str) -> str:
    for place, sign in enumerate(kept):
        if not sign.isprintable() and not _joins(kept, place):
            raise NameFault(f"{shown(sign)} cannot be in {of}; use signs that can be seen.")
    return kept


def _joins(kept: str, place: int) -> bool:
    """Say whether the sign joins two signs of one word (or of one picture) and so belongs to them."""
    within = 0 < place < len(kept) - 1 and kept[place] in JOINERS
    return within and all(unicodedata.category(kept[side])[0] in "LMS" for side in (place - 1, place + 1))


FabricName = Annotated[str, AfterValidator(fabric_name)]
