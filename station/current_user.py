"""This module finds out who uses the station."""

from __future__ import annotations

import getpass

from station.recipe.names import NameFault, person_name


def login() -> str:
    """Return the login name of the operating system; ``unknown`` if it has none that can be put on record."""
    try:
        return person_name(getpass.getuser())
    except (OSError, KeyError, NameFault):
        return "unknown"
