"""This module makes one picture of neighbouring cameras': where they are cut, and which lines belong together.

Cameras across one web count the same encoder, so a line number says where on the cloth a line lies, whichever camera
saw it and whenever its block came.  At a joint both cameras see some columns; the pictures are cut in the middle of
them and set side by side, pixel for pixel.  Nothing is blended: where two lenses look at the same yarn from two sides,
a blend would blur the weave.  Differences in brightness at a joint are left to the joined camera's flat field, which
evens them out column by column.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drivers.camera import STALL_S, Camera, CameraError, LineBlock

BLOCKS_WAITING, MOST_BLOCKS_WAITING = 16, 256
"""This many blocks of one camera may wait for its neighbours, beyond the lines by which the cameras are apart.  More
short blocks may wait, up to the most, or they would be left out before a late neighbour is given up."""

LONGEST_WAIT_S = 2.0
"""A camera's short blocks wait for no more than this many seconds."""

Columns = tuple[tuple[int, int], ...]


SCALE_TOLERANCE = 0.01
"""Neighbours with scales that differ by more than this cannot make one picture."""


def check_fit(cameras: Sequence[Camera]) -> None:
    """Check that the cameras can be joined at all.  Raises CameraError over their colour, waiting, scale or name."""
    if len(cameras) < 2:
        raise CameraError("A joined camera needs two cameras or more; name a single one by itself.")
    names = [camera.camera_id for camera in cameras]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CameraError(f"Two of the joined cameras are named '{twice}'; give each a camera_id of its own.")
    first = cameras[0]
    known = [(camera, scale) for camera in cameras if (scale := camera.mm_per_px) is not None]
    for other in cameras[1:]:
        if other.channels != first.channels:
            grey, colour = sorted((first, other), key=lambda camera: camera.channels)
            raise CameraError(
                f"Camera {grey.camera_id} is grey, camera {colour.camera_id} in colour, which cannot be joined; "
                "set both to the same pixel format."
            )
        if other.waits != first.waits:
            waiting, running = sorted((first, other), key=lambda camera: not camera.waits)
            raise CameraError(
                f"Camera {waiting.camera_id} waits for the line, camera {running.camera_id} does not, which cannot be "
                "joined; set the same speed for both."
            )
    for camera, scale in known[1:]:
        if abs(scale / known[0][1] - 1) > SCALE_TOLERANCE:
            raise CameraError(
                f"Camera {known[0][0].camera_id} sees {known[0][1]:g} mm per px, camera {camera.camera_id} {scale:g}, "
                "which cannot be joined; mount both at the same distance."
            )


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint says how a camera goes on from its left neighbour, as measured by :class:`calibration.stitching.Stitch`.

    Attributes:
        overlap_px: columns at the right edge of the left picture that the left edge of the right one shows again.
        offset_lines: line ``y`` of the right camera is line ``y + offset_lines`` of the left one.

    Both are taken to the nearest whole pixel.
    """

    overlap_px: float
    offset_lines: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part is one camera's share of the joined picture.

    Attributes:
        first_px, end_px: its columns in the joined picture.
        own_px: its own column that stands at ``first_px``.
        offset_lines: its line ``y`` is line ``y + offset_lines`` of the joined picture.
    """

    first_px: int
    end_px: int
    own_px: int
    offset_lines: int


