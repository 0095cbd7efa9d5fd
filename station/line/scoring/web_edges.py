"""This module says where cloth lies across the picture."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebEdges:
    """The edges say that columns ``[left_px, right_px)`` hold cloth that can be inspected.

    ``borders`` are where cloth begins and ends, selvedges included, as near as a bin of 8 px tells; None on a side on
    which it does so outside the picture, or it is not known.
    """

    left_px: int
    right_px: int
    borders: tuple[int | None, int | None] = field(default=(None, None), compare=False)

    @property
    def cloth_px(self) -> int:
        """Give the width of the cloth in px from border to border, 0 where it is not known."""
        first, end = self.borders
        return 0 if first is None or end is None else max(0, end - first)
