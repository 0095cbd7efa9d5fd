"""This module finds out who uses the station."""

from __future__ import annotations

import getpass


def login() -> str:
    """Return the login name of the operating system; ``unknown`` if it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
