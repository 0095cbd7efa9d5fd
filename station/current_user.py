"""Who is at work here."""

from __future__ import annotations

import getpass


def login() -> str:
    """Login of the operating system; ``unknown`` where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
