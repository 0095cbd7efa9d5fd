"""This module makes the table of faults, one row for each, and the page around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEAD = "fault | strikes | what the operator saw | seen after, s | again after, s | declared, m | true, m | ledger law"

LEGEND = """\
Each fault strikes a roll of its own beside a loom that waits for nobody: {setting}.  Times are the worst of all
strikes.

- *What the operator saw*: states of the picture, the first warning, what was counted.
- *Seen after*: from the first line hit passing the camera (the hang, the removal, the loom's turning) to the first
  sign of it.  A warning of one kind is told every 5 s at most.
- *Again after*: from the end of the fault (the device's return after 3 s; else the last line hit passing) to the first
  block of cloth beyond it.
- *Declared*, *true*: metres that the line declared uninspected, and metres that were missing or late by the fault's
  own account (Basler: by the clock).  Fewer than 256 lines without a break, as between two losses, cannot be judged,
  and are declared beside what was missing.
- *Ledger law*: acquired = inspected + uninspected, nothing in flight, repeated lines as many as truly were; every
  line that was missing is declared; of what came, 256 lines and more without a break are inspected and fewer are not;
  and no other is declared but cloth a returning camera showed after it had been given up: less than a block each
  time.  Of two joined cameras a line counts as inspected only if both showed it; what the other one showed meanwhile
  was judged to the line, or the law is broken.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table shows one fault; times are the worst of all its strikes, None if there is nothing to time."""

    fault: str
    strikes: int
    seen: str
    seen_s: float | None
    again_s: float | None
    declared_m: float
    true_m: float
    holds: bool

    def cells(self) -> str:
        """Return the row as Markdown."""
        times = ["–" if value is None else f"{value:.2f}" for value in (self.seen_s, self.again_s)]
        metres = [f"{self.declared_m:.3f}", f"{self.true_m:.3f}"]
        law = "holds" if self.holds else "**BROKEN**"
        return " | ".join(["", self.fault, str(self.strikes), self.seen, *times, *metres, law, ""]).strip()


def after(begin_s: float, end_s: float | None) -> float | None:
    """Return the seconds between, None if the end never came."""
    return None if end_s is None else end_s - begin_s


def worst(seconds: Iterable[float | None]) -> float | None:
    """Return the longest time, None if there is none."""
    return max((s for s in seconds if s is not None), default=None)


def page(rows: Sequence[Row], origin: str, setting: str) -> str:
    """Return the page; ``origin`` says by what and where it was made, ``setting`` how fast the cloth ran."""
    rule = "|---" * len(HEAD.split(" | ")) + "|"
    return "\n".join(
        [
            "# Faults",
            "",
            origin,
            "",
            LEGEND.format(setting=setting),
            f"| {HEAD} |",
            rule,
            *(row.cells() for row in rows),
            "",
        ]
    )
