"""This module gets a calibration's pictures from a folder, a file, or the camera that the settings name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EndOfClothError, LineBlock
from drivers.registry import open_camera
from drivers.replay import ReplayCamera
from station.commands.session import say_notice
from station.contract import StationError
from station.settings import Settings

SILENCE_S = 20.0
"""A camera may send nothing for this long before the command gives up."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraName:
    """This class identifies the camera that is calibrated: its name, the device's serial number ('' if not known), its
    number of columns (None if not known), and, if several cameras are joined, the columns where the next picture
    begins."""

    camera_id: str
    serial: str = ""
    width_px: int | None = None
    joints_px: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraSource:
    """A source gives pictures, and names the camera they were taken with.

    Attributes:
        camera: the camera to read: a folder that is played, or the real camera.
        of: the camera that is calibrated.
        live: whether ``camera`` is that camera, whose cloth has no end.
    """

    camera: Camera
    of: CameraName
    live: bool


def open_source(images: Path | None, settings: Settings | None, camera_id: str | None) -> CameraSource:
    """Open the pictures of ``images``, else the camera of ``settings``; with ``settings`` the calibration is for their
    camera, named ``camera_id`` if that is given.

    Raises:
        CameraError: the pictures cannot be read, or the camera cannot be opened.
        StationError: neither is given, or the pictures do not fit the camera.
    """
    mine = None if settings is None else open_camera(settings.camera)
    if images is None and mine is None:
        raise StationError("Name pictures with --images, or the settings of the camera to take them with --config.")
    if images is None:
        assert mine is not None
        return CameraSource(mine, _named(mine, camera_id), live=True)
    shown = ReplayCamera([images] if images.is_file() else images)
    for notice in shown.take_notices():
        say_notice(notice)
    if mine is None:
        return CameraSource(shown, _named(shown, camera_id), live=False)
    if shown.width_px != mine.width_px:
        raise StationError(
            f"The pictures of {images} are {shown.width_px} columns wide, but camera {mine.camera_id} has "
            f"{mine.width_px}; take them with this camera at the region it runs with."
        )
    return CameraSource(shown, _named(mine, camera_id), live=False)


def _named(camera: Camera, camera_id: str | None) -> CameraName:
    return CameraName(camera_id or camera.camera_id, camera.serial, camera.width_px, camera.joints_px)


def cloth(source: CameraSource, lines: int) -> Callable[[], Iterable[LineBlock]]:
    """Return a function that gives all blocks of a folder, replayed at each call; from a live camera it gives the same
    blocks each time, enough for ``lines`` lines.

    Raises:
        CameraError: the source failed.
        StationError: the camera sends nothing for too long.
    """
    if not source.live:
        return lambda: played(source.camera)
    taken: list[LineBlock] = []
    for block in played(source.camera):
        taken.append(block)
        if sum(one.lines for one in taken) >= lines:
            break
    return lambda: taken


def pictures(source: CameraSource, lines: int) -> list[Picture]:
    """Return each image of a folder; from a live camera one picture of at most ``lines`` consecutive lines.

    Raises:
        CameraError: the source failed.
        StationError: the camera sends nothing.
    """
    if source.live:
        return [_one_picture(source.camera, lines)]
    pieces: dict[str | None, list[Picture]] = {}
    for block in played(source.camera):
        pieces.setdefault(block.piece, []).append(block.pixels)
    return [np.concatenate(parts) for parts in pieces.values()]


def _one_picture(camera: Camera, lines: int) -> Picture:
    """Take consecutive lines: an area camera's frame, or a line-scan camera's blocks joined."""
    taken: list[LineBlock] = []
    for block in played(camera):
        if taken and block.first_line != taken[-1].end_line:
            break  # the next frame, or lines were lost: the consecutive lines so far are the picture
        taken.append(block)
        if sum(one.lines for one in taken) >= lines:
            break
    return np.concatenate([block.pixels for block in taken])[:lines]


def played(camera: Camera, cancelled: Callable[[], bool] = lambda: False) -> Iterator[LineBlock]:
    """Yield the blocks that all cameras saw until the cloth ends, ``cancelled`` returns True, or the caller stops.

    Raises:
        CameraError: the camera failed.
        StationError: it sends nothing.
    """
    if isinstance(camera, ReplayCamera):
        camera.rewind()
    camera.start()
    heard = time.monotonic()
    try:
        while not cancelled():
            block = camera.read(0.2)
            if block is not None and not block.blind_px:  # else one of several cameras is missing from it
                heard = time.monotonic()
                yield block
            elif time.monotonic() - heard > SILENCE_S:
                raise StationError(
                    f"Camera {camera.camera_id} sent nothing for {SILENCE_S:.0f} s; let the machine run and look at "
                    "its trigger."
                )
    except EndOfClothError:
        return
    finally:
        camera.stop()
