"""Finds where the cloth lies across the picture, so that nothing beside it is judged as cloth.

What lies beside the web is smooth or clipped: white (an over-exposed backlight), black (padding, a gap) or a machine
table with bright lines along or across.  Cloth has structure along *and* across at once, because warp and weft cross.
The measure of that is the mixed difference ``I(y,x) - I(y,x+1) - I(y+1,x) + I(y+1,x+1)``: a line, a streak or a shade,
however bright, cancels in it; a crossing does not.  It is taken twice, at full size and after averaging 2 × 2 pixels.
Their ratio tells structure (survives averaging) from camera noise (halved by it), so a dark stripe of yarn, weak but
structured, stays cloth, while a table as bright as the cloth does not.

Everything is judged against the cloth of the same picture: there are no absolute texture levels to tune, and cloth
that fills the picture, whatever its weave, has nothing beside it that differs and so ends at the picture's borders.

Assumptions: the web is one piece, covers at least a third of the picture, and what lies beside it reaches the
picture's border on its side.  It may be of any width where it is clipped, two bins wide where its shade is another
than the cloth's, and must be six bins wide to be told by its texture alone (less may be the weave's own pattern).  What
lies inside the web (holes, stains, creases, missing yarns) never moves an edge; at the edge itself a flaw counts only
if it fills most lines.  After an off-web stretch the selvedge bands, up to ``SELVEDGE_PX`` wide, are left out as well.
Where the web ends at the picture's border no selvedge is looked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from station.control import StationError

BIN_PX = 8
"""Resolution across, in px: an edge is rounded inwards to it."""

SELVEDGE_PX = 128
"""Widest selvedge, in px, that is left out."""

MIN_LINES = 8
"""Fewest lines in which cloth can be told from what is not."""

_BAND_LINES = 32  # statistics over lines are medians over bands of about this height ...
_MAX_BANDS = 8  # ... and at most so many
_RUN_BINS = 6  # cloth begins where so many neighbouring bins look like cloth
_TEXTURE = 0.45  # of the cloth's own texture: below is a candidate for "not cloth"
_TEXTURE_OF_OTHER_SHADE = 0.7  # ... where the shade is another as well,
_SHADE = 0.3  # by so much in natural logarithm
_SHADE_STEP = 0.15  # a step of shade this high (natural logarithm) marks where the cloth begins
_STRUCTURE = 0.8  # of the cloth's own structure-to-noise ratio: the candidate is smooth, not merely dark
_FLAT = 0.1  # of the cloth's own texture: flat beyond doubt
_WIDE_BINS = 5  # wider than any pattern of the weave
_INSET_BINS = 2  # further in, because the border wanders within the block
_LOOP_BINS = 3  # loops and loose ends reach so far into the cloth
_CLIPPED_HIGH, _CLIPPED_LOW = 250.0, 4.0  # mean level of a column that saw only lamp or nothing
_WEAK_STRUCTURE, _CLEARER = 1.2, 1.2  # structure below which 4 × 4 means are tried, and how much better they must be
_BLANK = 0.2  # texture (grey levels) below which a whole picture shows nothing
_GONE = 0.6  # a noise-like picture with less than this of the texture seen before: the cloth is gone
_NOISE_STRUCTURE, _NOISE_TEXTURE = 0.62, 4.0  # a picture of nothing but camera noise on a smooth table

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WebEdges:
    """Columns ``[left_px, right_px)`` hold cloth that can be inspected."""

    left_px: int
    right_px: int

    @property
    def width_px(self) -> int:
        """Inspectable width."""
        return self.right_px - self.left_px


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """Float32 ``[bins]`` along the picture: medians over bands of lines."""

    level: Floats  # grey level
    texture: Floats  # mixed difference of 2 × 2 means; of 4 × 4 where that tells coarse yarn better from noise
    structure: Floats  # the same over the mixed difference at full size: about 0.5 for noise, more for structure
    weft: Floats  # difference along the machine direction: how strongly the picks show
    uneven: Floats  # brightest band over darkest: loops and loose ends of the selvedge
    typical_texture: float  # of 2 × 2 means, of the cloth as far as one can tell
    is_noise: bool  # at this scale there is nothing but camera noise

    def mirrored(self) -> _Profile:
        """Seen from the other side."""
        level, texture, structure = self.level[::-1], self.texture[::-1], self.structure[::-1]
        weft, uneven = self.weft[::-1], self.uneven[::-1]
        return replace(self, level=level, texture=texture, structure=structure, weft=weft, uneven=uneven)


class WebFinder:
    """Finds the web's edges, block by block.

    Each answer stands on its own block.  The history only steps in where an edge lies more than ``jump_px`` outside the
    median of the last blocks: the web does not jump, so cloth is left out rather than a table judged until most of the
    last blocks agree.  Inwards an edge may always move.  And where the texture seen so far falls to bare noise, the
    cloth is gone: a single picture of nothing but a table has no cloth in it to compare with, so a fresh finder takes
    a table with marks for cloth.
    """

    def __init__(self, blocks: int = 5, jump_px: int = 96) -> None:
        """``blocks``: how many the median is taken over."""
        self._jump_px = jump_px
        self._lefts: deque[int] = deque(maxlen=blocks)
        self._rights: deque[int] = deque(maxlen=blocks)
        self._textures: deque[float] = deque(maxlen=blocks)

    def reset(self) -> None:
        """Forget the blocks so far: a new piece of cloth begins."""
        self._lefts.clear()
        self._rights.clear()
        self._textures.clear()

    def find(self, pixels: NDArray[np.uint8]) -> WebEdges | None:
        """Edges of the inspectable cloth in one block or tile row.

        Args:
            pixels: ``[lines, width]`` or ``[lines, width, 3]`` (RGB) uint8, at least 8 lines and 64 columns.

        Returns:
            Edges, or None if no cloth is in sight.

        Raises:
            StationError: the block has another shape or type.
        """
        grey = _grey(pixels)
        profile = _measure(grey)
        if self._textures and profile.is_noise and profile.typical_texture < _GONE * median(self._textures):
            return None
        edges = _edges(grey, profile)
        if edges is None:
            return None
        self._textures.append(profile.typical_texture)
        self._lefts.append(edges.left_px)
        self._rights.append(edges.right_px)
        usual_left, usual_right = round(median(self._lefts)), round(median(self._rights))
        left = usual_left if edges.left_px < usual_left - self._jump_px else edges.left_px
        right = usual_right if edges.right_px > usual_right + self._jump_px else edges.right_px
        return WebEdges(left, right) if left < right else edges


def find_edges(pixels: NDArray[np.uint8]) -> WebEdges | None:
    """As :meth:`WebFinder.find`, without any memory of other blocks."""
    grey = _grey(pixels)
    return _edges(grey, _measure(grey))


def _edges(grey: NDArray[np.uint8], profile: _Profile) -> WebEdges | None:
    width = grey.shape[1]
    cloth = _looks_like_cloth(profile)
    span = _span(cloth)
    if span is None:
        return None
    first, end = span
    bins = len(cloth)
    left = right = 0
    if _ends_before(profile, first):
        left = _ground_begins(profile, first, end) * BIN_PX
    other_side = profile.mirrored()
    if _ends_before(other_side, bins - end):
        right = _ground_begins(other_side, bins - end, bins - first) * BIN_PX + width % BIN_PX
    right = width - right
    left, right = _trim_clipped(grey, left, right)
    return WebEdges(left, right) if right - left >= _RUN_BINS * BIN_PX else None


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise StationError(
            f"The web's edges cannot be found in an array of {pixels.dtype} and shape {list(shape)}; "
            "give uint8 of shape [lines, width] or [lines, width, 3]."
        )
    if shape[0] < MIN_LINES or shape[1] < 8 * BIN_PX:
        raise StationError(
            f"The web's edges cannot be found in {shape[0]} lines of {shape[1]} px; "
            f"give at least {MIN_LINES} lines of {8 * BIN_PX} px."
        )
    return pixels if len(shape) == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _measure(grey: NDArray[np.uint8]) -> _Profile:
    lines, width = grey.shape
    bands = int(np.clip(lines // _BAND_LINES, 1, _MAX_BANDS))
    grey = grey[: lines // 2 * 2, : width // BIN_PX * BIN_PX]
    halved = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.int16)
    quarter = np.asarray(cv2.resize(halved, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.int16)
    along = halved[1:] - halved[:-1]
    # At full size every other pair of lines is enough.
    fine = _cells(_across(grey[0:-1:4].astype(np.int16) - grey[1::4]), bands, BIN_PX)
    coarse = _cells(_across(along), bands, BIN_PX // 2)
    coarser = _cells(_across(quarter[1:] - quarter[:-1]), bands, BIN_PX // 4)
    level = _cells(halved, bands, BIN_PX // 2)
    texture, structure = np.median(coarse, axis=0), np.median((coarse + 0.05) / (fine + 0.1), axis=0)
    typical_texture, typical_structure = _typical(texture, structure)
    if typical_structure < _WEAK_STRUCTURE:
        wide = cv2.blur(2 * coarser, (5, 1))  # noise alone has as much of this as of ``coarse``
        wide_texture, wide_structure = np.median(wide, axis=0), np.median((wide + 0.05) / (fine + 0.1), axis=0)
        if _typical(wide_texture, wide_structure)[1] > _CLEARER * typical_structure:
            texture, structure = wide_texture, wide_structure
    return _Profile(
        level=np.median(level, axis=0),
        texture=texture,
        structure=structure,
        weft=np.median(_cells(np.abs(along), bands, BIN_PX // 2), axis=0),
        uneven=(level.max(axis=0) + 4) / (level.min(axis=0) + 4),
        typical_texture=typical_texture,
        is_noise=typical_structure < _NOISE_STRUCTURE,
    )


def _typical(texture: Floats, structure: Floats) -> tuple[float, float]:
    """Texture and structure of the cloth, as long as it covers a third of the picture."""
    typical = float(np.percentile(texture, 70))
    return typical, float(np.median(structure[texture >= 0.6 * typical]))


def _across(along: NDArray[np.int16]) -> NDArray[np.int16]:
    """Mixed difference, as wide as its source."""
    mixed = np.empty_like(along)
    np.abs(along[:, 1:] - along[:, :-1], out=mixed[:, :-1])
    mixed[:, -1] = mixed[:, -2]
    return mixed


def _cells(values: NDArray[np.int16], bands: int, columns: int) -> Floats:
    """Means float32 ``[bands, width / columns]``."""
    borders = np.linspace(0, len(values), bands + 1).astype(int)
    means = [cv2.reduce(values[a:b], 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F) for a, b in pairwise(borders)]
    return np.asarray(np.concatenate(means).reshape(bands, -1, columns).mean(axis=2), dtype=np.float32)


def _looks_like_cloth(profile: _Profile) -> NDArray[np.bool_]:
    """Bool ``[bins]``."""
    texture, structure = _median5(profile.texture), _median5(profile.structure)
    typical, typical_structure = _typical(texture, structure)
    if typical < _BLANK or (typical_structure < _NOISE_STRUCTURE and typical < _NOISE_TEXTURE):
        return np.zeros(len(texture), dtype=np.bool_)
    shade = np.log(profile.level + 4)
    other_shade = np.abs(shade - np.median(shade[texture >= 0.6 * typical])) > _SHADE
    weak = texture < np.where(other_shade, _TEXTURE_OF_OTHER_SHADE, _TEXTURE) * typical
    smooth = weak & (structure < _STRUCTURE * typical_structure)
    flat = profile.texture < _FLAT * typical
    return ~(smooth | flat)


def _median5(values: Floats) -> Floats:
    return np.asarray(cv2.medianBlur(values.reshape(1, -1), 5), dtype=np.float32).ravel()


def _span(cloth: NDArray[np.bool_]) -> tuple[int, int] | None:
    """First and end bin of the cloth: from the first to the last run of ``_RUN_BINS``."""
    run = np.convolve(cloth.astype(np.int32), np.ones(_RUN_BINS, dtype=np.int32), mode="valid") == _RUN_BINS
    starts = np.flatnonzero(run)
    return (int(starts[0]), int(starts[-1]) + _RUN_BINS) if len(starts) else None


def _ends_before(profile: _Profile, first: int) -> bool:
    """Whether what lies before bin ``first`` is not cloth: a narrow stretch may be the weave's own pattern."""
    if first == 0 or first >= _WIDE_BINS:
        return first > 0
    shade = np.log(profile.level + 4)
    step = abs(float(np.median(shade[first : first + 24]) - shade[0]))
    return step > _SHADE or bool(profile.texture[0] < _FLAT * profile.typical_texture)


