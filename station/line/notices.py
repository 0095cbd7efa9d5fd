"""Words for people, not more of them than people can use."""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL_S = 5.0

Notify = Callable[[str, str], None]
"""Called with severity and text."""


class Notices:
    """Passes words on to ``notify``."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._told_s: dict[str, float] = {}

    def tell(self, severity: str, text: str) -> None:
        """Tell at once."""
        self._notify(severity, text)

    def warn_seldom(self, kind: str, text: str) -> None:
        """Warn, but of the same kind at most every few seconds: the ledger has the exact figures."""
        now = time.monotonic()
        if now - self._told_s.get(kind, -INTERVAL_S) >= INTERVAL_S:
            self._told_s[kind] = now
            self._notify("warning", text)
