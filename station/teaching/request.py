"""This module says what a teach-in is asked for.  It imports fast, as the command line takes its defaults from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.scorer import BROAD_SIZES
from station.recipe.web import WebRule

if TYPE_CHECKING:
    from model.mfrnet import MFRNetConfig

FALSE_ALARM_BUDGET_PER_100_M = 1.0


@dataclass(frozen=True)
class TeachRequest:
    """The request says what to teach, and how.

    Attributes:
        fabric: name of the fabric.
        encoder, weights: the trunk, as :func:`model.encoder.load_encoder`.
        mm_per_px: scale, None without.
        false_alarms_per_100_m: the budget for which the threshold is set; unused without a scale.
        minutes: limit of the whole teach-in.  Where cloth is long, as much is read as the time allows.
        seed: the same seed makes the same model and threshold on one machine wherever the time allows all training
            steps.
        device, precision: used to teach and score, as for :class:`model.runtime.Runtime`.
        config: configuration of the network, None for the usual one.
        broad, long: sizes of the broad looks that are taught too, and whether the long look is.
        web: which columns are cloth, at teach-in and at every later inspection; None: as was set for the
            fabric before, else found.
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
    broad: tuple[int, ...] = BROAD_SIZES
    long: bool = True
    web: WebRule | None = None
    by: str = "station"
