"""This module finds the Basler cameras that are plugged in, and loads pypylon."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from drivers.camera import CameraError, CameraGoneError
from drivers.pylon.features import in_short

EMULATED = "BaslerCamEmu"
"""pylon's camera emulation has this device class."""


def list_pylon_cameras() -> list[dict[str, str | bool]]:
    """List every Basler device (or emulation) that is plugged in: ``kind``, ``name``, ``serial`` and ``emulated``.

    A device that cannot be enumerated has ``error``; without pypylon the list is empty.
    """
    try:
        pylon, genicam = load_pylon()
    except CameraError:
        return []
    try:
        devices = pylon.TlFactory.GetInstance().EnumerateDevices()
    except genicam.GenericException as error:
        return [{"kind": "pylon", "name": "", "serial": "", "emulated": False, "error": in_short(error)}]
    return [
        {
            "kind": "pylon",
            "name": str(device.GetFriendlyName()),
            "serial": str(device.GetSerialNumber()),
            "emulated": device.GetDeviceClass() == EMULATED,
        }
        for device in devices
    ]


def load_pylon() -> tuple[Any, Any]:
    """Return the modules ``pypylon.pylon`` and ``pypylon.genicam``.  Raises CameraError."""
    try:
        from pypylon import genicam, pylon
    except (ImportError, OSError) as error:
        raise CameraError(
            f"Basler cameras need pypylon, which cannot be loaded here ({error}); install it: pip install pypylon."
        ) from error
    return pylon, genicam


def find_device(pylon: Any, genicam: Any, serial: str, known: bool) -> Any:
    """Return pylon's device info of the camera with this serial number.

    Raises:
        CameraGoneError: it is not there, but was (``known``).
        CameraError: there is no such camera; those that are there are named.
    """
    try:
        devices = pylon.TlFactory.GetInstance().EnumerateDevices()
    except genicam.GenericException as error:
        raise CameraError(f"Basler cameras cannot be looked for: {in_short(error)}") from error
    for device in devices:
        if device.GetSerialNumber() == serial:
            return device
    if known:
        raise CameraGoneError(f"Camera {serial} is not there; check its cable and power.")
    there = ", ".join(str(device.GetSerialNumber()) for device in devices)
    if not there:
        raise CameraError(
            f"No Basler camera is there, so not {serial} either; check cable and power "
            "(the emulation needs PYLON_CAMEMU=1 in the environment)."
        )
    raise CameraError(f"There is no Basler camera with serial number {serial}; there are: {there}.")


def close_device(device: Any) -> None:
    """Close and release a device that nobody reads.  Never raises."""
    with suppress(Exception):
        device.Close()
    with suppress(Exception):
        device.DestroyDevice()
