"""This module writes figures of several methods on several fabrics, with intervals for differences, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.measure import FIGURES, Tally, figure

DRAWS = 1000
Runs = Mapping[str, Sequence[Tally]]
"""This holds, by fabric and for each seed, what a method's maps showed."""


class Method:
    """A method has figures on every fabric, for the images as they are and for each draw of them."""

    def __init__(self, runs: Runs) -> None:
        self.by_fabric: dict[str, dict[str, NDArray[np.float64]]] = {}
        for number, (fabric, tallies) in enumerate(runs.items()):
            once = np.ones((1, len(tallies[0].flawed)))
            weights = np.concatenate([once, tallies[0].draws(DRAWS, seed=number)])
            self.by_fabric[fabric] = {
                name: np.mean([figure(name, one.counts[name], weights) for one in tallies], axis=0) for name in FIGURES
            }

    def values(self, name: str, fabric: str | None = None) -> NDArray[np.float64]:
        """Return a figure, ``[1 + draws]`` with the plain one first: of one fabric, or the mean over all (pooled)."""
        chosen = [self.by_fabric[fabric]] if fabric is not None else list(self.by_fabric.values())
        return np.asarray(np.mean([figures[name] for figures in chosen], axis=0))


def figures_table(methods: Mapping[str, Method], fabrics: Sequence[str]) -> list[str]:
    """Return one row for each method and fabric, and the pooled ones."""
    rows = ["| method | fabric | " + " | ".join(FIGURES) + " |", "|---" * (2 + len(FIGURES)) + "|"]
    for fabric in (*fabrics, None):
        for label, method in methods.items():
            cells = " | ".join(f"{method.values(name, fabric)[0]:.3f}" for name in FIGURES)
            rows.append(f"| {label} | {fabric or 'pooled'} | {cells} |")
    return rows


def difference_table(pairs: Sequence[tuple[str, Method, Method]], fabrics: Sequence[str]) -> list[str]:
    """Return first minus second method of each pair, with the 95 % interval of the paired bootstrap over images."""
    rows = ["| difference | fabric | " + " | ".join(FIGURES) + " |", "|---" * (2 + len(FIGURES)) + "|"]
    for label, one, other in pairs:
        for fabric in (*fabrics, None):
            cells = " | ".join(_interval(one.values(name, fabric) - other.values(name, fabric)) for name in FIGURES)
            rows.append(f"| {label} | {fabric or 'pooled'} | {cells} |")
    return rows


def _interval(differences: NDArray[np.float64]) -> str:
    low, high = np.nanpercentile(differences[1:], (2.5, 97.5))
    return f"{differences[0]:+.3f} [{low:+.3f}, {high:+.3f}]"
