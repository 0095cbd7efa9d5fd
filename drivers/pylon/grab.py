"""This module grabs from an opened Basler camera: buffers become line blocks, failures become gaps."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers import abandoned
from drivers.camera import CameraGoneError, LineBlock
from drivers.pylon.configure import Delivery
from drivers.pylon.features import Features, in_short
from drivers.pylon.position import BlockNumbers, ClothPosition, HostClock

LOG = logging.getLogger("drivers.pylon")

MOST_BUFFERS, LEAST_BUFFERS, BUFFER_BYTES = 64, 4, 2**27
"""As many blocks may wait in pylon as these bytes hold, within these bounds."""

CLOSING_S = 2.5
POLL_S = 0.1
"""The encoder's counter is read this often between two blocks."""

_FIRST_NUMBER = {"BaslerGigE": 1, "BaslerUsb": 0, "BaslerCamEmu": 0}
"""By device class, the first block has this number, as pylon's documentation of ``BlockID`` says; others: unknown."""

_GIGE_NUMBERS = 65535
"""Without extended ids the block numbers of GigE cameras go from 1 to this, and begin again."""

_open: weakref.WeakSet[Grab] = weakref.WeakSet()
_kept: list[Grab] = []
"""These are kept for ever, so that no destructor of pylon runs on what hangs."""


@dataclass(frozen=True)
class GrabCounts:
    """Grab counts say how many blocks came whole, came damaged (``failed``) and never came (``lost``)."""

    blocks: int = 0
    failed: int = 0
    lost: int = 0

    def __add__(self, other: GrabCounts) -> GrabCounts:
        return GrabCounts(self.blocks + other.blocks, self.failed + other.failed, self.lost + other.lost)


