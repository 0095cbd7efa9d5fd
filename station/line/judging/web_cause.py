"""This module says in words why a web may differ from what was taught, and which other fabric it looks like."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from station.recipe.cloth_look import BANDS, ClothLook, Features

FAR, SPREADS = 2.2, 2.0
"""Cloth looks other if it is so far from good cloth, and so many times farther than good cloth is from itself."""
NEARER = 0.6
"""Another fabric is named if cloth is so much nearer to it, and near enough to be it."""
UNKNOWN_CAUSE = "density, light, focus, scale or another fabric?"
NOTABLE, LEAST_LEFT = 2.0, 0.65
"""A feature is notable so many spreads away; a cause explains a difference if so much of it is left at most."""
LIKE = 1.5
"""Yarns so near to the taught ones are the same."""
SHIFTS = np.linspace(-5, 5, 41)

Known = Mapping[str, ClothLook]
"""The looks of other fabrics by name."""


def is_far(look: ClothLook, features: Features) -> bool:
    """Say whether cloth looks so unlike good cloth that it is told."""
    return look.distance_of(features) > max(FAR, SPREADS * look.distance)


def is_other(look: ClothLook, features: Features, known: Known) -> bool:
    """Say whether cloth is to be told: it looks far from good cloth, or not near and like another fabric."""
    if is_far(look, features):
        return True
    return look.distance_of(features) > LIKE and bool(looks_like(look, features, known))


def looks_like(look: ClothLook, features: Features, known: Known) -> str:
    """Return the name of the other fabric that cloth looks like, '' if it looks like none more than like its own."""
    distances = {name: other.distance_of(features) for name, other in known.items()}
    nearest = min(distances, key=lambda name: distances[name], default="")
    if not nearest or distances[nearest] > NEARER * look.distance_of(features) or is_far(known[nearest], features):
        return ""
    return nearest


def cause_of(look: ClothLook, features: Features, known: Known) -> str:
    """Say what is most likely the cause of a difference, as a question for people."""
    name = looks_like(look, features, known)
    if name:
        return f"it looks like {name}: is it the right recipe?"
    apart = look.apart(features)
    sides = apart[2 : 2 + BANDS], apart[2 + BANDS :]
    if abs(apart[0]) > NOTABLE and max(_size(side) for side in sides) < LIKE:
        return "light or exposure?"
    if max(_size(side) for side in sides) < NOTABLE / 2:
        return UNKNOWN_CAUSE
    fine = slice(BANDS // 2, None)
    if all(np.mean(side[fine]) < -NOTABLE / 2 for side in sides):
        return "focus (its yarns are less sharp)?"
    if all(np.mean(side[fine]) > NOTABLE for side in sides):
        return "focus or noise (its picture is finer than the one taught)?"
    shifts = [_shift(look, features, first) for first in (2, 2 + BANDS)]
    if all(shifts):
        return "scale (camera, lens or distance)?"
    if any(shifts):
        which = "across" if shifts[0] else "along"
        return f"density (threads {which} the roll are {'closer' if max(shifts, key=abs) > 0 else 'wider apart'})?"
    return "another fabric?"


def _size(apart: Features) -> float:
    return float(np.sqrt(np.mean(apart**2)))


def _shift(look: ClothLook, features: Features, first: int) -> float:
    """Return by how many bands the spectrum from feature ``first`` on moved to finer ones; 0 if that is no cause."""
    now, bands = features[first : first + BANDS], np.arange(BANDS)
    left = {}
    for shift in SHIFTS.tolist():
        moved = features.copy()
        moved[first : first + BANDS] = np.interp(bands + shift, bands, now)
        left[shift] = _size(look.apart(moved)[first : first + BANDS])
    best = min(left, key=lambda shift: left[shift])
    return float(best) if left[0.0] > NOTABLE / 2 and left[best] < LEAST_LEFT * left[0.0] else 0.0
