"""This package holds the methods that MFRNet is compared with on the same features, each compact and after its paper.

A baseline sees what MFRNet's restoration sees, features of good cloth from the frozen encoder and the aggregator,
standardised per channel and position, and gives one anomaly map per tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from benchmarks.baselines.autoencoder import Autoencoder
from benchmarks.baselines.gaussian import Gaussian
from benchmarks.baselines.nearest import Nearest


class Baseline(Protocol):
    """A baseline does what the studies ask of a method.  It is fitted once, then used from one thread at a time."""

    def fit(self, features: Tensor) -> None:
        """Learn from good cloth.

        Args:
            features: float ``[T, D, 32, 32]`` on the CPU, finite, standardised on good cloth.

        Raises:
            ModelError: the features have another form, or are too few.
        """

    def score(self, features: Tensor) -> Tensor:
        """Return anomaly maps of features like those of :meth:`fit`: float32 ``[N, 32, 32]``, higher is more anomalous.

        Raises:
            ModelError: nothing was learned yet, or the features have another form.
        """


BASELINES: dict[str, Callable[[int], Baseline]] = {
    "nearest": lambda seed: Nearest(seed=seed),
    "gaussian": lambda _seed: Gaussian(),  # nothing in it is drawn at random
    "autoencoder": lambda seed: Autoencoder(seed=seed),
}
"""These make a baseline by name, from the seed of all that is drawn at random."""
