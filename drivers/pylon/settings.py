"""This module defines what a station's settings may say about a Basler camera."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_BLOCK_S = 0.25
"""A line-scan camera's block shows at most this much time, so that the screen is not late."""

PixelFormat = Literal[
    "Mono8",
    "Mono10",
    "Mono12",
    "BayerRG8",
    "BayerGR8",
    "BayerGB8",
    "BayerBG8",
    "BayerRG10",
    "BayerGR10",
    "BayerGB10",
    "BayerBG10",
    "BayerRG12",
    "BayerGR12",
    "BayerGB12",
    "BayerBG12",
    "RGB8",
]


class EncoderSettings(BaseModel):
    """A shaft encoder wired to the camera starts every line (of an area camera: every frame).

    Attributes:
        line_a, line_b: the camera's inputs for phase A and B.
        pulses_per_line: encoder pulses (whole cycles of phase A) for one line of cloth.
        forward_only: cloth going backwards gives no picture, nor does it when it comes forward again.
        reverse_pulses: how far back older cameras remember; beyond it cloth appears twice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    line_a: str = "Line1"
    line_b: str = "Line2"
    pulses_per_line: int = Field(1, ge=1, le=65535)
    forward_only: bool = True
    reverse_pulses: int = Field(32767, ge=0, le=2**31 - 1)


class PylonSettings(BaseModel):
    """These settings describe a Basler line-scan or area camera; see :class:`drivers.pylon.camera.PylonCamera`.

    What is None stays as it is in the camera.

    Attributes:
        serial: serial number, as ``station cameras`` lists it.
        camera_id: name in blocks, records and calibrations; the serial number where None.
        pixel_format: Mono comes as grey, Bayer and RGB as RGB, both with 8 bits, deeper formats by their high bits.
        exposure_us, gain_db, gain_raw: gain in the camera's own steps where it knows no dB.
        line_rate_hz: of a line-scan camera; with an encoder the fastest it is expected to ask for.
        frame_rate_hz: of an area camera.
        width_px, height_px, offset_x_px, offset_y_px: region; ``height_px`` is the lines of a block.  None: the whole
            width, and of a line-scan camera 0.25 s of lines (with an encoder a tenth of it, for a slow machine).
        overlap_px: lines that a frame of an area camera shows again from the frame before.
        encoder: None: the camera runs freely.
        mm_per_px: scale along and across where it is known.
        image_folder: pictures for pylon's camera emulation (``PYLON_CAMEMU``), all of one size, over and over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["pylon"] = "pylon"
    serial: str = Field(min_length=1)
    camera_id: str | None = Field(None, min_length=1)
    pixel_format: PixelFormat = "Mono8"
    exposure_us: float | None = Field(None, gt=0)
    gain_db: float | None = None
    gain_raw: int | None = Field(None, ge=0)
    line_rate_hz: float | None = Field(None, gt=0, le=1e6)
    frame_rate_hz: float | None = Field(None, gt=0, le=1e5)
    width_px: int | None = Field(None, ge=1, le=32768)
    height_px: int | None = Field(None, ge=1, le=32768)
    offset_x_px: int = Field(0, ge=0, le=32767)
    offset_y_px: int = Field(0, ge=0, le=32767)
    overlap_px: int = Field(0, ge=0, le=16384)
    encoder: EncoderSettings | None = None
    mm_per_px: float | None = Field(None, ge=0.001, le=100)
    image_folder: Path | None = None

    @property
    def name(self) -> str:
        """Return the name of the camera in blocks."""
        return self.camera_id or self.serial

    def with_light(self, light: Mapping[str, float]) -> PylonSettings:
        """Return these settings with another ``exposure_us`` or ``gain_db``."""
        gain = {"gain_raw": None} if "gain_db" in light else {}
        return self.model_copy(update={**light, **gain})

    @model_validator(mode="after")
    def _agree(self) -> PylonSettings:
        if self.line_rate_hz is not None and self.frame_rate_hz is not None:
            raise ValueError("line_rate_hz is for line-scan cameras, frame_rate_hz for area cameras: give one of them")
        if self.gain_db is not None and self.gain_raw is not None:
            raise ValueError("gain_db and gain_raw say the same: give one of them")
        if self.encoder is not None and self.line_rate_hz is self.height_px is None:
            raise ValueError("with an encoder give line_rate_hz, the fastest it asks for, or height_px")
        if self.line_rate_hz is not None and self.overlap_px:
            raise ValueError("lines of a line-scan camera do not overlap: take out overlap_px or line_rate_hz")
        if self.height_px is not None and self.overlap_px > self.height_px // 2:
            raise ValueError(f"frames of {self.height_px} lines overlap by {self.height_px // 2} lines at most")
        if self.image_folder is None and self.line_rate_hz is not None and self.height_px is not None:
            most = max(int(self.line_rate_hz * LONGEST_BLOCK_S), 1)
            if self.height_px > most:
                raise ValueError(
                    f"a block of {self.height_px} lines would come late (0.25 s at most): choose height_px up to {most}"
                )
        return self