class Grab:
    """A grab runs from the moment it is made until :meth:`close`.  Every buffer is taken, in order, and copied once.

    Args:
        device: an opened and set up ``pylon.InstantCamera``, closed and destroyed with the grab.
        pylon, genicam: the modules of pypylon.

    Raises:
        genicam.GenericException: it did not start.
    """

    def __init__(
        self, device: Any, pylon: Any, genicam: Any, camera_id: str, delivery: Delivery, position: ClothPosition
    ) -> None:
        self.device = device
        self._pylon = pylon
        self._genicam = genicam
        self._camera_id = camera_id
        self._delivery = delivery
        self._position = position
        self._features = Features(device.GetNodeMap(), genicam, camera_id)
        self._numbers = _numbers(self._features, device.GetDeviceInfo().GetDeviceClass())
        self._clock = HostClock()
        self._ns_per_tick = 1e9 / (self._features.number("GevTimestampTickFrequency") or 1e9)
        self._pixels = _pixel_reader(pylon, self._features.text("PixelFormat"), delivery.channels)
        self._expected = (delivery.lines, delivery.width_px, 3)[: 2 if delivery.channels == 1 else 3]
        self._reading = threading.Lock()
        self._closing = False
        self._place = -1
        self._polled_s = 0.0
        self.counts = GrabCounts()
        block_bytes = self._features.whole("PayloadSize") or delivery.lines * delivery.width_px
        device.MaxNumBuffer.Value = min(max(BUFFER_BYTES // block_bytes, LEAST_BUFFERS), MOST_BUFFERS)
        device.StartGrabbing(pylon.GrabStrategy_OneByOne)
        _open.add(self)

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block, None if none came or it came damaged.  Raises CameraGoneError."""
        with self._reading:
            if self._closing:
                return None
            try:
                if self.device.IsCameraDeviceRemoved():
                    raise CameraGoneError(f"Camera {self._camera_id} was unplugged.")
                self._poll()
                timeout = self._pylon.TimeoutHandling_Return
                with self.device.RetrieveResult(max(round(timeout_s * 1000), 1), timeout) as result:
                    return self._block(result) if result.IsValid() and not self._closing else None
            except self._genicam.GenericException as error:
                if self._closing:
                    return None
                raise CameraGoneError(f"Camera {self._camera_id} was lost by pylon ({in_short(error)}).") from error

    def pulses(self) -> int | None:
        """Return the encoder's counter now, None if there is none.  Raises genicam.GenericException."""
        counter = self._delivery.counter
        return self._features.whole(counter.feature) if counter and counter.feature else None

    def close(self) -> None:
        """Stop grabbing and close the device; returns after some seconds at the latest."""
        _open.discard(self)
        if not abandoned.returned_within(CLOSING_S, self.close_device, f"closing-{self._camera_id}"):
            _kept.append(self)

    def close_device(self, limit_s: float = -1) -> None:
        """Close in this thread; wait for a reader to return, for ever unless limited, and for pylon."""
        self._closing = True
        with suppress(self._genicam.GenericException):
            self.device.StopGrabbing()
        # A reader must be out of pylon before the device is closed.
        if self._reading.acquire(timeout=limit_s):
            with suppress(self._genicam.GenericException):
                self.device.Close()
                self.device.DestroyDevice()
            self._reading.release()

    def _block(self, result: Any) -> LineBlock | None:
        arrived_ns = time.monotonic_ns()
        place = self._numbers.place(result.BlockID)
        lost = max(place - self._place - 1, 0)
        self._place = max(place, self._place)
        self.counts += GrabCounts(lost=lost)
        pixels = self._pixels(result) if result.GrabSucceeded() else None
        if pixels is None or pixels.shape != self._expected:
            self.counts += GrabCounts(failed=1)
            LOG.info("Camera %s: block %d is damaged: %s", self._camera_id, place, result.ErrorDescription)
            return None
        self.counts += GrabCounts(blocks=1)
        camera_ns = round(result.TimeStamp * self._ns_per_tick)
        return LineBlock(
            pixels=pixels,
            first_line=self._position.block(place, self._chunk_pulses(result)),
            ticks_per_line=float(self._position.pulses_per_line),
            captured_ns=self._clock.captured_ns(camera_ns, arrived_ns),
            camera_id=self._camera_id,
            frame_lines=self._delivery.lines if self._delivery.is_area else 0,
        )

    def _poll(self) -> None:
        if self._delivery.counter and time.monotonic() - self._polled_s >= POLL_S:
            self._polled_s = time.monotonic()
            if (pulses := self.pulses()) is not None:
                self._position.poll(pulses)

    def _chunk_pulses(self, result: Any) -> int | None:
        counter = self._delivery.counter
        if counter is None or not counter.chunk or not result.IsChunkDataAvailable():
            return None
        return Features(result.GetChunkDataNodeMap(), self._genicam, self._camera_id).whole(counter.chunk)


def _numbers(features: Features, device_class: str) -> BlockNumbers:
    first = _FIRST_NUMBER.get(device_class)
    if device_class != "BaslerGigE":
        return BlockNumbers(first)
    for name in ("GevGVSPExtendedIDMode", "BslGevGVSPExtendedIDMode"):
        if features.choose(name, "On"):
            return BlockNumbers(first)
    return BlockNumbers(first, _GIGE_NUMBERS)


def _pixel_reader(pylon: Any, pixel_format: str, channels: int) -> Callable[[Any], NDArray[np.uint8] | None]:
    """Return the function that copies a grab result's pixels, as uint8 grey or RGB."""
    if pixel_format in ("Mono8", "RGB8", "RGB8Packed"):
        return _as_it_is
    converter = pylon.ImageFormatConverter()
    converter.OutputPixelFormat = pylon.PixelType_Mono8 if channels == 1 else pylon.PixelType_RGB8packed

    def converted(result: Any) -> NDArray[np.uint8] | None:
        if not converter.ImageHasDestinationFormat(result):
            result = converter.Convert(result)
        return _as_it_is(result)

    return converted


def _as_it_is(image: Any) -> NDArray[np.uint8] | None:
    try:
        pixels: NDArray[np.uint8] = image.Array
    except ValueError:  # a buffer of no size or of no known format
        return None
    return np.ascontiguousarray(pixels) if pixels.dtype == np.uint8 else None


def _close_all() -> None:
    """Close all grabs at the end of the process: pylon aborts it if it is unloaded while a camera grabs."""
    for grab in list(_open):
        grab.close_device(CLOSING_S)  # no thread can be started any more


atexit.register(_close_all)
