"""This module sets a Basler camera's features as the settings say, and reports what it then delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drivers.camera import CameraError
from drivers.images import image_metadata
from drivers.pylon.encoder import PulseCounter, encoder_triggers
from drivers.pylon.features import Features
from drivers.pylon.settings import LONGEST_BLOCK_S, PylonSettings

EMULATED_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg"})
"""pylon's camera emulation plays pictures with these suffixes."""

EXPOSURE, GAIN = ("ExposureTimeAbs", "ExposureTime"), ("Gain", "GainAbs")
LINE_RATE = ("AcquisitionLineRateAbs", "AcquisitionLineRate")
RESULTING_LINE_RATE = ("ResultingLineRateAbs", "BslResultingAcquisitionLineRate")
FRAME_RATE = ("AcquisitionFrameRateAbs", "AcquisitionFrameRate")
RESULTING_FRAME_RATE = ("ResultingFrameRateAbs", "BslResultingAcquisitionFrameRate", "ResultingFrameRate")

SLOW_SHARE = 0.1
"""With an encoder, blocks are so short that they still come in time at this share of the fastest rate."""

SHORTFALL = 0.99
"""A camera that reaches less than this share of the rate asked for is reported."""


@dataclass(frozen=True)
class Delivery:
    """A delivery says what a camera delivers once set up.

    Attributes:
        width_px, lines, channels: of each block.
        step: new lines of each block.
        lines_per_s: rate of a camera that runs freely; None: triggered, or its rate cannot be known.
        counter: where the encoder's pulses can be read, None without an encoder.
        is_area: whether each block is a frame of an area camera.
    """

    width_px: int
    lines: int
    channels: int
    step: int
    lines_per_s: float | None
    counter: PulseCounter | None = None
    is_area: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return what must stay the same over a restart: lines, new lines, width and channels."""
        return self.lines, self.step, self.width_px, self.channels


def set_up(features: Features, settings: PylonSettings) -> Delivery:
    """Set all features.  ``features.refused`` then holds what the camera did not take.

    Raises:
        CameraError: the camera cannot do what is needed: unusable pictures, wrong pixel format, wrong size.
    """
    _stop_triggers(features)
    size = _play_folder(features, settings)
    channels = _pixel_format(features, settings)
    width_px, lines = _region(features, settings, size)
    _light(features, settings)
    step = lines - settings.overlap_px
    if step < lines - lines // 2:
        raise CameraError(
            f"Frames of camera {settings.name} have {lines} lines and cannot overlap by {settings.overlap_px}: "
            f"choose overlap_px up to {lines // 2}."
        )
    rate = _rate(features, settings, lines, step)
    is_area = _lines_of_a_block(features, settings) is None
    if settings.encoder is None:
        return Delivery(width_px, lines, channels, step, rate, is_area=is_area)
    counter = encoder_triggers(features, settings.encoder, step)
    return Delivery(width_px, lines, channels, step, None, counter, is_area)


def _stop_triggers(features: Features) -> None:
    for trigger in features.entries("TriggerSelector"):
        if features.choose("TriggerSelector", trigger):
            features.choose("TriggerMode", "Off")
    features.choose("AcquisitionMode", "Continuous")


def _play_folder(features: Features, settings: PylonSettings) -> tuple[int, int] | None:
    """Return lines and width of the pictures that the emulation is to play, None for cameras that look at cloth."""
    folder = settings.image_folder
    if folder is None:
        return None
    if not features.has("ImageFileMode"):
        raise CameraError(
            f"Camera {settings.name} is a real one and plays no pictures; take image_folder out of its settings."
        )
    size = _size_of_pictures(folder)
    features.choose("TestImageSelector", "Off")
    features.choose("ImageFileMode", "On")
    features.assign("ImageFilename", str(folder))
    return size


def _size_of_pictures(folder: Path) -> tuple[int, int]:
    if not folder.is_dir():
        raise CameraError(f"Folder {folder} does not exist; set image_folder to the folder that holds the pictures.")
    pictures = sorted(path for path in folder.iterdir() if path.is_file())
    if not pictures:
        raise CameraError(f"Folder {folder} holds no pictures for the camera emulation (png, bmp, tif, jpg).")
    other = next((path for path in pictures if path.suffix.lower() not in EMULATED_SUFFIXES), None)
    if other is not None:
        raise CameraError(
            f"{other} is no picture the camera emulation can play, yet it would; take it out of the folder."
        )
    first = image_metadata(pictures[0])
    for path in pictures[1:]:
        metadata = image_metadata(path)
        if (metadata.width_px, metadata.lines) != (first.width_px, first.lines):
            raise CameraError(
                f"Pictures differ in size: {pictures[0]} has {first.width_px} x {first.lines} px, {path} has "
                f"{metadata.width_px} x {metadata.lines} px; a camera sees one size only."
            )
    return first.lines, first.width_px


def _pixel_format(features: Features, settings: PylonSettings) -> int:
    """Set the pixel format; return the channels of what is delivered."""
    wanted = settings.pixel_format
    if not features.choose("PixelFormat", wanted, f"{wanted}p", f"{wanted}Packed"):
        if not (wanted.startswith("Mono") and features.choose("PixelFormat", "Mono8")):
            known = ", ".join(features.entries("PixelFormat")) or "none that can be set"
            raise CameraError(f"Camera {settings.name} has no pixel format {wanted}; choose one of its own: {known}.")
        features.refuse(f"pixel format {wanted}", "it has none of that name", "Mono8 is used")
    return 1 if wanted.startswith("Mono") else 3


def _region(features: Features, settings: PylonSettings, size: tuple[int, int] | None) -> tuple[int, int]:
    """Set the region; return width and lines of a block."""
    features.assign("OffsetX", 0)
    features.assign("OffsetY", 0)
    width_px, lines = settings.width_px, settings.height_px
    if size is not None:
        lines, width_px = _whole_pictures(features, size, width_px, lines)
    elif lines is None:
        lines = _lines_of_a_block(features, settings)
    for name, what, wanted in (("Width", "a width", width_px), ("Height", "a height", lines)):
        limits = features.limits(name)
        taken = limits[1] if wanted is None and limits is not None else wanted
        if taken is not None:
            features.set_number(f"{what} of {taken} px", taken, name)
    if settings.offset_x_px:
        features.set_number(f"a left edge at {settings.offset_x_px} px", settings.offset_x_px, "OffsetX")
    if settings.offset_y_px:
        features.set_number(f"a top edge at {settings.offset_y_px} px", settings.offset_y_px, "OffsetY")
    taken_width, taken_lines = features.whole("Width"), features.whole("Height")
    if not taken_width or not taken_lines:
        raise CameraError(f"Camera {settings.name} does not tell the size of its pictures; is it a 2D camera?")
    return taken_width, taken_lines


def _lines_of_a_block(features: Features, settings: PylonSettings) -> int | None:
    """Return a line-scan camera's lines in 0.25 s (with an encoder at a tenth of its rate), None for area cameras."""
    rate = settings.line_rate_hz or features.number(*LINE_RATE)
    if rate is None:
        return None
    return max(int(rate * LONGEST_BLOCK_S * (1.0 if settings.encoder is None else SLOW_SHARE)), 1)


