"""Figures of several methods on several fabrics, with intervals for their differences, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.measure import FIGURES, Counts, Judged, Weights, all_counts, draws, figure

DRAWS = 1000
Runs = Sequence[list[Judged]]
"""The judged test images of one fabric, once for each seed."""


class Method:
    """One method's figures on every fabric, for the images as they are and for each draw of them.

    Args:
        runs: by fabric.
    """

    def __init__(self, runs: Mapping[str, Runs]) -> None:
        self.by_fabric: dict[str, dict[str, NDArray[np.float64]]] = {}
        for fabric, judged in runs.items():
            once = np.ones((1, len(judged[0])))
            weights = np.concatenate([once, draws(judged[0], DRAWS, seed=0)])
            self.by_fabric[fabric] = _mean_over_seeds([all_counts(run) for run in judged], weights)

    def values(self, name: str, fabric: str | None = None) -> NDArray[np.float64]:
        """A figure, ``[1 + draws]`` with the plain one first: of one fabric, or the mean over all (pooled)."""
        chosen = [self.by_fabric[fabric]] if fabric is not None else list(self.by_fabric.values())
        return np.asarray(np.mean([figures[name] for figures in chosen], axis=0))


def _mean_over_seeds(counts: Sequence[Mapping[str, Counts]], weights: Weights) -> dict[str, NDArray[np.float64]]:
    return {name: np.mean([figure(name, one[name], weights) for one in counts], axis=0) for name in FIGURES}


def figures_table(methods: Mapping[str, Method], fabrics: Sequence[str]) -> list[str]:
    """One row for each method and fabric, and the pooled ones."""
    rows = ["| method | fabric | " + " | ".join(FIGURES) + " |", "|---" * (2 + len(FIGURES)) + "|"]
    for fabric in (*fabrics, None):
        for label, method in methods.items():
            cells = " | ".join(f"{method.values(name, fabric)[0]:.3f}" for name in FIGURES)
            rows.append(f"| {label} | {fabric or 'pooled'} | {cells} |")
    return rows


def difference_table(pairs: Sequence[tuple[str, Method, Method]], fabrics: Sequence[str]) -> list[str]:
    """First minus second method of each pair, with the 95 % interval of the paired bootstrap over images."""
    rows = ["| difference | fabric | " + " | ".join(FIGURES) + " |", "|---" * (2 + len(FIGURES)) + "|"]
    for label, one, other in pairs:
        for fabric in (*fabrics, None):
            cells = " | ".join(_interval(one.values(name, fabric) - other.values(name, fabric)) for name in FIGURES)
            rows.append(f"| {label} | {fabric or 'pooled'} | {cells} |")
    return rows


def _interval(differences: NDArray[np.float64]) -> str:
    low, high = np.nanpercentile(differences[1:], (2.5, 97.5))
    return f"{differences[0]:+.3f} [{low:+.3f}, {high:+.3f}]"
