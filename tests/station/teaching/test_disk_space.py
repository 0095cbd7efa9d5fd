"""A teach-in asks for its room before anything is begun."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from model import checkpoint
from model.encoder import Light
from model.mfrnet import MFRNetConfig, blank
from station.contract import StationError
from station.teaching import disk_space
from station.teaching.disk_space import RECORDS_BYTES, Room, check_room, needed

SMALL = MFRNetConfig(channels=24, width=32, steps=12)


@pytest.fixture(scope="module")
def small_encoder() -> Light:
    torch.manual_seed(3)
    return Light((8, 16, 32), 48).eval()


def test_the_model_is_never_larger_than_reckoned(small_encoder: Light, tmp_path: Path) -> None:
    checkpoint.save(blank(SMALL, small_encoder, 0), tmp_path / "model.safetensors")
    room = needed(small_encoder, SMALL, 1000, 1, 4000)
    assert (tmp_path / "model.safetensors").stat().st_size <= room.model + 65536  # the header


def test_more_cloth_needs_more_pictures_up_to_a_bound(small_encoder: Light) -> None:
    little, much, unknown = (needed(small_encoder, SMALL, 1000, 1, lines).pictures for lines in (512, 10**7, None))
    assert little < much == unknown
    assert needed(small_encoder, SMALL, 1000, 3, None).pictures > unknown


@pytest.mark.field("full disk")
def test_a_disk_with_too_little_room_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    with pytest.raises(StationError) as refusal:
        check_room(tmp_path, Room(2_400_000, 14_000_000))
    said = str(refusal.value)
    assert "needs 21 MB" in said
    assert "only 3.0 MB are free" in said
    assert "nothing was begun" in said
    record_property("now", f"refused at the start of the teach-in: “{said.replace(str(tmp_path), 'HOME')}”")
    check_room(tmp_path, Room(1, 2_000_000 - RECORDS_BYTES))


def test_the_disk_of_temporary_files_is_asked_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk_space.tempfile, "gettempdir", lambda: "/small")
    free = {"/small": 1_000_000}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free.get(str(folder), 10**12)))
    with pytest.raises(StationError, match="on the disk of /small"):
        check_room(tmp_path, Room(2_400_000, 14_000_000))
