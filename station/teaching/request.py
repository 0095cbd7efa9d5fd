"""What a teach-in is asked for.  Light to import: the command line takes its defaults from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.mfrnet import MFRNetConfig

FALSE_ALARM_BUDGET_PER_100_M = 1.0


@dataclass(frozen=True)
class TeachRequest:
    """What is to be taught, and how.

    Attributes:
        fabric: name of the fabric.
        encoder, weights: the trunk, as :func:`model.encoder.load_encoder`.
        mm_per_px: scale, None without.
        false_alarms_per_100_m: the budget for which the threshold is set; unused without a scale.
        minutes: bounds everything, all in.  Where cloth is long, as much is read as the time allows.
        seed: the same seed makes the same model and threshold on one machine wherever the time allows all training
            steps.
        device, precision: that teach and score, as for :class:`model.runtime.Runtime`.
        config: the network's, None for the usual one.
        by: who asks.
    """

    fabric: str
    encoder: str = "light"
    weights: Path | None = None
    mm_per_px: float | None = None
    false_alarms_per_100_m: float = FALSE_ALARM_BUDGET_PER_100_M
    minutes: float = 5.0
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    config: MFRNetConfig | None = None
    by: str = "station"