def lay_out(widths_px: Sequence[int], joints: Sequence[Joint]) -> tuple[Part, ...]:
    """Return the parts from left to right; the joined picture takes the leftmost camera's columns and lines.

    Raises:
        CameraError: the number of joints is not one less than that of cameras, or an overlap is impossible.
    """
    if len(joints) != len(widths_px) - 1:
        raise CameraError(
            f"{len(widths_px)} cameras have {len(widths_px) - 1} joints between them, but {len(joints)} are given; "
            "give overlap_px for each joint, from left to right."
        )
    places, offsets = [0], [0]
    for number, joint in enumerate(joints, 1):
        overlap, most = round(joint.overlap_px), min(widths_px[number - 1 : number + 1])
        if not 0 <= overlap < most:
            raise CameraError(
                f"Joint {number}: neighbours of {widths_px[number - 1]} and {widths_px[number]} px cannot overlap by "
                f"{overlap} px; choose 0 to {most - 1}, as 'station calibrate stitching' measures it."
            )
        places.append(places[-1] + widths_px[number - 1] - overlap)
        offsets.append(offsets[-1] + round(joint.offset_lines))
    ends = [place + width for place, width in zip(places, widths_px, strict=True)]
    cuts = [0, *((end + place) // 2 for end, place in zip(ends, places[1:], strict=False)), ends[-1]]
    return tuple(
        Part(first, end, first - place, offset)
        for first, end, place, offset in zip(cuts, cuts[1:], places, offsets, strict=False)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    """A segment holds one camera's lines ``[first, end)`` of the joined picture; ``again``: not for the first time."""

    first: int
    end: int
    block: LineBlock
    came_s: float
    again: bool

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        """Return whole lines of the camera."""
        return self.block.pixels[self.block.lines - (self.end - first) : self.block.lines - (self.end - end)]


class Aligner:
    """An aligner holds lines back until the neighbours have shown theirs, and joins them.  Not thread-safe.

    Each camera's lines are taken going forward only.  What one camera leaves out, by its line numbers or because it is
    not awaited, is blind in the joined block; lines that no camera has are left out.  Lines that come again are handed
    on from the first of the awaited cameras only, so that cloth seen twice is counted once.
    """

    def __init__(self, parts: Sequence[Part], camera_id: str, channels: int) -> None:
        self._parts = parts
        self._camera_id = camera_id
        self._channels = channels
        self._queues: list[deque[_Segment]] = [deque() for _ in parts]
        self._fronts: list[int | None] = [None] * len(parts)
        offsets = [part.offset_lines for part in parts]
        self._apart = max(offsets) - min(offsets)
        self._lines_waiting = [0] * len(parts)
        self._captured_ns = 0
        self._gone: set[int] = set()
        self.next_line: int | None = None

    def front(self, number: int) -> int | None:
        """Return the joined line after the newest that a camera has shown, None before the first."""
        return self._fronts[number]

    def has_room(self, number: int, lines: int, now_s: float) -> bool:
        """Return whether another block of ``lines`` of this camera may wait here."""
        waiting, queue = self._lines_waiting[number] - self._apart, self._queues[number]
        if waiting < BLOCKS_WAITING * lines:
            return True
        return waiting < MOST_BLOCKS_WAITING * lines and now_s - queue[0].came_s < LONGEST_WAIT_S

    def push(self, number: int, block: LineBlock, now_s: float) -> None:
        """Take a camera's next block."""
        offset = self._parts[number].offset_lines
        first, end, front = block.first_line + offset, block.end_line + offset, self._fronts[number]
        new = first if front is None else min(max(first, front), end)
        if first < new:
            shown = replace(block, pixels=block.pixels[: new - first])
            self._append(number, _Segment(first, new, shown, now_s, again=True))
        if new < end:
            self._append(number, _Segment(new, end, block, now_s, again=False))
            self._fronts[number] = end

    def pull(self, awaited: Collection[int], gone: Collection[int] = ()) -> LineBlock | None:
        """Return the next joined block, None while it must wait for a block of an ``awaited`` camera.

        Once a camera is ``gone``, what it misses until it shows something again is blind because the camera is gone.
        """
        self._gone.update(gone)
        repeated = self._settle(awaited)
        if repeated is not None:
            return repeated
        if self.next_line is None:
            heads = [queue[0].first for queue in self._queues if queue]
            if not heads or any(not self._queues[number] for number in awaited):
                return None
            self.next_line = min(heads)
        while True:
            first = self.next_line
            if any(not self._queues[number] for number in awaited):
                return None
            ends = [queue[0].end if queue[0].first <= first else queue[0].first for queue in self._queues if queue]
            if not ends:
                return None
            end = min(ends)
            self.next_line = end
            seen = {number: queue[0] for number, queue in enumerate(self._queues) if queue and queue[0].first <= first}
            if seen:
                self._gone.difference_update(seen)
                return self._joined(first, end, seen)

    def held(self, awaited: Collection[int]) -> tuple[float, int, list[int]] | None:
        """Return what waits: since when, how many lines its block has, and for which cameras; None if nothing does."""
        heads = [queue[0] for queue in self._queues if queue]
        missing = [number for number in awaited if not self._queues[number]]
        if not heads or not missing:
            return None
        oldest = min(heads, key=lambda segment: segment.came_s)
        return oldest.came_s, oldest.block.lines, missing

    def extra_lines(self, number: int) -> int:
        """Return how many lines of cloth later than its neighbours this camera sees a line."""
        return max(part.offset_lines for part in self._parts) - self._parts[number].offset_lines

    def _append(self, number: int, segment: _Segment) -> None:
        self._queues[number].append(segment)
        self._lines_waiting[number] += segment.end - segment.first

    def _settle(self, awaited: Collection[int]) -> LineBlock | None:
        """Forget what has gone out; return lines that come again, if the first awaited camera is at such lines."""
        leader = min(awaited, default=0)
        for number, queue in enumerate(self._queues):
            while queue and (queue[0].again or (self.next_line is not None and queue[0].end <= self.next_line)):
                segment = queue.popleft()
                self._lines_waiting[number] -= segment.end - segment.first
                if segment.again and number == leader:
                    return self._joined(segment.first, segment.end, {number: segment})
        return None

    def _joined(self, first: int, end: int, seen: dict[int, _Segment]) -> LineBlock:
        shape = (end - first, self._parts[-1].end_px)
        pixels = np.empty(shape if self._channels == 1 else (*shape, 3), np.uint8)
        blind = [part for number, part in enumerate(self._parts) if number not in seen]
        for part in blind:
            pixels[:, part.first_px : part.end_px] = 0
        for number, segment in seen.items():
            part = self._parts[number]
            own = slice(part.own_px, part.own_px + part.end_px - part.first_px)
            pixels[:, part.first_px : part.end_px] = segment.rows(first, end)[:, own]
        newest = max((segment.block for segment in seen.values()), key=lambda block: block.captured_ns)
        # Without the latest of several cameras, time seems to go back a little; a real step of the clock is not hidden.
        if 0 < self._captured_ns - newest.captured_ns < STALL_S * 1e9:
            newest = replace(newest, captured_ns=self._captured_ns)
        self._captured_ns = newest.captured_ns
        return LineBlock(
            pixels=pixels,
            first_line=first,
            ticks_per_line=newest.ticks_per_line,
            captured_ns=newest.captured_ns,
            camera_id=self._camera_id,
            piece=seen[min(seen)].block.piece,
            blind_px=_columns_of(blind),
            is_camera_gone=not self._gone.issubset(seen),
        )


def _columns_of(parts: Sequence[Part]) -> Columns:
    """Return the columns of the parts, neighbours merged."""
    firsts = [part.first_px for part in parts if part.first_px not in {other.end_px for other in parts}]
    ends = [part.end_px for part in parts if part.end_px not in {other.first_px for other in parts}]
    return tuple(zip(firsts, ends, strict=True))
