"""This module refuses a teach-in at its start where the disk could not hold what it writes at its end."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from model.encoder import Encoder
from model.mfrnet import MFRNetConfig, blank
from model.scorer import TILE_PX
from station.contract import StationError
from station.teaching.suspect_pictures import MOST_PICTURES

RECORDS_BYTES = 4 << 20
"""The recipe, the audit and the database's own log take less."""
WEB_PICTURE_BYTES = 2 << 20


@dataclass(frozen=True)
class Room:
    """The room says how many bytes a teach-in writes at most: the model, and pictures of the cloth."""

    model: int
    pictures: int

    @property
    def in_home(self) -> int:
        """Give the bytes that the home's disk must have free."""
        return self.model + self.pictures + RECORDS_BYTES


def needed(encoder: Encoder, config: MFRNetConfig | None, width_px: int, channels: int, lines: int | None) -> Room:
    """Reckon what a teach-in writes.

    Args:
        encoder, config: of the network.
        width_px, channels: of the cloth's pictures.
        lines: how many there are, None where that is not known.
    """
    network = blank(config or MFRNetConfig(), encoder, 0)
    model = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    tiles = MOST_PICTURES if lines is None else -(-2 * width_px * lines // TILE_PX**2)  # tiles overlap
    suspects = min(MOST_PICTURES, tiles) * TILE_PX**2 * channels
    return Room(model, suspects + WEB_PICTURE_BYTES)


def check_room(home: Path, room: Room) -> None:
    """Refuse if the home's disk, or that of temporary files, has less room.

    Raises:
        StationError: it says how much is needed and how much there is.
    """
    _check(home, room.in_home, f"the model {_megabytes(room.model)}, pictures up to {_megabytes(room.pictures)}")
    _check(Path(tempfile.gettempdir()), room.model, "the model, before it moves to the home")


def _check(folder: Path, wanted: int, what: str) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # whoever writes there says it better
    if free < wanted:
        raise StationError(
            f"A teach-in needs {_megabytes(wanted)} on the disk of {folder} ({what}), but only {_megabytes(free)} are "
            "free: make room and teach again; nothing was begun."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 9.5e6 else f"{count / 1e6:.1f} MB"
