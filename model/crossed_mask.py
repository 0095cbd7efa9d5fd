"""This module makes crossed masks, which hide every position of a feature map exactly once (paper, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.errors import ModelError


def crossed_masks(grid: int, k: int, n: int, generator: torch.Generator) -> Tensor:
    """Split the blocks of a feature grid at random into n disjoint subsets, as equal in number as possible.

    Paper, figure 3: parameters k and n; the hidden regions M_i of the subsets are complementary, sum_i M_i = 1.  Our
    reading: k is the side of a square block, n the number of subsets; blocks at the far edges are cut where k does not
    divide the grid.

    Args:
        grid: side of the feature grid in cells.
        k: side of a block in cells, 1 to ``grid``.
        n: number of subsets, 1 to the number of blocks.
        generator: source of the random order (CPU).

    Returns:
        float32 ``[n, 1, grid, grid]``, 1 where pass i is judged (and, with n > 1, hidden); sums to 1 over the passes.

    Raises:
        ModelError: k or n do not fit the grid.
    """
    if not 1 <= k <= grid:
        raise ModelError(f"Mask blocks of {k} cells do not fit a feature grid of {grid}; choose k from 1 to {grid}.")
    side = -(-grid // k)
    if not 1 <= n <= side * side:
        raise ModelError(
            f"{side * side} mask blocks cannot be dealt into {n} subsets; choose n from 1 to {side * side}."
        )
    dealt = torch.empty(side * side, dtype=torch.long)
    dealt[torch.randperm(side * side, generator=generator)] = torch.arange(side * side) % n
    cells = dealt.view(side, side).repeat_interleave(k, 0).repeat_interleave(k, 1)[:grid, :grid]
    return torch.stack([(cells == i).float() for i in range(n)]).unsqueeze(1)


class CrossedMask(nn.Module):
    """The crossed mask hides subsets of a feature map and puts together what was restored.

    The masks of inference are drawn once from a seed and kept as a buffer, so the same tile always scores the same.
    With several k each position is hidden once for every k, and its restorations are averaged.  With n = 1 the idea is
    switched off: nothing is hidden, and the one pass is judged everywhere.
    """

    masks: Tensor

    def __init__(self, grid: int, ks: Sequence[int], n: int, seed: int) -> None:
        super().__init__()
        self.grid = grid
        self.ks = tuple(ks)
        self.n = n
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("masks", torch.cat([crossed_masks(grid, k, n, generator) for k in self.ks]))

    def draw(self, generator: torch.Generator) -> Tensor:
        """Draw new masks for one training step, of one of the k: float32 ``[n, 1, grid, grid]``."""
        chosen = 0
        if len(self.ks) > 1:
            chosen = int(torch.randint(len(self.ks), (1,), generator=generator))
        return crossed_masks(self.grid, self.ks[chosen], self.n, generator).to(self.masks.device)

    def hidden(self, masks: Tensor | None = None) -> Tensor:
        """Return what each pass hides, 1 there and else 0: ``[p, 1, g, g]``, of ``masks`` or those of inference."""
        masks = self.masks if masks is None else masks
        return masks if self.n > 1 else torch.zeros_like(masks)

    def spread(self, features: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Make one pass per subset of features ``[N, D, g, g]``, the p passes (n for every k) of a tile side by side.

        Returns:
            Features with the subset zeroed ``[N*p, D, g, g]`` and the masks ``[N*p, 1, g, g]``.
        """
        hidden = self.hidden(masks).to(features.dtype).unsqueeze(0)
        shown = (features.unsqueeze(1) * (1 - hidden)).flatten(0, 1)
        return shown, hidden.expand(features.shape[0], -1, -1, -1, -1).flatten(0, 1)

    def gather(self, restored: Tensor, masks: Tensor | None = None) -> Tensor:
        """Judge each position by the passes in which it was hidden: ``[N*p, D, g, g]`` -> ``[N, D, g, g]``."""
        times = len(self.ks) if masks is None else len(masks) // self.n
        masks = self.masks if masks is None else masks
        passes = restored.reshape(-1, self.n * times, *restored.shape[1:])
        total = (passes * masks.to(restored.dtype).unsqueeze(0)).sum(1)
        return total / times if times > 1 else total
