"""This module lets the programs that work on one home know of one another: each holds a file that says who it is."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from station.local_time import clock
from station.records.locks import FileLock, is_held

LOOK_S = 2.0
"""Others are looked for at most so often."""

MOST_BYTES = 4096
STALE_S = 60.0
"""A file that nobody holds is removed after this time; a younger one may be about to be held."""

log = logging.getLogger("station.records")


@dataclass(frozen=True, slots=True)
class Program:
    """A program is told by its process number, what it was called to do, and since when it runs (UTC-aware)."""

    process: int
    what: str
    since: datetime

    def __str__(self) -> str:
        """Return what people are told of it."""
        return f"station {self.what} (process {self.process}, since {clock(self.since)})".replace("  ", " ")


class Programs:
    """The programs of a home are found by their files; the lock on each shows that its program still runs.

    A home whose folder of locks cannot be written or read has no news: inspection never fails for it.

    Args:
        home: the home folder.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "locks"
        self._file = self._folder / f"program-{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
        self._lock = FileLock(self._file)
        self._known: dict[str, Program] = {}
        self._looked_s = float("-inf")
        try:
            if self._lock.take():
                me = {"process": os.getpid(), "what": _what(), "since": datetime.now(UTC).isoformat()}
                self._lock.write(json.dumps(me).encode())
        except OSError as error:
            log.warning("other programs cannot be told that this one works on %s: %s", home, error)

    def others(self) -> list[Program]:
        """Return the other programs that work on the home now, the oldest first."""
        return sorted(self._look().values(), key=lambda one: one.since)

    def news(self) -> list[str]:
        """Return in sentences which others have come and gone since the last call; at most every few seconds."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return []
        self._looked_s = time.monotonic()
        now, before = self._look(), self._known
        self._known = now
        came = [f"Another program works on this home: {now[name]}." for name in now.keys() - before.keys()]
        went = [f"The other program has ended: {before[name]}." for name in before.keys() - now.keys()]
        return [*sorted(came), *sorted(went)]

    def close(self) -> None:
        """Let others know that this program has ended; may be called twice."""
        self._lock.free(remove=True)

    def _look(self) -> dict[str, Program]:
        try:
            files = [file for file in self._folder.glob("program-*.lock") if file.name != self._file.name]
            return {file.name: found for file in files if (found := _program(file)) is not None}
        except OSError:
            return {}


def _program(file: Path) -> Program | None:
    """Return whose file this is; None if nobody holds it, or it does not say.  One left by a crash is removed."""
    try:
        if not is_held(file):
            if time.time() - file.stat().st_mtime > STALE_S:
                file.unlink(missing_ok=True)
            return None
        with file.open("rb") as stream:
            told = json.loads(stream.read(MOST_BYTES))
        return Program(int(told["process"]), str(told["what"]), datetime.fromisoformat(told["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _what() -> str:
    """Return the command this program was called with, such as ``run``; '' if it is no station's."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    return words[0] if words and (name.startswith("station") or name in ("__main__.py", "start.py")) else ""
