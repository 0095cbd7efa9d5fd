"""This module sends notices to people, but no more of them than people can use."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.notice import Notice, Severity

INTERVAL_S = 5.0
GONE = "camera gone"

Notify = Callable[[Notice], None]
"""This function shows people a notice."""


class Notices:
    """The notices tell people of the camera and its cloth, through ``notify``.  Used from one thread."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._told_s: dict[str, float] = {}
        self._gone_s: float | None = None
        self._refusal = ""

    def lost(self, camera_id: str, lines: int, first_line: int) -> None:
        """Tell that lines before the roll's ``first_line`` did not come."""
        self._warn_seldom("lost", f"Camera {camera_id} lost {lines} lines before line {first_line}.")

    def overload(self, first_line: int) -> None:
        """Tell that the model cannot keep up."""
        text = f"lines from {first_line} on are not inspected. Slow the machine down."
        self._warn_seldom("overload", f"The line is slower than the cloth: {text}")

    def stood_still(self, seconds: float, *, waits: bool) -> None:
        """Tell that this program did not run for a while, whether or not the cloth ``waits``."""
        what = "" if waits else " Cloth that passed meanwhile is not inspected."
        why = "it slept, or this program was stopped or far too busy"
        self._notify(Notice(Severity.WARNING, f"This computer stood still for {seconds:.0f} s: {why}.{what}"))

    def too_short(self, first_line: int, end_line: int, tile_px: int) -> None:
        """Tell that too few lines came from the loom without a break to fill a tile."""
        text = f"fewer than {tile_px} lines without a break cannot be judged."
        self._warn_seldom("short", f"Lines {first_line} to {end_line} are not inspected: {text}")

    def clock_stepped(self, camera_id: str) -> None:
        """Tell that a time of capture cannot be right."""
        self._warn_seldom("clock", f"The clock of camera {camera_id} stepped; its times are not used.")

    def gone(self, why: str) -> None:
        """Tell that the camera is lost; it is tried again until :meth:`back`."""
        if self._gone_s is None:  # else it started again, but showed nothing
            self._gone_s = time.monotonic()
            self._refusal = ""
            text = f"{why.rstrip('.')}. Cloth that passes now is not inspected; trying again."
            self._notify(Notice(Severity.WARNING, text, begins=GONE))

    def does_not_start(self, why: str) -> None:
        """Tell that the camera is there but cannot be used: once only, as trying again will hardly help."""
        if why != self._refusal:
            self._refusal = why
            self._warn_seldom("start", why)

    def back(self, camera_id: str) -> None:
        """Tell, when a block comes after a loss, that the camera is back."""
        if self._gone_s is not None:
            away_s = time.monotonic() - self._gone_s
            self._gone_s = None
            self._notify(Notice(Severity.INFO, f"Camera {camera_id} is back after {away_s:.1f} s.", ends=GONE))

    def pass_on(self, notice: Notice) -> None:
        """Pass on at once a notice of the camera itself."""
        self._notify(notice)

    def _warn_seldom(self, kind: str, text: str) -> None:
        """Warn, but with the same kind of warning at most every few seconds: the ledger has the exact figures."""
        now = time.monotonic()
        if now - self._told_s.get(kind, -INTERVAL_S) >= INTERVAL_S:
            self._told_s[kind] = now
            self._notify(Notice(Severity.WARNING, text))
