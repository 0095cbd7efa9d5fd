"""This module defines what the ``[retention]`` table of ``station.toml`` may say."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

WARN_AT = 0.8
"""From this part of the share on people are warned, with the days left."""
DOWN_TO = 0.95
"""Once the share is reached, so much of it stays, or a little would have to go all day long."""


class RetentionSettings(BaseModel):
    """These settings say how much evidence may lie on disk: pictures of defects, score profiles, recordings of cloth.

    Rows of the records are kept for ever.  By default retention is on, with half of the disk, and nothing goes for its
    age alone.  What is kept on purpose, and what belongs to open rolls, never goes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool = Field(
        True, description="off: nothing is ever removed, and a full disk keeps new pictures from being saved"
    )
    disk_share: float = Field(0.5, gt=0, le=0.95, description="part of the disk that evidence may take")
    pictures_days: float | None = Field(None, gt=0, description="older pictures go; default: none for its age")
    profiles_days: float | None = Field(None, gt=0, description="older score profiles go; default: none for its age")
    recordings_days: float | None = Field(None, gt=0, description="older recordings go; default: none for its age")
