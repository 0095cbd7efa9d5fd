"""This module joins what several looks see of one flaw: one defect, one number, sized by the look that saw it best.

The fine look tells first, a broad look needs more cloth and comes later.  A defect that one look rejects is told at
once; whether another look sees it too is known when all have judged its cloth, and only then is it closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from model.scorer import FINE
from station.contract import Defect, DefectKind
from station.recipe import Recipe
from station.state.defect import Look

Key = tuple[int, int]
"""A look (its rank: the broader, the higher) and the number it gave the defect."""

LOOKS_NOT = 2**62
"""A look that has ended its run, as where a camera of several is missing, has nothing to say of any line."""

MOST_WAITING = 500
"""No more defects wait for all looks: the oldest that ended are then closed as they are."""

SPREAD_PX = 6
"""A broad look shows a point about this far around it, in its own pixels: half of the model's point."""


@dataclass(slots=True, eq=False)
class _Group:
    """A group holds what the looks see of one flaw, by look and own number, and the number it was told under."""

    members: dict[Key, Defect] = field(default_factory=dict)
    number: int | None = None

    @property
    def end_line(self) -> int:
        return max(member.end_line for member in self.members.values())

    @property
    def is_closed(self) -> bool:
        return all(member.closed for member in self.members.values())

    def rejects(self) -> Iterator[tuple[Key, Defect]]:
        return ((key, member) for key, member in self.members.items() if member.is_reject)


BESIDE_PX = 8
"""What a finer look sees of a long line lies this near to it."""


