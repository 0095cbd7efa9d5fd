"""Every camera is a Camera, and one that stands before another forgets nothing of what that one can say."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import numpy as np
import pytest

import drivers
import station
from drivers.camera import Camera
from drivers.memory import MemoryCamera
from drivers.wrapped import WrappedCamera

PUBLIC = sorted(name for name in vars(Camera) if not name.startswith("_"))
NOT_TO_IMPORT = ("__main__", ".migrations.")
"""Modules that do something when they are imported."""


def classes() -> Iterator[type]:
    """Every class that drivers and the core define."""
    for package in (drivers, station):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if any(part in found.name for part in NOT_TO_IMPORT):
                continue
            module = importlib.import_module(found.name)
            yield from (
                each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == found.name
            )


def test_whatever_is_read_as_a_camera_is_one() -> None:
    calls = ("start", "read", "encoder", "stop")
    cameras = {found for found in classes() if all(callable(getattr(found, call, None)) for call in calls)}
    names = {camera.__name__ for camera in cameras}
    assert {"ReplayCamera", "PylonCamera", "JoinedCamera", "RecordingCamera", "CalibratedCamera", "Section"} <= names
    assert [camera for camera in cameras if not issubclass(camera, Camera)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_wrapped_camera_hands_on_what_its_camera_answers(name: str) -> None:
    asked: list[tuple[object, ...]] = []
    answer = object()

    def ask(_self: object, *given: object) -> object:
        asked.append(given)
        return answer

    member = vars(Camera)[name]
    is_property = isinstance(member, property)
    camera = type("Spied", (Camera,), {name: property(ask) if is_property else ask})
    camera.__abstractmethods__ = frozenset()  # only this one member is asked for
    wrapped = WrappedCamera(camera())
    if is_property:
        assert getattr(wrapped, name) is answer
        return
    given = tuple(object() for _ in list(inspect.signature(member).parameters)[1:])
    told = getattr(wrapped, name)(*given)
    assert asked == [given]
    assert told is (None if inspect.signature(member).return_annotation == "None" else answer)


def test_a_camera_that_says_no_more_than_it_must_claims_nothing() -> None:
    plain = MemoryCamera(np.zeros((256, 8), np.uint8))
    assert (plain.serial, plain.mm_per_px, plain.total_lines, plain.output_lines) == ("", None, None, None)
    assert (plain.joints_px, plain.unrecorded, plain.trouble, plain.take_notices()) == ((), (), "", [])
    assert (plain.runs_freely, plain.estimated_lines) == (False, 0)
    assert plain.apply_overrides({}) == ()
    assert plain.apply_overrides({"exposure_us": 80.0}) == ("exposure_us",)
