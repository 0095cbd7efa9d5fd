"""Two neighbouring Basler cameras on pylon's emulation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.joined.camera import JoinedCamera
from drivers.registry import open_camera
from tests.rigs.camera_settings import camera_settings

pytest.importorskip("pypylon")

LINES, WIDTH, JOINED, PATIENCE_S = 32, 96, 172, 60.0


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[JoinedCamera]:
    cloth = np.random.default_rng(2).integers(1, 256, (LINES, JOINED), np.uint8)
    cameras = []
    for number, (side, first) in enumerate((("left", 0), ("right", JOINED - WIDTH))):
        (tmp_path / side).mkdir()
        assert cv2.imwrite(str(tmp_path / side / "0.bmp"), cloth[:, first : first + WIDTH])
        cameras.append(
            {
                "kind": "pylon",
                "serial": f"0815-000{number}",
                "camera_id": side,
                "frame_rate_hz": 50.0,
                "gain_db": 1000.0,
                "image_folder": tmp_path / side,
            }
        )
    camera = open_camera(camera_settings({"kind": "joined", "cameras": cameras, "joints": [{"overlap_px": 20}]}))
    assert isinstance(camera, JoinedCamera)
    yield camera
    camera.stop()


def test_both_are_seen_and_heard(neighbours: JoinedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.joined.camera.LATE_START_S", PATIENCE_S)
    neighbours.start()
    told = [notice.text for notice in neighbours.take_notices()]
    for side in ("left", "right"):
        assert any(text.startswith(f"Camera {side} did not take a gain of 1000 dB") for text in told)
    assert [text for text in told if "Without an encoder lines are counted" in text]
    deadline = time.monotonic() + PATIENCE_S
    while (block := neighbours.read(1.0)) is None or block.blind_px:
        assert time.monotonic() < deadline
    assert block.pixels.shape[1] == JOINED
    assert block.pixels.any(axis=0).all()