class LookJoiner:
    """The joiner takes the defects of all looks and yields the defects of the roll.  Used from one thread.

    A broad region whose peak lies on what a finer look rejects is that flaw seen blurred; one that has its peak
    elsewhere holds all that finer looks reject within its box.  So two flaws side by side, which a broad look sees as
    one, stay two.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._groups: dict[Key, _Group] = {}
        self._numbers = 0
        self._horizon = 0

    def take(self, defect: Defect, rank: int) -> Iterator[Defect]:
        """Take a defect of the look of this rank, with the number that the look gave it; yields what changed."""
        key = rank, defect.number
        if rank > FINE and not defect.is_reject and key not in self._groups and self._is_rejected(defect):
            return
        group = self._groups.setdefault(key, _Group())
        if defect.merged_into is not None:
            group.members.pop(key, None)
            yield from self._united(self._groups.get((rank, defect.merged_into), group), group, [key])
            return
        group.members[key] = defect
        if defect.is_reject:
            for other in self._alike(key, defect):
                yield from self._united(group, other, ())
            group = self._groups[key]
        yield from self._told(group)

    def settle(self, horizon: int) -> Iterator[Defect]:
        """Close what all looks have judged: everything before roll line ``horizon``."""
        self._horizon = horizon
        waiting = [group for group in self._each() if group.is_closed]
        for number, group in enumerate(waiting):
            if group.end_line <= horizon or number < len(waiting) - MOST_WAITING:
                yield from self._close(group)

    def end_run(self) -> Iterator[Defect]:
        """Close everything: all looks have ended their run."""
        for group in self._each():
            yield from self._close(group)
        self._groups.clear()
        self._horizon = 0

    def _each(self) -> list[_Group]:
        return list(dict.fromkeys(self._groups.values()))

    def _alike(self, key: Key, defect: Defect) -> list[_Group]:
        """Return the other groups that see the same flaw with another look."""
        own = self._groups[key]
        found = []
        for group in self._each():
            if group is own:
                continue
            others = [(k, member) for k, member in group.rejects() if k[0] != key[0]]
            if any(self._is_same(key, defect, k, member) for k, member in others):
                found.append(group)
        return found

    def _is_rejected(self, defect: Defect) -> bool:
        """Say whether a look rejects cloth that this region, which passes, lies on."""
        return any(_touch(one, defect) for group in self._each() for _, one in group.rejects())

    def _is_same(self, key: Key, defect: Defect, other_key: Key, other: Defect) -> bool:
        if other.piece != defect.piece:
            return False
        (rank, broad), (_, fine) = sorted([(key[0], defect), (other_key[0], other)], key=lambda one: -one[0])
        if broad.look is Look.LONG:
            return _touch(fine, broad, BESIDE_PX)
        if _holds_peak(fine, broad, SPREAD_PX * rank):
            return True
        if not _touch(fine, broad):
            return False
        finer = (m for g in self._each() for k, m in g.rejects() if k[0] < rank and m.piece == broad.piece)
        return not any(_holds_peak(one, broad, SPREAD_PX * rank) for one in finer)

    def _united(self, one: _Group, other: _Group, gone: Iterable[Key]) -> Iterator[Defect]:
        """Make one group of two; the older number stays, the younger is withdrawn if it was told."""
        for key in gone:
            self._groups.pop(key, None)
        if one is other:
            return
        numbers = sorted(number for number in (one.number, other.number) if number is not None)
        if len(numbers) == 2:
            young = other if other.number == numbers[1] else one
            sample = next(iter(young.members.values()), None) or next(iter(one.members.values()))
            yield replace(
                sample,
                number=numbers[1],
                merged_into=numbers[0],
                is_reject=False,
                closed=True,
                crop=None,
                crop_scores=None,
            )
        one.members |= other.members
        one.number = numbers[0] if numbers else None
        for key in other.members:
            self._groups[key] = one

    def _told(self, group: _Group) -> Iterator[Defect]:
        is_reject = any(True for _ in group.rejects())
        if group.is_closed and (not is_reject or group.end_line <= self._horizon):
            yield from self._close(group)
        elif is_reject:
            yield replace(self._shown(group), number=self._number(group), closed=False, crop=None, crop_scores=None)

    def _close(self, group: _Group) -> Iterator[Defect]:
        for key in group.members:
            self._groups.pop(key, None)
        if group.members:
            yield replace(self._shown(group), number=self._number(group), closed=True)

    def _number(self, group: _Group) -> int:
        if group.number is None:
            self._numbers += 1
            group.number = self._numbers
        return group.number

    def _shown(self, group: _Group) -> Defect:
        """Return the defect as the look sees it that saw it in one piece and best, a hole where one look saw that."""
        shown = self._seen_best(group)
        is_hole = any(member.kind is DefectKind.HOLE for _, member in group.rejects())
        return replace(shown, kind=DefectKind.HOLE) if is_hole else shown

    def _seen_best(self, group: _Group) -> Defect:
        """Return the defect as the look sees it that saw it in one piece and best; in several pieces, all of them."""
        by_key = dict(group.rejects()) or group.members
        seen = list(by_key.values())
        best = max(seen, key=lambda member: member.ratio)
        ranks = [rank for rank, _ in by_key]
        whole = [member for (rank, _), member in by_key.items() if ranks.count(rank) == 1]
        if whole:
            return max(whole, key=lambda member: member.ratio)
        first_line, end_line = min(one.first_line for one in seen), max(one.end_line for one in seen)
        first_px, end_px = min(one.first_px for one in seen), max(one.end_px for one in seen)
        across, along = self._recipe.scale, self._recipe.scale_along
        return replace(
            best,
            first_line=first_line,
            end_line=end_line,
            first_px=first_px,
            end_px=end_px,
            length_mm=(end_line - first_line) * along,
            width_mm=(end_px - first_px) * across,
            area_mm2=sum(one.area_mm2 for one in seen),
            position_mm=first_line * along,
        )


def _holds_peak(fine: Defect, broad: Defect, around_px: int) -> bool:
    """Say whether the broad region's peak lies on the fine one or within its blur."""
    along = fine.first_line - around_px <= broad.peak_line < fine.end_line + around_px
    return along and fine.first_px - around_px <= broad.peak_px < fine.end_px + around_px


def _touch(one: Defect, other: Defect, apart: int = 0) -> bool:
    """Say whether two boxes overlap, or lie no farther apart than this in px and lines."""
    along = one.first_line < other.end_line + apart and other.first_line < one.end_line + apart
    return along and one.first_px < other.end_px + apart and other.first_px < one.end_px + apart
