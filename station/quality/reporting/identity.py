"""This module says what a roll is to a mill: order, article, lot, loom, who inspected it, and what its ticket says."""

from __future__ import annotations

from station.records.rows import RollRow

FACTS = (
    ("order", "Order", ""),
    ("article", "Article", ""),
    ("lot", "Lot", ""),
    ("loom", "Loom or table", ""),
    ("operator", "Operator", ""),
    ("target_m", "Target length", "m"),
    ("ticket_m", "Ticket length", "m"),
    ("ticket_width_mm", "Ticket width", "mm"),
)
"""These facts of a roll's identity are reported: name, label for people, unit."""

Identity = dict[str, str | float]
"""This is what is known of a roll, by the names of the facts."""


def identity_of(roll: RollRow) -> Identity:
    """Return the facts that are on record of a roll."""
    holder = getattr(roll, "identity", roll)
    known = ((name, getattr(holder, name, None)) for name, _, _ in FACTS)
    return {name: value for name, value in known if value not in (None, "")}


def identity_words(identity: Identity) -> list[tuple[str, str]]:
    """Return label and value of the facts that are known, for people."""
    return [
        (label, f"{identity[name]:g} {unit}" if unit else str(identity[name]))
        for name, label, unit in FACTS
        if name in identity
    ]
