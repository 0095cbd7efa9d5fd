"""Cameras from settings, and what is plugged in."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import CameraError
from drivers.registry import (
    ReplaySettings,
    SimulatedSettings,
    list_cameras,
    open_camera,
)
from drivers.replay import ReplayCamera
from drivers.simulated.camera import SimulatedCamera
from tests.rigs.camera_settings import camera_settings


def test_settings_open_the_simulated_rig() -> None:
    settings = camera_settings(
        {"kind": "simulated", "width_px": 512, "seed": 3, "web_px": [10, 500], "faults": ["jitter"]}
    )
    assert settings == SimulatedSettings(width_px=512, seed=3, web_px=(10, 500), faults=("jitter",))
    camera = open_camera(settings)
    assert isinstance(camera, SimulatedCamera)
    assert (camera.width_px, camera.web_px, camera.waits) == (512, (10, 500), True)
    running = open_camera(SimulatedSettings(speed_m_per_min=20.0, camera_id="left"))
    assert (running.camera_id, running.waits) == ("left", False)


def test_settings_open_the_simulated_area_camera() -> None:
    settings = camera_settings({"kind": "simulated", "width_px": 256, "frame_lines": 128, "overlap_lines": 16})
    assert settings == SimulatedSettings(width_px=256, frame_lines=128, overlap_lines=16)
    camera = open_camera(settings)
    camera.start()
    try:
        first, second = camera.read(30.0), camera.read(30.0)
    finally:
        camera.stop()
    assert first is not None
    assert second is not None
    assert (first.first_line, first.end_line) == (0, 128)
    assert (second.first_line, second.end_line) == (112, 240)


def test_settings_open_a_folder(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 40), np.uint8))
    settings = camera_settings({"kind": "replay", "folder": str(tmp_path), "camera_id": "archive"})
    assert settings == ReplaySettings(folder=tmp_path, camera_id="archive")
    camera = open_camera(settings)
    assert isinstance(camera, ReplayCamera)
    assert (camera.camera_id, camera.width_px) == ("archive", 40)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "'kind'"),
        ({"kind": "periscope"}, "periscope"),
        ({"kind": "simulated", "width_px": 3}, "'width_px'"),
        ({"kind": "simulated", "colour": "red"}, "'colour'"),
        ({"kind": "simulated", "frame_lines": 4}, "'frame_lines'"),
        ({"kind": "simulated", "frame_lines": 5000}, "'frame_lines'"),
        ({"kind": "simulated", "frame_lines": 256, "overlap_lines": -1}, "'overlap_lines'"),
        ({"kind": "simulated", "frame_lines": 256, "overlap_lines": 256}, "cannot overlap by 256"),
        ({"kind": "simulated", "frame_lines": 256, "frame_falloff": 2}, "'frame_falloff'"),
        ({"kind": "simulated", "overlap_lines": 16}, "frame_lines"),
        ({"kind": "replay"}, "'folder'"),
        ({"kind": "simulated", "style": "felt"}, "felt"),
        ({"kind": "simulated", "faults": ["gremlins"]}, "gremlins"),
        ({"kind": "replay", "folder": "/no/such/folder"}, "does not exist"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(data: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words) as caught:
        open_camera(camera_settings(data))
    assert "\n" not in str(caught.value)


def test_cameras_are_listed_with_those_pylon_emulates(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pypylon")
    monkeypatch.setenv("PYLON_CAMEMU", "2")
    cameras = list_cameras()
    assert cameras[0]["kind"] == "simulated"
    emulated = [camera for camera in cameras if camera["kind"] == "pylon" and camera["emulated"]]
    assert len(emulated) == 2
    assert len({camera["serial"] for camera in emulated}) == 2


def test_without_pylon_the_simulated_camera_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypylon", None)
    assert [camera["kind"] for camera in list_cameras()] == ["simulated"]
