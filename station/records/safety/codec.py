"""This module writes entries of the records as lines of text and reads them back: checked, and never by pickle."""

from __future__ import annotations

import base64
import io
import json
import zlib
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from station.contract import (
    Acknowledged,
    ClothDiffers,
    ColumnsInspected,
    Defect,
    DefectChanged,
    DefectKind,
    Fault,
    Ledger,
    MarkKind,
    Notice,
    RollEnded,
    RollMark,
    RowJudged,
    Severity,
    StopChanged,
    StopStep,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.records.rolls import Entry
from station.state.defect import DefectSeverity, Look

_RECORDS = (
    Acknowledged, ClothDiffers, ColumnsInspected, Defect, DefectChanged, Fault, Ledger, Notice, RollEnded, RollMark,
    RowJudged, StopChanged, Stretch, StretchClosed,
)  # fmt: skip
_WORDS = (DefectKind, DefectSeverity, Look, MarkKind, Severity, StopStep, UninspectedReason)
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (*_RECORDS, *_WORDS)}


def as_line(content: dict[str, Any]) -> bytes:
    """Return JSON-able content as one line with its CRC-32 in front."""
    body = json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def content_of(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None if it is torn or damaged."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def entry_content(entry: Entry, number: int) -> dict[str, Any]:
    """Return an entry as JSON-able content; ``number`` gives its place among all that was told."""
    return {
        "number": number,
        "roll": entry.roll_id,
        "at": entry.at.isoformat(),
        "clock_shift_s": entry.clock_shift_s,
        "event": _packed(entry.event),
    }


def entry_of(content: dict[str, Any]) -> Entry:
    """Return the entry of :func:`entry_content`.  Raises ValueError if it is none."""
    try:
        at, shift_s = datetime.fromisoformat(content["at"]), float(content["clock_shift_s"])
        return Entry(int(content["roll"]), _unpacked(content["event"]), at, shift_s)
    except Exception as error:
        raise ValueError(f"it holds no event of this station: {type(error).__name__}: {error}") from error


def _packed(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__} | {one.name: _packed(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, StrEnum):
        return {"is": type(value).__name__, "word": value.value}
    if isinstance(value, np.ndarray):
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"is": "array", "npy": base64.b64encode(file.getvalue()).decode("ascii")}
    if isinstance(value, np.generic):
        return value.item()
    return value


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kind, given = value["is"], {name: part for name, part in value.items() if name != "is"}
    if kind == "array":
        return np.load(io.BytesIO(base64.b64decode(given["npy"])), allow_pickle=False)
    if issubclass(_TYPES[kind], StrEnum):
        return _TYPES[kind](given["word"])
    return _TYPES[kind](**{name: _unpacked(part) for name, part in given.items()})
