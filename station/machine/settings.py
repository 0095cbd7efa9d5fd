"""This module holds what ``station.toml`` may say about the machine.  Without the table nothing of it is used."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from station.display_score import AT_THRESHOLD
from station.recipe import FabricName
from station.state.records_lag import UNRECORDED_M


class StopSettings(BaseModel):
    """These settings say what the machine is stopped for: nothing, unless something is set.

    A *repeating* defect is ``repeats`` rejects at the same cross position, within ``repeats_across_mm``, in
    ``repeats_within_m`` of cloth.  A *running* defect is longer than ``running_m``.  A *critical* defect is a single
    one whose score reaches ``critical_score`` or whose longest extent reaches ``critical_mm``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeats: int | None = Field(None, ge=2)
    repeats_across_mm: float = Field(10.0, gt=0)
    repeats_within_m: float = Field(2.0, gt=0)
    running_m: float | None = Field(None, gt=0)
    critical_score: float | None = Field(None, gt=AT_THRESHOLD, description="on the scale where 0.5 is the threshold")
    critical_mm: float | None = Field(None, gt=0)
    countdown_m: float = Field(3.0, ge=0, description="cloth that may still pass before the stop is requested")


class MachineSettings(BaseModel):
    """These settings say where things are behind the camera, when the machine stops, and what its signals do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    marker_mm: float | None = Field(None, gt=0, description="way of the cloth from the camera to the marker")
    roll_mm: float | None = Field(None, gt=0, description="way of the cloth from the camera to the cloth roll")
    marker_pulse_ms: float = Field(200.0, ge=10, le=5000)
    marker_late_mm: float = Field(100.0, ge=0, description="a mark this far behind a defect's end still is its mark")
    cycle_ms: float = Field(50.0, ge=10, le=1000, description="how often signals are exchanged")
    heartbeat_ms: float = Field(500.0, ge=50, le=5000, description="how often the heartbeat toggles")
    uninspected_m: float = Field(
        5.0, gt=0, description="the heartbeat stands still once so much cloth went by without any of it inspected"
    )
    unrecorded_m: float = Field(
        UNRECORDED_M, gt=0, description="the heartbeat stands still once more judged cloth than this is not on record"
    )
    on_camera_loss: Literal["stop", "light"] = "stop"
    on_exit: Literal["stop", "leave"] = "stop"
    doff_ends_roll: bool = False
    pulses_per_line: float | None = Field(
        None, description="of the counter in [outputs], which then is the camera's encoder; negative: it counts down"
    )
    stop: StopSettings = Field(StopSettings(), description="rules for every fabric")
    stop_of: dict[FabricName, StopSettings] = Field(default_factory=dict, description="other rules for some fabrics")

    @field_validator("pulses_per_line")
    @classmethod
    def _moves(cls, pulses: float | None) -> float | None:
        if pulses == 0:
            raise ValueError("an encoder without pulses per line has no position")
        return pulses

    def stop_for(self, fabric: str) -> StopSettings:
        """Return the rules for a fabric: its own, otherwise the station's."""
        return self.stop_of.get(fabric, self.stop)

    def needs_scale(self, fabric: str) -> bool:
        """Say whether anything that is set for a fabric is measured in mm."""
        rules = self.stop_for(fabric)
        limits = (rules.repeats, rules.running_m, rules.critical_score, rules.critical_mm, self.marker_mm, self.roll_mm)
        return any(limit is not None for limit in limits)
