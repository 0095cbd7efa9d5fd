"""Whether a window can be opened here, found out without Qt (which aborts the process where it cannot)."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """True with a display server.  A set ``QT_QPA_PLATFORM`` counts as one."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return True
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
