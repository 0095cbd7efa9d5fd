"""This module tells once a roll which columns are judged, and where its cloth looks unlike that of the teaching.

What is learned decides what is a difference: how much the good pictures of the teach-in differed among themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from station.contract import ColumnsInspected, Notice, Severity
from station.line.flow import TileRow
from station.line.scoring.cloth_seen import ClothSeen
from station.recipe.cloth import TaughtCloth

EARLY_ROWS = 12
"""After so many rows a difference is told; a shorter roll is told of at its end."""
GREY_SHARE, LEAST_GREY, SPREADS = 0.10, 2.0, 2.0
"""The mean grey differs if it lies this share of the taught one away (flaws show by about as much contrast), these grey
levels, and this many times the spread of good cloth."""
WEB_SHARE = 0.03
"""The web differs if an edge lies this share of the taught web's width away, and this many spreads."""
PICTURES_SHARE = 0.1
"""A folder of which this share of pictures differs, though the most do not, is told of too."""

Told = Notice | ColumnsInspected


class ClothWatch:
    """The watch takes every row of tiles before it is scored.  Used from one thread.

    Args:
        taught: the cloth of the teach-in, None where the recipe does not know it: then only columns are told.
        width_px, channels, white: of the roll's pictures, as in :class:`station.recipe.cloth.TaughtCloth`.
        tell: called with each notice and with the columns.
    """

    def __init__(
        self, taught: TaughtCloth | None, width_px: int, channels: int, white: int | None, tell: Callable[[Told], None]
    ) -> None:
        self._taught = taught
        self._channels = channels
        self._white = white
        self._tell = tell
        self._seen = ClothSeen(width_px, taught)
        self._grey_told = False
        self.columns: ColumnsInspected | None = None

    def begin(self) -> None:
        """Tell what is known before the first line."""
        for text in _other_pictures(self._taught, self._seen.width_px, self._channels, self._white):
            self._warn(text)

    def see(self, row: TileRow) -> None:
        """Take a row."""
        self._seen.see(row)
        if self._seen.rows == EARLY_ROWS and self.columns is None:
            self._tell_columns()
            self._compare()

    def end(self) -> None:
        """Tell what only the whole roll shows; it may be called when nothing was seen."""
        is_short = self.columns is None
        if self._seen.columns != self.columns:
            self._tell_columns()
        if is_short:
            self._compare()
        if not self._grey_told and (text := self._some_pictures()):
            self._warn(text)

    def _tell_columns(self) -> None:
        self.columns = self._seen.columns
        if self.columns is not None:
            self._tell(self.columns)

    def _compare(self) -> None:
        taught, columns = self._taught, self.columns
        if taught is None or columns is None:
            return
        if columns.width_px == taught.width_px and (text := _other_web(taught, columns)):
            self._warn(text)
        if _is_other_grey(taught, self._seen.grey):
            self._grey_told = True
            self._warn(_other_grey(taught, self._seen.grey))

    def _some_pictures(self) -> str:
        """Return a sentence if a good part of the pictures looks unlike the teaching's, '' otherwise."""
        taught = self._taught
        if taught is None or not self._seen.pieces:
            return ""
        greys = {piece: total / rows for piece, (total, rows) in self._seen.pieces.items()}
        other = {piece: grey for piece, grey in greys.items() if _is_other_grey(taught, grey)}
        if len(other) < max(1.0, PICTURES_SHARE * len(greys)):
            return ""
        low, high = min(other.values()), max(other.values())
        span = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
        return (
            f"{len(other)} of {len(greys)} pictures, the first {next(iter(other))}, have a mean grey of {span}; at "
            f"teach-in it was {_taught_grey(taught)}: {_REMEDY}"
        )

    def _warn(self, text: str) -> None:
        self._tell(Notice(Severity.WARNING, text))


_REMEDY = "check lamp, exposure and fabric, or teach again in this light; scores of such cloth mean less."


def _taught_grey(taught: TaughtCloth) -> str:
    return f"{taught.mean_grey:.0f} (give or take {max(1, round(taught.grey_spread))})"


def _is_other_grey(taught: TaughtCloth, grey: float) -> bool:
    least = max(GREY_SHARE * taught.mean_grey, LEAST_GREY, SPREADS * taught.grey_spread)
    return abs(grey - taught.mean_grey) > least


def _other_grey(taught: TaughtCloth, grey: float) -> str:
    how = "darker" if grey < taught.mean_grey else "brighter"
    return (
        f"This cloth is {how} than the cloth taught: its mean grey is {grey:.0f} of 255, at teach-in it was "
        f"{_taught_grey(taught)}: {_REMEDY}"
    )


def _other_web(taught: TaughtCloth, columns: ColumnsInspected) -> str:
    """Return a sentence if the web lies elsewhere than at teach-in, '' otherwise."""
    left, right = taught.web_left_px, taught.web_right_px
    apart = max(abs(columns.left_px - left), abs(columns.right_px - right))
    if apart <= max(WEB_SHARE * (right - left), SPREADS * taught.web_spread_px):
        return ""
    now, then = columns.right_px - columns.left_px, right - left
    change = now / then - 1
    if abs(change) <= WEB_SHARE:
        how = f"lies {apart} columns beside its place at teach-in"
    else:
        how = f"is {abs(change):.0%} {'wider' if change > 0 else 'narrower'} than at teach-in"
    before = ColumnsInspected(left, right, taught.width_px)
    return (
        f"The web {how}: columns {columns} are judged, at teach-in they were {before}; check the cloth's place and the "
        "light beside it, and if cloth is left out, say where it is with --web."
    )


def _other_pictures(taught: TaughtCloth | None, width_px: int, channels: int, white: int | None) -> list[str]:
    """Return a sentence for each way in which the pictures are made unlike those of the teach-in."""
    if taught is None:
        return []
    told = []
    if width_px != taught.width_px:
        told.append(
            f"The picture is {width_px} columns wide, at teach-in it was {taught.width_px}: if camera, lens or "
            "distance are others, a flaw has another size than the model knows, so teach again."
        )
    if channels != taught.channels:
        now, then = ("grey" if count == 1 else "in colour" for count in (channels, taught.channels))
        told.append(f"The picture is {now}, at teach-in it was {then}: give pictures of the same kind or teach again.")
    if white is not None and taught.white is not None and white != taught.white:
        told.append(
            f"Full white is {white} in these picture files, at teach-in it was {taught.white}: pictures of another "
            "depth may be darker or brighter than the cloth taught; save them as those were, or teach again."
        )
    return told
