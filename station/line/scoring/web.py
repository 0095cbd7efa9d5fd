"""This module finds where the cloth is across the picture, so that nothing beside it is judged as cloth.

The picture beside the web is smooth or clipped: white (an over-exposed backlight), black (padding, a gap) or a machine
table with bright lines along or across.  Cloth has structure along *and* across at once, because warp and weft cross.
:mod:`station.line.scoring.web_profile` measures texture, and structure as opposed to camera noise, so that a dark
stripe of yarn, weak but structured, stays cloth, while a table as bright as the cloth does not.

Everything is judged against the cloth of the same picture: there are no absolute texture levels to tune, and cloth
that fills the picture, whatever its weave, has nothing different beside it and so ends at the picture's borders.

Where a recipe knows from its teach-in what lies beside the cloth (:class:`station.recipe.web_look.WebLook`), that
decides: a side beside which nothing lies is cloth up to the picture's border, cloth too fine to be told by its texture
is measured by its yarns (:mod:`station.line.scoring.yarn_ruler`), and only a block too smooth for the cloth learned, or
for fine cloth one without any yarns, shows none.  What follows is for the rest, and for pictures of which nothing is
known.

Assumptions: the web is one piece, covers at least a third of the picture, and the area beside it reaches the picture's
border on its side.  That area may have any width where it is clipped, two bins where its shade differs from the
cloth's, and must be six bins wide to be known by its texture alone (less may be the weave's own pattern).  Anything
inside the web (holes, stains, creases, missing yarns) never moves an edge; at the edge itself a flaw counts only if it
fills most lines.  Next to an area off the web, the selvedge bands, up to ``SELVEDGE_PX`` wide, are left out as well.
Where the web ends at the picture's border, no selvedge is looked for.
"""

from __future__ import annotations

from collections import deque
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from station.contract import StationError
from station.line.scoring.web_edges import WebEdges as WebEdges
from station.line.scoring.web_profile import (
    BIN_PX,
    NOISE_STRUCTURE,
    Floats,
    Profile,
    mean3,
    measure,
    median5,
    median_of,
    typical_of,
)
from station.line.scoring.yarn_ruler import YarnRuler
from station.line.scoring.yarns import WINDOW_PX, has_yarns, shown
from station.recipe.web_look import Beside, WebLook

SELVEDGE_PX = 128
"""The widest selvedge that is left out, in px."""

MIN_LINES, MIN_PX = 8, 8 * BIN_PX
"""Cloth can be told from other things only in at least this many lines and columns."""

_RUN_BINS = 6  # cloth begins where this many neighbouring bins look like cloth
_TEXTURE = 0.45  # of the cloth's own texture: below is a candidate for "not cloth"
_TEXTURE_OF_OTHER_SHADE = 0.7  # ... where the shade differs as well,
_SHADE = 0.3  # by so much in natural logarithm
_SHADE_STEP = 0.15  # a step of shade this high (natural logarithm) marks where the cloth begins
_STRUCTURE = 0.8  # of the cloth's own structure-to-noise ratio: the candidate is smooth, not merely dark
_FLAT = 0.1  # of the cloth's own texture: flat beyond doubt
_WIDE_BINS = 5  # wider than any pattern of the weave
_INSET_BINS = 2  # the edge is set this much further in, because the border wanders within the block
_LOOP_BINS = 3  # loops and loose ends reach this far into the cloth
_CLIPPED_HIGH, _CLIPPED_LOW = 250.0, 4.0  # mean level of a column that saw only the lamp, or nothing
_BLANK = 0.2  # texture (grey levels) below which a whole picture shows nothing
_GONE = 0.6  # a noise-like picture with less than this of the texture seen before: the cloth is gone
_NOISE_TEXTURE = 4.0  # grey levels: more than this is not camera noise
_OF_NOISE = 0.5  # the structure of noise
_TELLING, _BARE = 10.0, 2.5  # times that yarns stand above what lies around: in every block, and by chance
_COARSE = 1.25  # of the structure of noise: cloth of more is told from noise


