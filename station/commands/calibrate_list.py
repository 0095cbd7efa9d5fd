"""This module lists the calibrations on record for the command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from station.local_time import dated
from station.records.reading.home import open_history


def list_calibrations(home: Path, camera_id: str | None) -> list[dict[str, object]]:
    """Return the calibrations on record, newest first: of one camera, or all with None.

    Raises:
        RecordsError: there are no records, or they cannot be read.
    """
    now = datetime.now(UTC)
    with open_history(home) as history:
        rows = history.calibrations(camera_id)
    return [
        {
            "calibration": row.id,
            "kind": row.kind,
            "camera": row.camera_id,
            "serial": row.serial,
            "width_px": row.width_px,
            "made_at": row.made_at.isoformat(timespec="seconds"),
            "age_days": round((now - row.made_at).total_seconds() / 86400, 1),
            "by": row.made_by,
            "residual": row.residual,
            "residual_unit": row.residual_unit,
        }
        for row in rows
    ]


def as_table(found: list[dict[str, object]]) -> str:
    """Format the calibrations as a table for a terminal."""
    if not found:
        return "No calibrations on record."
    return "\n".join(
        f"{row['calibration']:>4}  {row['kind']:9}  {row['camera']}"
        + (f" ({row['serial']})" if row["serial"] and row["serial"] != row["camera"] else "")
        + f"  {dated(datetime.fromisoformat(str(row['made_at'])))} by {row['by']}"
        + ("" if row["residual"] is None else f"  residual {row['residual']:.3g} {row['residual_unit']}")
        for row in found
    )
