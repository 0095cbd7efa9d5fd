"""This module notices that a whole web differs from what was taught, tells it once, and judges flaws against that web.

Cloth of another day (denser picks, other light), or of another style, scores high nearly everywhere.  That is one
message and no flood of defects: while it lasts, as much is taken off all scores as the middle of the web scores higher
than good cloth did, so that flaws stand out from the web around them.  Scores are logarithms of errors, kept positive
(:func:`model.scorer.unfolded`): it is taken off the logarithms.  Divided instead, the scores of strong flaws fell by
more than the cloth around them had risen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivers.notice import Notice, Severity
from model.scorer import folded, unfolded
from station.line.flow import StripPart
from station.line.judging.web_cause import UNKNOWN_CAUSE, Known, cause_of, is_other
from station.recipe import Recipe
from station.recipe.cloth_look import WINDOW_PX, Features, look_at
from station.recipe.score_levels import levels_across
from station.state.cloth_differs import ClothDiffers

SHARE = 0.5
"""The web differs if this share of its width does: flaws fill less."""
SPREADS, LEAST_APART = 2.0, 0.25
"""A part of the web differs if its level lies so many spreads of good cloth away, and this much of a logarithm."""
BEGIN_LINES = 1024
"""The state begins once this much cloth without a break differs, and ends once as much does not; a stop mark or a flaw
across the web is shorter.  A picture stands by itself."""
OTHER_WIDTH = 0.1
"""A web wider or narrower than the one taught by this share has other cloth in each of its parts: these are then not
compared."""
DIFFERS = "cloth differs"
AT_BEGIN_LINES = 2048
"""What differs from before this line on, differs from the roll's beginning."""

Tell = Callable[[Notice | ClothDiffers], None]


def lowered(scores: NDArray[np.float32], by: float) -> NDArray[np.float32]:
    """Return raw scores with so much taken off their logarithms, 0 where there is no cloth."""
    return np.where(scores > 0, folded(unfolded(scores) - np.float32(by)), np.float32(0)).astype(np.float32)


