"""This module checks whether a window can be opened here, by another process (Qt aborts the one in which it cannot)."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"
PROBE_S = 20.0
NEED_NO_SERVER = ("offscreen", "minimal")


def has_display() -> bool:
    """Say whether Qt can open a window: the display server answers, grants access, and Qt's libraries are there."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.split(":")[0] in NEED_NO_SERVER or (not platform and sys.platform in ("win32", "darwin")):
        return True
    if not platform and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return _qt_starts()


def _qt_starts() -> bool:
    try:
        probe = subprocess.run([sys.executable, "-P", "-c", PROBE], capture_output=True, timeout=PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0
