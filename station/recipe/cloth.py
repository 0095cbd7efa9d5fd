"""This module keeps what the cloth looked like at teach-in, so that other pictures are told from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TaughtCloth(BaseModel):
    """The teaching's pictures are described by a few figures; columns are half-open, greys are 0 to 255 as judged.

    Attributes:
        width_px, channels: of the picture; 1 channel is grey, 3 are colour.
        white: the value in the picture files that stands for full white; None where cloth came from a camera.
        mean_grey: of the cloth, the median over the pictures (on the loom: rows of tiles).
        greys_across: mean grey of equal parts of the picture from left to right, medians; None where it is not cloth.
        grey_spread: 95 of 100 of them lie within this of ``mean_grey``.
        web_left_px, web_right_px: the columns taken for cloth, medians.
        web_spread_px: both edges of 95 of 100 lie within this of the medians.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    width_px: int = Field(gt=0)
    channels: int = Field(ge=1, le=3)
    white: int | None = Field(None, gt=0)
    mean_grey: float = Field(ge=0, le=255)
    grey_spread: float = Field(ge=0, le=255)
    greys_across: tuple[float | None, ...] = Field((), max_length=256)
    web_left_px: int = Field(ge=0)
    web_right_px: int = Field(gt=0)
    web_spread_px: int = Field(0, ge=0)
