"""This module checks the audit chain of a home folder without changing the folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from station.records.audit import AuditCheck, verify
from station.records.engine import DATABASE
from station.records.read_only import open_read_only

PROGRESS_S = 5.0


def verify_audit(home: Path) -> AuditCheck:
    """Check the audit chain of a home folder, even if it is read-only or its station is running; print progress on
    stderr if that takes long.

    Raises:
        RecordsError: there are no records, or they cannot be read.
    """
    with open_read_only(home) as engine:
        return verify(engine, _Progress())


class _Progress:
    """The progress line says how many rows are done, at most every five seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self._last >= PROGRESS_S:
            self._last = time.monotonic()
            print(f"{rows} rows of the audit checked", file=sys.stderr, flush=True)


def as_text(check: AuditCheck, home: Path) -> str:
    """Return the outcome as one sentence: the length of an unbroken chain, or where it breaks and what to do."""
    if check.ok:
        return f"chain whole, {check.rows} row{'s' * (check.rows != 1)}"
    return (
        f"The audit chain breaks at row {check.first_bad_row}, which was changed, removed or put in by something other "
        f"than the station, so the audit cannot be trusted from there on; keep {home / DATABASE} as it is and find out "
        "who wrote to it."
    )