class WebState:
    """The state takes every part of the strip before it is judged.  Used from one thread.

    Without levels and look in the recipe (of a version before they were learned), or where it is not to tell differing
    cloth, it never begins.

    Args:
        known: how other fabrics look, by name, so that one that fits better is named.
    """

    def __init__(self, recipe: Recipe, tell: Tell, known: Known | None = None) -> None:
        self._levels = recipe.levels if recipe.tells_differing else None
        self._look = recipe.look if recipe.tells_differing else None
        self._known = known or {}
        self._limit = 0.0 if self._levels is None else max(LEAST_APART, SPREADS * self._levels.spread)
        self._recipe = recipe
        self._tell = tell
        self._piece: str | None = None
        self._pieces: dict[bool, int] = {False: 0, True: 0}
        self._turned: int | None = None
        self._shares: list[float] = []
        self._began: int | None = None
        self._end_line = 0
        self._higher = 0.0
        self._features: Features | None = None
        self._waiting: list[StripPart] = []
        self._cause = UNKNOWN_CAUSE
        self._causes: set[str] = set()

    @property
    def is_on(self) -> bool:
        """Say whether cloth differs now."""
        return self._began is not None

    def see(self, part: StripPart) -> StripPart:
        """Take a part; returns it as it is to be judged."""
        if not part.seen or (self._levels is None and self._look is None):
            return part
        if part.piece != self._piece:
            self._higher = 0.0  # the piece before says nothing of this one
        end = part.run_line + part.end
        stretch = self._stretch(part)
        share = None if stretch is None else self._share(stretch)
        if stretch is not None and share is not None:
            self._turn(part.piece, stretch.run_line + stretch.first, end, share)
        self._end_line = end
        if not self.is_on or self._higher <= 0:
            return part
        scores = lowered(part.scores * part.divisors, self._higher) / part.divisors  # levels are of raw scores
        divisors = part.divisors * np.divide(part.scores, scores, out=np.ones_like(scores), where=scores > 0)
        return replace(part, scores=scores, divisors=divisors)

    def _stretch(self, part: StripPart) -> StripPart | None:
        """Return the part with those before it that were too short to tell, its scores raw; None while too short.

        A slow loom is judged a few lines at a time; a picture has what it has.
        """
        last = self._waiting[-1] if self._waiting else None
        if last is not None and (last.run_line, last.end, last.piece) != (part.run_line, part.first, part.piece):
            self._waiting.clear()
        self._waiting.append(part)
        parts = self._waiting
        if part.piece is None and part.end - parts[0].first < WINDOW_PX:
            return None
        self._waiting = []
        return replace(
            part,
            first=parts[0].first,
            pixels=np.concatenate([one.pixels for one in parts]) if len(parts) > 1 else part.pixels,
            scores=np.concatenate([one.scores * one.divisors for one in parts]),
            left_px=max(one.left_px for one in parts),
            right_px=min(one.right_px for one in parts),
        )

    def _share(self, stretch: StripPart) -> float | None:
        """Return the share of the width that differs, None where too little is seen to tell; all of it where cloth
        looks other, whatever it scores.  Note how much higher than good cloth it scores."""
        share: float | None = None
        if self._levels is not None:
            levels = levels_across(stretch.scores, stretch.left_px, stretch.right_px)
            if levels is not None and self._is_as_wide(stretch.right_px - stretch.left_px):
                apart = self._levels.apart(levels)
                share = float(np.mean(np.abs(apart) > self._limit))
                self._higher = self._levels.higher(levels)
        if self._look is not None:
            features = look_at(stretch.pixels, stretch.left_px, stretch.right_px)
            if features is not None:
                self._features = features
                share = 1.0 if is_other(self._look, features, self._known) else share or 0.0
        return share

    def _is_as_wide(self, width_px: int) -> bool:
        taught = self._recipe.cloth
        return taught is None or abs(width_px / (taught.web_right_px - taught.web_left_px) - 1) <= OTHER_WIDTH

    def end(self) -> None:
        """End the roll: tell the end of a state that lasts, and how many pictures differed."""
        if self._began is not None:
            self._finish(self._end_line)
        other, right = self._pieces[True], self._pieces[False]
        if other > 1:
            text = f"{other} of {other + right} pictures differ as a whole from what was taught."
            self._tell(Notice(Severity.WARNING, text))

    def _turn(self, piece: str | None, first: int, end: int, share: float) -> None:
        """Begin or end the state, if a stretch with this share of differing width makes it so."""
        differs = share >= SHARE
        if piece is not None:
            is_new = piece != self._piece
            self._piece = piece
            if is_new:
                self._pieces[differs] += 1
                if differs is not self.is_on:
                    self._change(first, share)
            if differs:
                self._shares.append(share)
            return
        self._piece = None
        if differs:
            self._shares.append(share)
        if differs is self.is_on:
            self._turned = None
            if not differs:
                self._shares.clear()
            return
        if self._turned is None:
            self._turned = first
        if end - self._turned >= BEGIN_LINES:
            self._change(self._turned, share)
            self._turned = None

    def _change(self, line: int, share: float) -> None:
        if self._began is not None:
            self._finish(line)
            return
        self._began = line
        self._shares = self._shares or [share]
        share = float(np.mean(self._shares))
        if self._look is not None and self._features is not None:
            self._cause = cause_of(self._look, self._features, self._known)
        self._tell(ClothDiffers(line, None, round(share, 2), self._cause))
        if self._piece is None or self._cause not in self._causes:
            self._causes.add(self._cause)
            begins = DIFFERS if self._piece is None else ""  # of pictures, each stands by itself
            self._tell(Notice(Severity.WARNING, self._begin_told(line, share), begins=begins))

    def _finish(self, line: int) -> None:
        assert self._began is not None
        share = float(np.mean(self._shares)) if self._shares else 0.0
        self._tell(ClothDiffers(self._began, line, round(share, 2), self._cause))
        if self._piece is None and line < self._end_line:
            text = f"The cloth looks as taught again since {self._place(line)}."
            self._tell(Notice(Severity.INFO, text, ends=DIFFERS))
        self._began = None
        self._shares.clear()

    def _begin_told(self, line: int, share: float) -> str:
        where = f"picture {self._piece}" if self._piece is not None else self._place(line)
        begins = "  The roll begins so: check that fabric and recipe fit." if line < AT_BEGIN_LINES else ""
        return (
            f"This cloth differs from what was taught over {share:.0%} of its width since {where}: {self._cause}  "
            f"Meanwhile flaws are judged against the cloth around them, and scores mean less.{begins}"
        )

    def _place(self, line: int) -> str:
        if self._recipe.mm_per_px is None:
            return f"line {line}"
        return f"{line * self._recipe.scale_along / 1000:.1f} m"
