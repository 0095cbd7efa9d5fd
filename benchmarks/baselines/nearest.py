"""This module finds the nearest neighbour among remembered cells of good cloth (PatchCore).

It follows Roth, Pemula, Zepeda, Schölkopf, Brox, Gehler, "Towards Total Recall in Industrial Anomaly Detection", CVPR
2022: features averaged over their neighbourhood, a memory thinned to a coreset by greedy k-centre selection in a random
projection, the distance to the nearest remembered cell as the score, and a Gaussian blur of the map (their 4 px are
half a cell of ours).

Ours: the aggregated features replace their two layers of a residual network; the coreset is drawn from a random subset
of the cells (on a roll of cloth there are hundreds of thousands, much alike); their re-weighting of an image's score by
the neighbour's own neighbourhood is left out, because a picture is judged by the highest value of its map.

The settings come from ``benchmarks.baselines.tuning``: their patch size of 3 is 24 px on our grid and blurs small flaws
away, on every ground and with either encoder; no averaging is clearly better.  A larger memory hardly helps.  The blur
gains a little AUROC and costs a little precision; twice as much loses both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.baselines.maps import CELLS, as_rows, checked, learned, smoothed
from model.loss import local_mean
from model.mfrnet import GRID

_CHUNK = 128  # cells judged at once: their distances to ten thousand remembered cells stay in a core's cache


@dataclass
class Nearest:
    """The nearest neighbour applies PatchCore to given features.

    Attributes:
        seed: of candidates and projection.
        patch: odd side in cells of the neighbourhood that is averaged.
        candidates: cells from which the coreset is drawn, at most.
        share: of the candidates that is remembered.
        projected: channels of the random projection in which the coreset is chosen.
        smoothing: sigma of the map's blur in cells.
    """

    seed: int = 0
    patch: int = 1
    candidates: int = 100_000
    share: float = 0.1
    projected: int = 32
    smoothing: float = 0.5
    memory: Tensor | None = field(default=None, init=False, repr=False)

    @torch.inference_mode()
    def fit(self, features: Tensor) -> None:
        """Learn as :class:`benchmarks.baselines.Baseline` says."""
        generator = torch.Generator().manual_seed(self.seed)
        candidates = self._candidates(checked(features), generator)
        count = max(1, round(self.share * len(candidates)))
        self.memory = candidates[coreset(candidates, count, self.projected, generator)]

    @torch.inference_mode()
    def score(self, features: Tensor) -> Tensor:
        """Return maps as :class:`benchmarks.baselines.Baseline` says; the unit is distance in feature space."""
        memory = learned(self.memory)
        squares = memory.square().sum(1)
        nearest = torch.empty(len(checked(features, memory.shape[1])), CELLS)
        room = torch.empty(_CHUNK, len(memory))
        for tile, found in zip(features, nearest, strict=True):
            rows = as_rows(local_mean(tile[None].float(), self.patch))
            for part, out in zip(torch.split(rows, _CHUNK), torch.split(found, _CHUNK), strict=True):
                torch.addmm(squares, part, memory.T, alpha=-2, out=room)
                torch.add(room.amin(1), part.square().sum(1), out=out)
        return smoothed(nearest.clamp_min_(0).sqrt_().view(-1, GRID, GRID), self.smoothing)

    def _candidates(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw cells at random, after averaging: ``[n, D]``."""
        drawn = torch.randperm(len(features) * CELLS, generator=generator)[: self.candidates].sort().values
        counts = torch.bincount(drawn // CELLS, minlength=len(features)).tolist()
        of_each_tile = torch.split(drawn % CELLS, counts)
        tiles = zip(features, of_each_tile, strict=True)
        return torch.cat([as_rows(local_mean(tile[None].float(), self.patch))[cells] for tile, cells in tiles])


def coreset(candidates: Tensor, count: int, projected: int, generator: torch.Generator) -> Tensor:
    """Choose candidates by greedy k-centre: each time the one that lies farthest from all chosen so far.

    Args:
        candidates: float32 ``[n, D]``.
        count: how many to choose.
        projected: channels of the random projection in which distances are taken; D or more: none.

    Returns:
        int64 ``[count]`` indices.
    """
    depth = candidates.shape[1]
    if projected < depth:
        candidates = candidates @ (torch.randn(depth, projected, generator=generator) / projected**0.5)
    squares = candidates.square().sum(1)
    chosen = torch.empty(min(count, len(candidates)), dtype=torch.int64)
    farthest = torch.randint(len(candidates), (), generator=generator)
    distance = torch.full((len(candidates),), torch.inf)
    for place in range(len(chosen)):
        chosen[place] = farthest
        to_chosen = torch.addmv(squares, candidates, candidates[farthest], alpha=-2).add_(squares[farthest])
        torch.minimum(distance, to_chosen, out=distance)
        distance[farthest] = -torch.inf  # rounding must not choose it twice
        farthest = distance.argmax()
    return chosen
