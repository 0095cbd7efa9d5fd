"""This module tells the records and the screen what happens at the station, each without waiting for the other."""

from __future__ import annotations

from station.contract import Event, Fault, Notice, RowJudged, Severity
from station.event_queue import EventQueue
from station.records.rows import RecordsError
from station.records.store import Store

RECORDS_PATIENCE_S = 5.0
"""Judging waits this long for room in the records' queue; then the roll ends, as an unrecorded one is worth nothing."""


class Telling:
    """Whoever tells, tells both: the records, which keep what is to be kept, and the queue of the screen.

    Args:
        store: the open records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = EventQueue()
        self._patience_s = RECORDS_PATIENCE_S

    def line(self, event: Event) -> bool:
        """Tell an event of the line; return False if the records have no room for it."""
        event = self._store.rating.rated(event)
        is_kept = self._store.write(event, self._patience_s)
        self._patience_s = RECORDS_PATIENCE_S if is_kept else 0.0  # waited for once, not for each event in flight
        if not isinstance(event, RowJudged):
            self._events.put(event)
        return is_kept

    def machine(self, event: Event) -> None:
        """Tell an event of the machine without waiting for the disk, or the heartbeat would stand still meanwhile."""
        self._store.write(event)
        self._events.put(event)

    def fault(self, fault: Fault) -> None:
        """Show a bug on the screen and keep it in the audit; never waits."""
        self.screen(Notice(Severity.ERROR, fault.text))
        self._store.write(fault)

    def screen(self, event: Event) -> None:
        """Tell the screen alone."""
        self._events.put(event)

    def failure(self, notice: Notice) -> None:
        """Tell why a roll failed; the records too, unless they are why."""
        self.screen(notice)
        if self._store.failure is None:
            self._store.write(notice)

    def drain(self, limit: int) -> list[Event]:
        """Take the next events for the screen, oldest first, with what the records themselves have to say."""
        for notice in self._store.take_notices():
            self._events.put(notice)
        return self._events.drain(limit)

    def end_of_record(self, roll: str, timeout_s: float) -> RecordsError | None:
        """Wait for the disk at a roll's end; return what keeps the roll from being on record as a whole, if anything
        does, and tell the screen of what is lost."""
        on_disk = self._store.flush(timeout_s)
        lost = self._store.lost_of(roll)
        if lost:
            text = f"Roll {roll} is incomplete: {lost} of its events are not on record. It is not graded."
            self.screen(Notice(Severity.ERROR, text))
        return self._store.failure if lost or not on_disk else None