def _ground_begins(profile: _Profile, first: int, end: int) -> int:
    """Bin where the ground weave begins, for cloth found from bin ``first`` on with something else before it."""
    border = _border(profile, first, end)
    reach = min(SELVEDGE_PX // BIN_PX, (end - border) // 4)
    selvedge = _selvedge_bins(profile, border, end, reach)
    return border + selvedge + (1 if selvedge else _INSET_BINS)


def _border(profile: _Profile, first: int, end: int) -> int:
    """Bin where cloth begins, by the cloth near it: lenses are less sharp at the side than in the middle."""
    around = slice(max(0, first - SELVEDGE_PX // BIN_PX), min(end, first + 4))
    below = _beside(_median5(profile.texture), first, end, towards_cloth=0.5)
    below[first:] = False
    shade = np.log(profile.level + 4)
    step = abs(float(np.median(shade[first : first + 24]) - np.median(shade[:first])))
    if step > _SHADE_STEP:
        below |= _beside(shade, first, end, towards_cloth=0.5)
    last = np.flatnonzero(below[around])
    return around.start + (int(last[-1]) + 1 if len(last) else 0)


def _beside(values: Floats, first: int, end: int, towards_cloth: float) -> NDArray[np.bool_]:
    """Bool ``[bins]``: values nearer to those before ``first`` than to those after it."""
    near, beside = float(np.median(values[first : min(end, first + 24)])), float(np.median(values[:first]))
    level = beside + towards_cloth * (near - beside)
    return values < level if near > beside else values > level


def _selvedge_bins(profile: _Profile, border: int, end: int, reach: int) -> int:
    """Number of bins from ``border`` that differ from the ground in shade, in texture or in how their picks show.

    The ground's own spread, seen further in, sets what counts as different.  Single bins that do not differ lie within
    the selvedge, two or more in a row end it.  Weaves of few pixels per yarn beat against the pixels, so their texture
    swells slowly across the web: a difference in texture that does not end within reach is no selvedge.
    """
    ground = slice(border + reach, min(end, border + 4 * reach + 8))

    def differs(values: Floats, floor: float, within: int) -> NDArray[np.bool_]:
        logs = np.log(values + 0.05)
        middle = float(np.median(logs[ground]))
        spread = 1.5 * float(np.median(np.abs(logs[ground] - middle)))
        different = np.zeros(reach + 2, dtype=np.bool_)
        different[:within] = np.abs(logs[border : border + within] - middle) > max(floor, 4 * spread)
        return different

    def length(different: NDArray[np.bool_]) -> int:
        return int(np.argmin(different[:-1] | different[1:]))

    # Loose ends reach a little way only; a flaw across the web is uneven too.
    shade = differs(profile.level, 0.12, reach) | differs(profile.uneven, 0.12, min(reach, _LOOP_BINS))
    texture = differs(_mean3(profile.texture), 0.25, reach) | differs(_mean3(profile.weft), 0.25, reach)
    bins = length(shade | texture)
    return bins if bins < reach else length(shade)


def _mean3(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values.reshape(1, -1), (3, 1)), dtype=np.float32).ravel()


def _trim_clipped(grey: NDArray[np.uint8], left: int, right: int) -> tuple[int, int]:
    """Leave out clipped columns narrower than the texture can tell (padding of a few pixels)."""
    reach = min(4 * BIN_PX, (right - left) // 4)

    def clipped(columns: NDArray[np.uint8]) -> int:
        level = columns.mean(axis=0)
        return int(np.argmin(np.append((level > _CLIPPED_HIGH) | (level < _CLIPPED_LOW), False)))

    return left + clipped(grey[:, left : left + reach]), right - clipped(grey[:, right - reach : right][:, ::-1])
