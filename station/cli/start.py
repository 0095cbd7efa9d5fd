"""This module is where the ``station`` command begins: from its first line on, a signal ends the program.

All else is imported only then, which takes seconds.  Nothing is open meanwhile that would have to be closed.
"""

from __future__ import annotations

import os
import signal


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)


def main() -> None:
    """Run the program; see :func:`station.cli.app.main`."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from station.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
