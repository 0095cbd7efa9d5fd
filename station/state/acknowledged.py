"""This module says what a person answers when they acknowledge alarms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A person, by name, has seen these rejects of the open roll, by number, and notices, by text."""

    by: str
    rejects: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take lists, as they come back from a file, for what they are."""
        object.__setattr__(self, "rejects", tuple(self.rejects))
        object.__setattr__(self, "notices", tuple(self.notices))

    def __str__(self) -> str:
        """Say what was answered."""
        rejects = [f"rejects {', '.join(map(str, self.rejects))}"] if self.rejects else []
        return "; ".join([*rejects, *self.notices])
