"""This module runs Basler line-scan and area cameras through pylon, and pylon's camera emulation (``PYLON_CAMEMU``).

pypylon is imported only when such a camera is opened: without it the other cameras still work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from drivers.camera import Camera, CameraError, CameraGoneError, EncoderReading, LineBlock, OutputLines
from drivers.notice import Notice, Severity
from drivers.pylon.configure import Delivery, light_of, set_up
from drivers.pylon.devices import EMULATED, close_device, find_device, load_pylon
from drivers.pylon.features import Features, in_short
from drivers.pylon.grab import Grab, GrabCounts
from drivers.pylon.position import ClothPosition
from drivers.pylon.settings import PylonSettings

LOG = logging.getLogger("drivers.pylon")


class PylonCamera(Camera):
    """A pylon camera is one Basler camera, found by its serial number.

    It is opened once to set it up and to learn what it delivers, and closed again; ``start`` opens it anew, so that a
    camera that was unplugged is found again wherever it comes back.  The settings it did not take stand in
    :attr:`refused` and reach the line as notices (:meth:`take_notices`).

    Lines are numbered as :class:`drivers.pylon.position.ClothPosition` says: from encoder pulses, else from the
    camera's block numbers, so that blocks lost on the way leave a gap.  Without an encoder the camera runs freely and
    takes cloth to move at its line rate all the time; how much passed while it was away is then an estimate.  If the
    camera does not report the encoder's counter, a camera that sends nothing looks like standing cloth.  A camera that
    is away cannot report it either: what passed shows once it is back, and a roll that ends before lacks it.  A
    counter that the machine's link reads (``pulses_per_line`` of ``[machine]``) solves both.  Line 0 is where this
    camera was first started: neighbours across one web agree only if they were started while the machine stood.

    Args:
        settings: see :class:`drivers.pylon.settings.PylonSettings`.

    Raises:
        CameraError: pypylon is missing, no such camera, it is in use, or it cannot be set up.
    """

    def __init__(self, settings: PylonSettings) -> None:
        self._told = settings
        self._settings = settings
        self._overrides: set[str] = set()
        self._pylon, self._genicam = load_pylon()
        self.grab: Grab | None = None
        self._turn = 0
        self._turning = threading.Lock()
        self._notices: list[Notice] = []
        self._output_lock = threading.Lock()
        self._earlier = GrabCounts()
        self.refused: tuple[str, ...] = ()
        device = self._open()
        try:
            self._delivery = self._set_up(device)
            self._light = light_of(self._features(device))
        except self._genicam.GenericException as error:
            raise CameraError(f"Camera {self.camera_id} cannot be set up ({in_short(error)}).") from error
        finally:
            close_device(device)
        self._position = _position(self._settings, self._delivery)

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._settings.name

    @property
    def serial(self) -> str:
        """Return the serial number of the device."""
        return self._settings.serial

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return self._delivery.width_px

    @property
    def channels(self) -> int:
        """Return 1 (Mono) or 3 (Bayer and RGB)."""
        return self._delivery.channels

    @property
    def waits(self) -> bool:
        """Return False: cloth runs regardless."""
        return False

    @property
    def mm_per_px(self) -> float | None:
        """Return the scale of both axes as the settings give it."""
        return self._settings.mm_per_px

    @property
    def runs_freely(self) -> bool:
        """Return True without an encoder: lines are then counted by time."""
        return self._settings.encoder is None

    @property
    def delivery(self) -> Delivery:
        """Return what the camera delivers, as it was set up."""
        return self._delivery

    @property
    def counts(self) -> GrabCounts:
        """Return the blocks delivered, failed and lost so far, over all starts."""
        grab = self.grab
        return self._earlier if grab is None else self._earlier + grab.counts

    @property
    def estimated_lines(self) -> int:
        """Return the estimate of how many lines passed while the camera was away."""
        return self._position.estimated_lines

    @property
    def output_lines(self) -> OutputLines:
        """Return the camera itself, which switches its own lines; see :meth:`set_output`."""
        return self

    def start(self) -> None:
        """Find the camera, set it up and begin to deliver.

        Raises:
            CameraGoneError: it is not there (any more).
            CameraError: it is in use, or came back as another: other width, height or pixel format.
        """
        turn = self._end_turn()
        device = self._open(known=True)
        try:
            delivery = self._set_up(device)
            if delivery.shape != self._delivery.shape:
                raise CameraError(
                    f"Camera {self.camera_id} now delivers {_in_words(delivery)} instead of "
                    f"{_in_words(self._delivery)}; restart the station."
                )
            grab = Grab(device, self._pylon, self._genicam, self.camera_id, delivery, self._position)
            pulses = grab.pulses()
        except self._genicam.GenericException as error:
            close_device(device)
            raise CameraGoneError(f"Camera {self.camera_id} did not start ({in_short(error)}).") from error
        except CameraError:
            close_device(device)
            raise
        with self._turning:
            if turn == self._turn:
                self._position.begin(delivery.lines_per_s, pulses)
                self._delivery = delivery
                self.grab = grab
                return
        grab.close()  # this start hung in pylon until it was abandoned
        raise CameraGoneError(f"Camera {self.camera_id} was stopped while it started.")

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block, or None if none came in time or it came damaged.

        Raises:
            CameraGoneError: the camera was unplugged, or pylon lost it.
        """
        grab = self.grab
        if grab is None:
            threading.Event().wait(timeout_s)
            return None
        return grab.read(timeout_s)

    def encoder(self) -> EncoderReading:
        """Return where the cloth is, as far as this camera can know; asks nothing of the device."""
        return self._position.reading()

    def stop(self) -> None:
        """Stop and close the camera.  A call that hangs in pylon is abandoned after some seconds."""
        self._end_turn()

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Take ``exposure_us`` and ``gain_db`` as overrides, from the next start on.

        They take precedence over the settings.  Without an override the settings hold again, and where those say
        nothing, what the camera had before the first override.
        """
        before = {
            name: self._light[name] for name in self._overrides if name in self._light and not self._is_told(name)
        }
        self._overrides |= overrides.keys()
        self._settings = self._told.with_light({**before, **overrides})
        self._notices = _warnings(self.refused)  # reported anew with each roll
        return ()

    def set_output(self, name: str, on: bool) -> None:
        """Switch one of the camera's output lines, such as ``Line2``.

        Raises:
            CameraError: the camera is not open, or has no such output.
        """
        grab = self.grab
        if grab is None:
            raise CameraError(
                f"Output {name} of camera {self.camera_id} cannot be set while the camera is not running."
            )
        with self._output_lock:
            try:
                done = _switch_output(self._features(grab.device), name, on)
            except self._genicam.GenericException as error:
                raise CameraError(f"Output {name} of camera {self.camera_id} was not set: {in_short(error)}") from error
        if not done:
            raise CameraError(
                f"Camera {self.camera_id} has no output {name} that a program can set; choose another line."
            )

    def take_notices(self) -> list[Notice]:
        """Return the notices since the last call: a warning for each setting that was not taken."""
        notices = self._notices
        self._notices = []
        return notices

    def _end_turn(self) -> int:
        """Close the current grab and invalidate any start under way.  Returns the number of the next turn."""
        with self._turning:
            self._turn += 1
            turn = self._turn
            grab = self.grab
            self.grab = None
        if grab is not None:
            grab.close()
            self._earlier = self._earlier + grab.counts
        return turn

    def _is_told(self, name: str) -> bool:
        """Return whether the settings set this value."""
        told = self._told.gain_raw is not None and name == "gain_db"
        return told or getattr(self._told, name) is not None

    def _features(self, device: Any) -> Features:
        return Features(device.GetNodeMap(), self._genicam, self.camera_id)

    def _open(self, known: bool = False) -> Any:
        """Return the opened device; ``known``: it was there before, so it may come back."""
        found = find_device(self._pylon, self._genicam, self.serial, known)
        if self._settings.image_folder is None and found.GetDeviceClass() == EMULATED:
            LOG.info("Camera %s is an emulation and shows a test picture; image_folder gives it cloth.", self.camera_id)
        device = self._pylon.InstantCamera()
        try:
            device.Attach(self._pylon.TlFactory.GetInstance().CreateDevice(found))
            device.Open()
        except self._genicam.GenericException as error:
            close_device(device)
            raise CameraError(
                f"Camera {self.camera_id} is there but cannot be opened ({in_short(error)}); "
                "close other programs that use it, or wait some seconds if it was just unplugged."
            ) from error
        return device

    def _set_up(self, device: Any) -> Delivery:
        features = self._features(device)
        delivery = set_up(features, self._settings)
        refused = tuple(features.refused)
        if refused != self.refused:
            self.refused = refused
            self._notices = _warnings(refused)
        return delivery


def _warnings(sentences: Iterable[str]) -> list[Notice]:
    return [Notice(Severity.WARNING, sentence) for sentence in sentences]


def _position(settings: PylonSettings, delivery: Delivery) -> ClothPosition:
    encoder, counter = settings.encoder, delivery.counter
    return ClothPosition(
        step=delivery.step,
        lines=delivery.lines,
        pulses_per_line=1 if encoder is None else encoder.pulses_per_line,
        pulse_count=None if counter is None else counter.count,
    )


def _switch_output(features: Features, name: str, on: bool) -> bool:
    if not features.choose("LineSelector", name):
        return False
    features.choose("LineMode", "Output")
    outputs = [entry for entry in features.entries("LineSource") if entry.startswith("UserOutput")]
    # A line keeps the user output it has; else it takes the one of its own number, so that lines do not share one.
    wanted = [features.text("LineSource"), f"UserOutput{name[-1:]}", *outputs]
    source = next((entry for entry in wanted if entry in outputs), None)
    if source is None or not features.choose("LineSource", source):
        return False
    features.choose("UserOutputSelector", source)
    return features.assign("UserOutputValue", on)


def _in_words(delivery: Delivery) -> str:
    return f"{delivery.width_px} x {delivery.lines} px in {delivery.channels} channels"
