"""This module keeps PINs as what a slow function (scrypt, RFC 7914) makes of them and of a salt, never themselves.

The cost follows OWASP's Password Storage Cheat Sheet: 16 MiB and five rounds, some tenths of a second.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass

from station.records.rows import RecordsError

LEAST_SIGNS = 4
MOST_SIGNS = 128
SALT_BYTES = 16
KEY_BYTES = 32
MEMORY_BYTES = 1 << 28
"""A row that asks for more memory than this is spoilt."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost holds scrypt's parameters: memory and time (a power of 2), block size, and rounds."""

    n: int = 1 << 14
    r: int = 8
    p: int = 5


COST = Cost()


def kept_of(pin: str, cost: Cost | None = None) -> str:
    """Return what is kept of a PIN, with a salt of its own.

    Raises:
        RecordsError: the PIN has too few signs, too many, or one that cannot be seen.
    """
    secret = _secret(pin)
    used, salt = cost or COST, os.urandom(SALT_BYTES)
    parts = ("scrypt", used.n, used.r, used.p, _text(salt), _text(_key(secret, salt, used)))
    return "$".join(map(str, parts))


def matches(pin: str, kept: str) -> bool:
    """Say whether a PIN is the one this was kept of; a text that is none of :func:`kept_of` matches none."""
    try:
        name, n, r, p, salt, key = kept.split("$")
        cost = Cost(int(n), int(r), int(p))
        made = _key(_secret(pin), base64.b64decode(salt, validate=True), cost)
        return name == "scrypt" and hmac.compare_digest(made, base64.b64decode(key, validate=True))
    except (ValueError, TypeError, OverflowError, MemoryError, RecordsError):
        return False


def _secret(pin: str) -> bytes:
    """Return a PIN as bytes, the same however a keyboard composes its letters.  Raises RecordsError."""
    composed = unicodedata.normalize("NFC", pin)
    if not composed.isprintable():
        raise RecordsError("A PIN has only signs that can be seen; choose another.")
    if not LEAST_SIGNS <= len(composed) <= MOST_SIGNS:
        raise RecordsError(f"A PIN has at least {LEAST_SIGNS} signs and at most {MOST_SIGNS}; choose another.")
    return composed.encode()


def _key(secret: bytes, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(secret, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=MEMORY_BYTES, dklen=KEY_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


NOBODYS = "$".join(map(str, ("scrypt", COST.n, COST.r, COST.p, _text(bytes(SALT_BYTES)), _text(bytes(KEY_BYTES)))))
"""No PIN matches this, which takes as long to find as for a PIN that somebody has."""
