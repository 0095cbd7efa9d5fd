"""Several cameras from a station's settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import CameraError
from drivers.joined.alignment import Part
from drivers.joined.camera import JoinedCamera
from drivers.registry import JoinedSettings, open_camera
from station.settings import load_settings
from tests.rigs.camera_settings import camera_settings
from tests.rigs.places import DOCS

EXAMPLE = DOCS / "two-cameras.toml"


def with_changes(number: int = 1, **changes: object) -> dict[str, object]:
    """The example's camera table with something changed for one of its cameras."""
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["camera"]
    table["cameras"][number].update(changes)
    return table


def test_the_example_opens_two_cameras_above_one_loom() -> None:
    camera = open_camera(load_settings(EXAMPLE).camera)
    assert isinstance(camera, JoinedCamera)
    assert (camera.width_px, camera.channels, camera.waits, camera.mm_per_px) == (2048, 1, False, 0.5)
    assert camera.joints_px == (1024,)
    assert camera.parts == (Part(0, 1024, 0, 0), Part(1024, 2048, 76, 0))


@pytest.mark.parametrize(
    ("number", "changes", "words"),
    [
        (1, {"seed": 5}, "Cameras left and right view one simulated cloth; set 'seed' alike"),
        (1, {"speed_m_per_min": None}, "set 'speed_m_per_min' alike"),
        (1, {"view_px": [948, 2049]}, "Camera right cannot view columns 948 to 2049"),
        (0, {"view_px": [0, 100]}, "cannot overlap by 152"),
        (1, {"camera_id": "left"}, "named 'left'"),
        (1, {"faults": ["gremlins"]}, "gremlins"),
        (1, {"kind": "periscope"}, "periscope"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(number: int, changes: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        open_camera(camera_settings(with_changes(number, **changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"cameras": []}, "cameras"), ({"joints": []}, "2 cameras have 1 joints"), ({"joints": [{}]}, "overlap_px")],
)
def test_cameras_and_joints_are_counted(changes: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        open_camera(camera_settings({**with_changes(), **changes}))


def test_folders_of_joined_cameras_count_from_the_settings_file(tmp_path: Path) -> None:
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        assert cv2.imwrite(str(tmp_path / side / "a.png"), np.zeros((8, 40), np.uint8))
    tables = "".join(
        f'[[camera.cameras]]\nkind = "replay"\ncamera_id = "{s}"\nfolder = "{s}"\n' for s in ("left", "right")
    )
    text = f'[camera]\nkind = "joined"\n{tables}[[camera.joints]]\noverlap_px = 8\n[line]\nfabric = "demo"\n'
    (tmp_path / "station.toml").write_text(text, encoding="utf-8")
    settings = load_settings(tmp_path / "station.toml").camera
    assert isinstance(settings, JoinedSettings)
    assert open_camera(settings).width_px == 72
