"""This module holds the recipe: versioned, immutable values by which a fabric is inspected, stored with every roll."""

from __future__ import annotations

import math
from collections.abc import Container

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from model.scorer import CELL_PX, TILE_PX
from station.recipe.camera_overrides import CameraOverrides
from station.recipe.cloth import TaughtCloth
from station.recipe.cloth_look import ClothLook
from station.recipe.frame_spots import FrameSpots
from station.recipe.looks import BROAD_OVERLAP_PX, BroadLook, LongLookLimits
from station.recipe.names import FabricName
from station.recipe.repeat import ClothRepeat
from station.recipe.score_levels import ScoreLevels
from station.recipe.sensitivity import SensitivityProfile
from station.recipe.web import AUTO, Web
from station.recipe.web_look import WebLook

NO_DECISION = math.inf
"""This threshold is for cloth that is only scored: no score reaches it, so that the line follows no region.  Such a
recipe is a draft and never on record."""


class Recipe(BaseModel):
    """A recipe holds the settings for one fabric.

    Lengths are millimetres on the cloth.  Without a scale (``mm_per_px`` None) one pixel counts as one millimetre
    and every size is shown as px.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fabric: FabricName
    version: int = Field(1, ge=1)
    model_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    encoder: str = Field(description="trunk the model sees with: light or vgg16")
    threshold: float = Field(gt=0, description="raw model score from which a region is a reject")
    report_ratio: float = Field(0.85, gt=0, le=1, description="regions are reported from threshold × this")
    min_length_mm: float = Field(0.0, ge=0, description="a defect smaller than this in its longest extent passes")
    edge_margin_mm: float = Field(0.0, ge=0, description="cloth this close to a web edge is not judged")
    sensitivity: SensitivityProfile = Field(
        SensitivityProfile(),
        validation_alias=AliasChoices("sensitivity", "leniency"),  # its name in recipes before version 0.2
        description="where good cloth itself scores high, as teach-in found",
    )
    spots: FrameSpots = Field(FrameSpots(), description="fixed places of a picture where good cloth itself scores high")
    levels: ScoreLevels | None = Field(None, description="how high the middle of good cloth scores; None if not known")
    look: ClothLook | None = Field(None, description="grey and yarns of good cloth; None if not known")
    tells_differing: bool = Field(True, description="whether a web that differs from these is told")
    broad: tuple[BroadLook, ...] = Field((), max_length=4, description="what the broad looks decide by")
    long: LongLookLimits | None = Field(None, description="what the long look decides by; None without it")
    join_gap_mm: float = Field(5.0, ge=0, description="regions closer than this are one defect")
    mm_per_px: float | None = Field(None, gt=0, description="scale across, and along too where that is not given")
    mm_per_line: float | None = Field(None, gt=0, description="scale along; set by a camera's calibration")
    overlap_px: int = Field(32, ge=0, le=TILE_PX // 2, multiple_of=CELL_PX, description="overlap of neighbouring tiles")
    camera: CameraOverrides = Field(CameraOverrides(), description="camera settings that this fabric asks for")
    web: Web = Field(
        AUTO,
        validation_alias=AliasChoices("web", "find_web"),  # its name in recipes of version 0.2
        description="columns that are cloth: auto (found in each picture), full (all), or LEFT:RIGHT",
    )
    cloth: TaughtCloth | None = Field(None, description="what the cloth looked like at teach-in; None if not known")
    repeat: ClothRepeat | None = Field(None, description="how the cloth's pattern repeats; None if not known")
    web_look: WebLook | None = Field(None, description="what lies beside the cloth, as learned; None if not known")
    predicted_false_alarms_per_100_m: float | None = Field(None, ge=0)
    grading_rule: str = "four-point"
    nominal_width_mm: float | None = Field(None, gt=0, description="width the cloth should have; None: not judged")
    width_tolerance_mm: float | None = Field(None, ge=0, description="by how much it may differ; None: not judged")
    note: str = ""

    @property
    def broad_on(self) -> tuple[BroadLook, ...]:
        """Give the broad looks that look."""
        return tuple(look for look in self.broad if look.is_on)

    def broad_among(self, sizes: Container[int]) -> tuple[BroadLook, ...]:
        """Return the broad looks that look and that a model has, by the sizes it has."""
        return tuple(look for look in self.broad_on if look.size in sizes)

    @property
    def long_on(self) -> LongLookLimits | None:
        """Give what the long look decides by, None where it does not look."""
        return self.long if self.long is not None and self.long.is_on else None

    def seen_by(self, look: BroadLook) -> Recipe:
        """Return the recipe as a broad look takes it, whose pixels are larger, and which is told where the web lies."""
        return self.model_copy(
            update={
                "threshold": look.threshold,
                "sensitivity": look.sensitivity,
                "spots": look.spots,
                "levels": look.levels,
                "look": None,
                "cloth": None,
                "web": AUTO,
                "broad": (),
                "long": None,
                "overlap_px": BROAD_OVERLAP_PX,
                "mm_per_px": self.scale * look.size,
                "mm_per_line": self.scale_along * look.size,
            }
        )

    @property
    def report_level(self) -> float:
        """Give the raw score from which a region is reported."""
        return self.threshold * self.report_ratio

    @property
    def scale(self) -> float:
        """Give the mm per px across, 1.0 where unknown (lengths then are px)."""
        return self.mm_per_px if self.mm_per_px is not None else 1.0

    @property
    def scale_along(self) -> float:
        """Give the mm per line, 1.0 where unknown (lengths then are lines)."""
        return self.mm_per_line if self.mm_per_line is not None else self.scale

    @property
    def unit(self) -> str:
        """Give the unit of lengths made with :attr:`scale`."""
        return "mm" if self.mm_per_px is not None else "px"
