"""This module watches the light while good cloth passes, to report lamp, fall-off and dust before they do harm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d, uniform_filter1d

from calibration.columns import DUST_LOSS, NEIGHBOURS_PX, column_faults
from calibration.errors import PictureError

Profile = NDArray[np.float64]

LAMP_DRIFT = 0.10
"""The level may change by this share: flaws show by a contrast of about that share and more, and the exposure leaves
room for it at either end."""
FALLOFF_DRIFT = 0.03
"""A part across may change against the rest by this share: three times what a good shading leaves."""
SETTLING = 30
"""This many readings make the reference, and later ones are averaged over as many."""

_PARTS = ("at the left edge", "left of the middle", "in the middle", "right of the middle", "at the right edge")
_DARK = 0.05  # share of the light
_SPECK_PX = 3  # columns a speck of dust shades at least
_WIDTHS_PX = range(3, 9)  # columns averaged, so that yarns, which wander sideways with the cloth, vanish
_EDGE_PX = max(_WIDTHS_PX) // 2
_WANDER_PX = 16  # a stripe's border wanders so far with the cloth
_STRIPE = 0.2  # a stripe differs from the cloth beside it by this share; single yarns differ by less
_OUTLYING = 7.0  # deviations of the columns among themselves, what is left of the yarns


class ShadingWatch:
    """The watch reports when the light drifts, from column means of good cloth.

    All readings are of one fabric, at one exposure.  Dust is reported where three columns lose 3 per cent of their
    light (a third of the contrast of a faint flaw), or more where the cloth wanders sideways and its yarns leave more
    behind.  Dust that was there from the start is not seen: a shading from references names it.  A broken end that
    runs on looks like dust, so both are named.

    Args:
        reference: column means float64 ``[width]`` of this fabric when all was well, not a number beside the web;
            None: the median of the first 30 readings.
    """

    def __init__(self, reference: Profile | None = None) -> None:
        self.reference = reference
        self._first: list[Profile] = []
        self._now: Profile | None = None
        self._readings = 0

    def feed(self, means: Profile) -> str | None:
        """Take a reading; return what has drifted, in a sentence or more, or None while all is well.

        Args:
            means: column means float64 ``[width]`` of good cloth, about one reading a second; not a number beside the
                web.  The shading may be applied or not, but always in the same way.

        Raises:
            PictureError: another width than before.
        """
        before = self._first[0] if self._first else self.reference
        if before is not None and before.shape != means.shape:
            raise PictureError(
                f"A reading of {len(means)} columns follows those of {len(before)}; start a new watch for a new width."
            )
        if self.reference is None:
            self._first.append(means.astype(np.float64))
            if len(self._first) == SETTLING:
                self.reference = _median(self._first)
                self._first.clear()
            return None
        self._average(means)
        return self._said() if self._readings >= SETTLING else None

    def _average(self, means: Profile) -> None:
        """Blend a reading into the running mean; columns without cloth keep what they had."""
        self._readings += 1
        if self._now is None:
            self._now = means.astype(np.float64)
            return
        share = max(1 / self._readings, 1 / SETTLING)
        blended = self._now + share * (means - self._now)
        self._now = np.where(np.isnan(means), self._now, np.where(np.isnan(self._now), means, blended))

    def _said(self) -> str | None:
        assert self._now is not None
        assert self.reference is not None
        known = np.flatnonzero(np.isfinite(self._now) & np.isfinite(self.reference) & (self.reference > 0))
        if len(known) < NEIGHBOURS_PX:
            return None
        columns = np.arange(known[0], known[-1] + 1)
        now, reference = (np.interp(columns, known, profile[known]) for profile in (self._now, self.reference))
        level = float(np.median(now / reference))
        if level < _DARK:
            return "The light has gone out; switch the lamp on."
        said = (_lamp(level), _falloff(now / reference / level), _dust(now, reference, int(known[0])))
        return " ".join(filter(None, said)) or None


def _lamp(level: float) -> str:
    if abs(level - 1) <= LAMP_DRIFT:
        return ""
    if level < 1:
        said = f"{1 - level:.0%} weaker than at first; clean or change the lamp, or expose longer"
    else:
        said = f"{level - 1:.0%} stronger than at first; look for stray light, or expose shorter"
    return f"The light is {said}, then calibrate the shading anew."


def _falloff(change: Profile) -> str:
    """Name the part across that has changed most against the rest."""
    parts = np.array([np.median(part) for part in np.array_split(change, len(_PARTS))]) - 1
    worst = int(np.abs(parts).argmax())
    if abs(parts[worst]) <= FALLOFF_DRIFT:
        return ""
    return (
        f"The light {_PARTS[worst]} has become {abs(parts[worst]):.0%} {'darker' if parts[worst] < 0 else 'lighter'} "
        "against the rest; clean and straighten the lamp, then calibrate the shading anew."
    )


def _dust(now: Profile, reference: Profile, first_px: int) -> str:
    """Name columns that have become darker; none if about as many have become lighter, as then the cloth has moved.

    Nor is a column named that is as dark as the cloth close beside it was from the start: the border of a stripe, which
    is part of the cloth, has wandered.
    """
    tried = [_spread_over(width, now, reference) for width in _WIDTHS_PX]
    spread, width, change = min(tried, key=lambda found: found[0])
    limit = max(DUST_LOSS * _SPECK_PX, _OUTLYING * spread) / width
    shades = uniform_filter1d(reference, width)[_EDGE_PX:-_EDGE_PX]
    seen = change * shades
    reach = 2 * _WANDER_PX + 1
    darkest, lightest = minimum_filter1d(shades, reach), maximum_filter1d(shades, reach)
    at_border = darkest < (1 - _STRIPE) * lightest
    as_dark = at_border & (seen >= (1 - _STRIPE / 2) * darkest)
    as_light = at_border & (seen <= (1 + _STRIPE / 2) * lightest)
    faults = [fault for fault in column_faults(change, limit) if not as_dark[fault.columns].all()]
    lighter_faults = [fault for fault in column_faults(1 / change, limit) if not as_light[fault.columns].all()]
    darker, lighter = (sum(fault.width_px for fault in found) for found in (faults, lighter_faults))
    if not darker or 2 * lighter >= darker:
        return ""
    worst = max(faults, key=lambda fault: fault.loss)
    column = first_px + _EDGE_PX + (worst.first_px + worst.last_px) // 2
    others = f" and at {len(faults) - 1} more" if len(faults) > 1 else ""
    return (
        f"It has become darker about column {column}{others}: if no end is missing there, wipe dust off lens and lamp."
    )


def _spread_over(width: int, now: Profile, reference: Profile) -> tuple[float, int, Profile]:
    """Average the change of columns over ``width``; return how far it spreads, in columns of light, and the change."""
    change = uniform_filter1d(now, width) / uniform_filter1d(reference, width)
    change = change[_EDGE_PX:-_EDGE_PX]  # too few columns are averaged there for the yarns to vanish
    detail = change - median_filter(change, NEIGHBOURS_PX, mode="mirror")
    return width * 1.4826 * float(np.median(np.abs(detail))), width, change


def _median(readings: list[Profile]) -> Profile:
    """Return the median of each column over its readings; not a number where there were none."""
    stacked = np.stack(readings)
    seen = np.isfinite(stacked).any(axis=0)
    middle = np.full(stacked.shape[1], np.nan)
    middle[seen] = np.nanmedian(stacked[:, seen], axis=0)
    return middle
