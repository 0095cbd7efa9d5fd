"""This module puts Qt's messages into the log, critical ones also before people: nobody reads a station's stderr."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QtMsgType, qInstallMessageHandler

from station import last_resort
from station.records.store import Store

FATAL_S = 2.0
"""Qt is kept from ending the process for this long, so that the records get to disk."""

MOST_KINDS = 256

_LEVELS = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO}
_KINDS = {QtMsgType.QtCriticalMsg: "Qt critical", QtMsgType.QtFatalMsg: "Qt fatal"}

log = logging.getLogger("station.qt")


@contextlib.contextmanager
def qt_messages_told(store: Store) -> Iterator[None]:
    """Tell Qt's messages meanwhile: warnings in the log, critical and fatal ones also on the screen and in the audit.

    The handler from before hears all of them.  The new one may be called in any thread and in the middle of painting,
    so it touches neither widgets nor signals.
    """
    seen: dict[str, int] = {}

    def hear(kind: QtMsgType, where: Any, text: str) -> None:
        with contextlib.suppress(Exception):  # an exception raised into Qt would end the process
            if kind in _KINDS:
                is_end = kind is QtMsgType.QtFatalMsg
                last_resort.tell_text(_KINDS[kind], text, last_resort.LOST_WINDOW if is_end else last_resort.WINDOW)
            elif (times := _times(seen, text)).bit_count() == 1:
                log.log(_LEVELS.get(kind, logging.WARNING), "Qt: %s%s", text, f" ({times} times)" * (times > 1))
            if kind is QtMsgType.QtFatalMsg:
                last_resort.settle()
                store.flush(FATAL_S)
            if before is not None:
                before(kind, where, text)

    before = qInstallMessageHandler(hear)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


def _times(seen: dict[str, int], text: str) -> int:
    """Count this message and return how often Qt has said it, whatever numbers are in it."""
    key = re.sub("[0-9]+", "", text)
    if key not in seen and len(seen) >= MOST_KINDS:
        seen.clear()
    seen[key] = seen.get(key, 0) + 1
    return seen[key]