def _whole_pictures(
    features: Features, size: tuple[int, int], width_px: int | None, lines: int | None
) -> tuple[int, int]:
    """Return lines and width of the pictures: the emulation plays them whole, whatever region is set."""
    wanted = (lines or size[0], width_px or size[1])
    if wanted != size:
        what, instead = (f"{region[1]} x {region[0]} px" for region in (wanted, size))
        features.refuse(f"a region of {what}", "the emulation plays whole pictures", f"{instead} are used")
    # Only the emulation lets its sensor be widened.
    for name, needed in (("HeightMax", size[0]), ("WidthMax", size[1])):
        if needed > (features.whole(name) or needed):
            features.assign(name, needed)
    return size


def _light(features: Features, settings: PylonSettings) -> None:
    if settings.exposure_us is not None:
        features.choose("ExposureAuto", "Off")
        features.choose("ExposureMode", "Timed")
        # The emulation has both names, and only the older one does anything.
        what = f"an exposure of {settings.exposure_us:g} us"
        features.set_number(what, settings.exposure_us, *EXPOSURE)
    if settings.gain_db is not None or settings.gain_raw is not None:
        features.choose("GainAuto", "Off")
    if settings.gain_db is not None:
        features.set_number(
            f"a gain of {settings.gain_db:g} dB",
            settings.gain_db,
            *GAIN,
            instead="its own setting stays; older cameras take gain_raw",
        )
    if settings.gain_raw is not None:
        features.set_number(f"a gain of {settings.gain_raw} steps", settings.gain_raw, "GainRaw")


def light_of(features: Features) -> dict[str, float]:
    """Return ``exposure_us`` and ``gain_db`` as the camera has them now, as far as they can be read."""
    found = {"exposure_us": features.number(*EXPOSURE), "gain_db": features.number(*GAIN)}
    return {name: value for name, value in found.items() if value is not None}


def _rate(features: Features, settings: PylonSettings, lines: int, step: int) -> float | None:
    """Return the lines per second of a camera that runs freely, None if unknown."""
    wanted = settings.line_rate_hz
    if wanted is not None and any(features.writable(name) for name in LINE_RATE):
        features.assign("AcquisitionLineRateEnable", True)
        features.set_number(f"{wanted:g} lines/s", wanted, *LINE_RATE)
    elif wanted is not None or settings.frame_rate_hz is not None:
        frames = settings.frame_rate_hz or (wanted or 0.0) / lines
        features.assign("AcquisitionFrameRateEnable", True)
        if features.set_number(f"{frames:g} frames/s", frames, *FRAME_RATE) and wanted is not None:
            instead = f"it takes {frames:g} frames/s of {lines} lines"
            features.refuse(f"{wanted:g} lines/s", "it has no line rate", instead)
        wanted = frames * step
    reached = _rate_reached(features, step)
    if wanted is None or reached is None:
        return wanted or reached
    if reached < SHORTFALL * wanted:
        features.refuse(f"{wanted:g} lines/s", "exposure, region or link allow less", f"it reaches {reached:g} lines/s")
    return min(wanted, reached)


def _rate_reached(features: Features, step: int) -> float | None:
    lines = _slowest(features, "AcquisitionLineRateEnable", LINE_RATE, RESULTING_LINE_RATE)
    if lines is not None:
        return lines
    frames = _slowest(features, "AcquisitionFrameRateEnable", FRAME_RATE, RESULTING_FRAME_RATE)
    # The emulation leaves the exposure out of its figure.
    exposure_us = features.number(*EXPOSURE)
    if frames is not None and exposure_us:
        frames = min(frames, 1e6 / exposure_us)
    return None if frames is None else frames * step


def _slowest(features: Features, switch: str, limit: tuple[str, ...], resulting: tuple[str, ...]) -> float | None:
    """Return the rate that results, or the limit set if that is lower and not switched off."""
    rates = [features.number(*resulting), None if features.whole(switch) == 0 else features.number(*limit)]
    return min((rate for rate in rates if rate), default=None)