class WebFinder:
    """The finder finds the web's edges, block by block.

    Each answer comes from its own block.  The history is used only where an edge is more than ``jump_px`` outside the
    median of the last blocks: the web does not jump, so some cloth is left out rather than a table judged, until most
    of the last blocks agree.  An edge may always move inwards.  And where the texture seen so far falls to bare noise,
    the cloth is gone: a single picture of nothing but a table has no cloth in it to compare with, so a fresh finder
    would take a table with marks for cloth.
    """

    def __init__(self, look: WebLook | None = None, blocks: int = 5, jump_px: int = 96) -> None:
        """Go by what teach-in learned, if anything, and take the median over the last ``blocks`` blocks; see the class
        for ``jump_px``."""
        self._look = look
        rules = look is not None and look.yarns and Beside.YARNLESS in (look.left, look.right)
        self._ruler = YarnRuler(look.yarns, look.strength) if look is not None and rules else None
        self._jump_px = jump_px
        self._lefts: deque[int] = deque(maxlen=blocks)
        self._rights: deque[int] = deque(maxlen=blocks)
        self._textures: deque[float] = deque(maxlen=blocks)

    def reset(self) -> None:
        """Forget the blocks so far, because a new piece of cloth begins."""
        self._lefts.clear()
        self._rights.clear()
        self._textures.clear()

    def find(self, pixels: NDArray[np.uint8]) -> WebEdges | None:
        """Return the edges of the cloth that can be inspected in one block or tile row.

        Args:
            pixels: ``[lines, width]`` or ``[lines, width, 3]`` (RGB) uint8.  Fewer than 8 lines get the edges of the
                last blocks; as the first of a piece they, and pictures narrower than 64 px, count as cloth except for
                clipped columns at the borders.

        Returns:
            The edges, or None if no cloth is in sight.

        Raises:
            StationError: the block has another shape or type.
        """
        grey = grey_of(pixels)
        if _is_small(grey):
            return self._usual() if self._lefts and len(grey) < MIN_LINES else _unclipped(grey)
        profile = measure(grey)
        if self._look is not None and (_is_other(self._look, grey, profile) or _is_bare(self._look, grey)):
            return None
        if self._look is not None and self._look.fills:
            return _unclipped(grey)
        if (
            self._textures
            and self._ruler is None
            and profile.is_noise
            and profile.typical_texture < _GONE * median(self._textures)
        ):
            return None
        edges = _edges(grey, profile) if self._look is None else self._learned_edges(self._look, grey, profile)
        if edges is None:
            return None
        self._textures.append(profile.typical_texture)
        self._lefts.append(edges.left_px)
        self._rights.append(edges.right_px)
        usual = self._usual()
        left = usual.left_px if edges.left_px < usual.left_px - self._jump_px else edges.left_px
        right = usual.right_px if edges.right_px > usual.right_px + self._jump_px else edges.right_px
        if (left, right) == (edges.left_px, edges.right_px) or left >= right:
            return edges
        return WebEdges(left, right)  # where the cloth ends is in doubt

    def _learned_edges(self, look: WebLook, grey: NDArray[np.uint8], profile: Profile) -> WebEdges | None:
        """Return the edges by what was learned to lie on each side."""
        whole = _unclipped(grey)
        smooth = _edges(grey, profile, is_cloth=True) if Beside.SMOOTH in (look.left, look.right) else whole
        sides = look.left is Beside.YARNLESS, look.right is Beside.YARNLESS
        bare = self._ruler.begins(grey, left=sides[0], right=sides[1]) if self._ruler is not None else (0, 0)
        if whole is None or smooth is None or bare is None:
            return None
        left = smooth.left_px if look.left is Beside.SMOOTH else max(whole.left_px, bare[0])
        right = smooth.right_px if look.right is Beside.SMOOTH else min(whole.right_px, grey.shape[1] - bare[1])
        borders = (
            smooth.borders[0] if look.left is Beside.SMOOTH else left if sides[0] and left > 0 else None,
            smooth.borders[1] if look.right is Beside.SMOOTH else right if sides[1] and right < grey.shape[1] else None,
        )
        return WebEdges(left, right, borders) if right - left >= _RUN_BINS * BIN_PX else None

    def _usual(self) -> WebEdges:
        return WebEdges(round(median(self._lefts)), round(median(self._rights)))


def _is_small(grey: NDArray[np.uint8]) -> bool:
    return grey.shape[0] < MIN_LINES or grey.shape[1] < MIN_PX


def _unclipped(grey: NDArray[np.uint8]) -> WebEdges | None:
    """Return the edges from the first to the last column that is not clipped."""
    level = cv2.reduce(grey, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    seen = np.flatnonzero((level >= _CLIPPED_LOW) & (level <= _CLIPPED_HIGH))
    return WebEdges(int(seen[0]), int(seen[-1]) + 1) if len(seen) else None


def clipped_borders(grey: NDArray[np.uint8]) -> tuple[int, int]:
    """Return how many columns at the left and the right border saw the bare lamp, or nothing; all of them, perhaps."""
    seen = _unclipped(grey)
    return (grey.shape[1], grey.shape[1]) if seen is None else (seen.left_px, grey.shape[1] - seen.right_px)


def _is_other(look: WebLook, grey: NDArray[np.uint8], profile: Profile) -> bool:
    """Say whether a block is too smooth to hold the cloth that was learned."""
    expected = look.texture * (float(np.median(grey[::8, ::8])) + 1)
    if profile.typical_texture < _FLAT * expected:
        return True
    is_coarse = look.structure > _COARSE * NOISE_STRUCTURE
    is_like_noise = profile.typical_structure < (look.structure + _OF_NOISE) / 2
    return is_coarse and is_like_noise and profile.typical_texture < _TEXTURE * expected


def _is_bare(look: WebLook, grey: NDArray[np.uint8]) -> bool:
    """Say whether a block shows no yarns at all where cloth too fine to be told from noise filled all pictures."""
    is_fine = look.structure <= _COARSE * NOISE_STRUCTURE and look.shown >= _TELLING
    if not (look.fills and is_fine) or min(grey.shape) < WINDOW_PX:
        return False
    return shown(grey, look.yarns) < _BARE and not has_yarns(grey)


def _edges(grey: NDArray[np.uint8], profile: Profile, *, is_cloth: bool = False) -> WebEdges | None:
    """Return the edges by smoothness; ``is_cloth`` says that there is cloth, however faint."""
    width = grey.shape[1]
    cloth = _looks_like_cloth(profile, is_cloth)
    span = _span(cloth)
    if span is None:
        return None
    first, end = span
    bins = len(cloth)
    left, right = 0, width
    first_border = last_border = None
    if _ends_before(profile, first):
        border, begins = _ground_begins(profile, first, end)
        left, first_border = begins * BIN_PX, border * BIN_PX
    other_side = profile.mirrored()
    if _ends_before(other_side, bins - end):
        border, begins = _ground_begins(other_side, bins - end, bins - first)
        right, last_border = (width - width % BIN_PX - bin_ * BIN_PX for bin_ in (begins, border))
    left, right = _trim_clipped(grey, left, right)
    if first_border is None and left > 0:
        first_border = left
    if last_border is None and right < width:
        last_border = right
    return WebEdges(left, right, (first_border, last_border)) if right - left >= _RUN_BINS * BIN_PX else None


def grey_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as grey, uint8 ``[lines, width]``.

    Raises:
        StationError: it has another shape or type than :meth:`WebFinder.find` takes.
    """
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not pixels.size or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise StationError(
            f"The web's edges cannot be found in an array of {pixels.dtype} and shape {list(shape)}; "
            "give uint8 of shape [lines, width] or [lines, width, 3]."
        )
    return pixels if len(shape) == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _looks_like_cloth(profile: Profile, is_cloth: bool) -> NDArray[np.bool_]:
    """Return which bins look like cloth, bool ``[bins]``."""
    texture, structure = median5(profile.texture), median5(profile.structure)
    typical, typical_structure = typical_of(texture, structure)
    if not is_cloth and (typical < _BLANK or (typical_structure < NOISE_STRUCTURE and typical < _NOISE_TEXTURE)):
        return np.zeros(len(texture), dtype=np.bool_)
    shade = np.log(profile.level + 4)
    other_shade = np.abs(shade - median_of(shade[texture >= 0.6 * typical])) > _SHADE
    weak = texture < np.where(other_shade, _TEXTURE_OF_OTHER_SHADE, _TEXTURE) * typical
    smooth = weak & (structure < _STRUCTURE * typical_structure)
    flat = profile.texture < _FLAT * typical
    return ~(smooth | flat)


def _span(cloth: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return first and end bin of the cloth: from the first to the last run of ``_RUN_BINS``."""
    run = np.convolve(cloth.astype(np.int32), np.ones(_RUN_BINS, dtype=np.int32), mode="valid") == _RUN_BINS
    starts = np.flatnonzero(run)
    return (int(starts[0]), int(starts[-1]) + _RUN_BINS) if len(starts) else None


def _ends_before(profile: Profile, first: int) -> bool:
    """Say whether the bins before ``first`` are not cloth: a narrow stretch may be the weave's own pattern."""
    if first == 0 or first >= _WIDE_BINS:
        return first > 0
    shade = np.log(profile.level + 4)
    step = abs(median_of(shade[first : first + 24]) - float(shade[0]))
    return step > _SHADE or bool(profile.texture[0] < _FLAT * profile.typical_texture)


def _ground_begins(profile: Profile, first: int, end: int) -> tuple[int, int]:
    """Return the bins where the cloth and where its ground weave begins, for cloth from bin ``first`` on with something
    else before it."""
    border = _border(profile, first, end)
    reach = min(SELVEDGE_PX // BIN_PX, (end - border) // 4)
    selvedge = _selvedge_bins(profile, border, end, reach)
    return border, border + selvedge + (1 if selvedge else _INSET_BINS)


def _border(profile: Profile, first: int, end: int) -> int:
    """Return the bin where cloth begins, by the cloth near it: lenses are less sharp at the side than in the middle."""
    around = slice(max(0, first - SELVEDGE_PX // BIN_PX), min(end, first + 4))
    below = _beside(median5(profile.texture), first, end, towards_cloth=0.5)
    below[first:] = False
    shade = np.log(profile.level + 4)
    step = abs(median_of(shade[first : first + 24]) - median_of(shade[:first]))
    if step > _SHADE_STEP:
        below |= _beside(shade, first, end, towards_cloth=0.5)
    last = np.flatnonzero(below[around])
    return around.start + (int(last[-1]) + 1 if len(last) else 0)


def _beside(values: Floats, first: int, end: int, towards_cloth: float) -> NDArray[np.bool_]:
    """Return, bool ``[bins]``, which values are nearer to those before ``first`` than to those after it."""
    near, beside = median_of(values[first : min(end, first + 24)]), median_of(values[:first])
    level = beside + towards_cloth * (near - beside)
    return values < level if near > beside else values > level


def _selvedge_bins(profile: Profile, border: int, end: int, reach: int) -> int:
    """Count the bins from ``border`` that differ from the ground in shade, in texture or in how their picks show.

    The ground's own spread, measured further in, sets what counts as different.  Single bins that do not differ belong
    to the selvedge, two or more in a row end it.  Weaves with few pixels per yarn beat against the pixels, so their
    texture swells slowly across the web: a difference in texture that does not end within reach is no selvedge.
    """
    ground = slice(border + reach, min(end, border + 4 * reach + 8))

    def differs(values: Floats, floor: float, within: int) -> NDArray[np.bool_]:
        logs = np.log(values + 0.05)
        middle = median_of(logs[ground])
        spread = 1.5 * median_of(np.abs(logs[ground] - middle))
        different = np.zeros(reach + 2, dtype=np.bool_)
        different[:within] = np.abs(logs[border : border + within] - middle) > max(floor, 4 * spread)
        return different

    def length(different: NDArray[np.bool_]) -> int:
        return int(np.argmin(different[:-1] | different[1:]))

    # Loose ends reach only a little way in, so look no further: a flaw across the web is uneven too.
    shade = differs(profile.level, 0.12, reach) | differs(profile.uneven, 0.12, min(reach, _LOOP_BINS))
    texture = differs(mean3(profile.texture), 0.25, reach) | differs(mean3(profile.weft), 0.25, reach)
    bins = length(shade | texture)
    return bins if bins < reach else length(shade)


def _trim_clipped(grey: NDArray[np.uint8], left: int, right: int) -> tuple[int, int]:
    """Leave out clipped columns too narrow for the texture to show (padding of a few pixels)."""
    reach = min(4 * BIN_PX, (right - left) // 4)

    def clipped(columns: NDArray[np.uint8]) -> int:
        level = columns.mean(axis=0)
        return int(np.argmin(np.append((level > _CLIPPED_HIGH) | (level < _CLIPPED_LOW), False)))

    return left + clipped(grey[:, left : left + reach]), right - clipped(grey[:, right - reach : right][:, ::-1])
