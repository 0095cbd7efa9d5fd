"""Which lines and columns of neighbouring cameras belong together, whatever came, in whatever order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera import CameraError, LineBlock
from drivers.joined.alignment import Aligner, Joint, Part, lay_out

LINES = 240
CLOTH = np.random.default_rng(5).integers(1, 256, (3 * LINES, 120), np.uint8)  # never 0, which is blind
MIDDLE = LINES  # joined line 0 is this row of the cloth, so that no offset leaves it


def test_pictures_are_cut_in_the_middle_of_what_both_see() -> None:
    parts = lay_out([100, 80, 90], [Joint(20, 5.4), Joint(11, -2)])
    assert parts == (Part(0, 90, 0, 0), Part(90, 154, 10, 5), Part(154, 239, 5, 3))


@pytest.mark.parametrize(
    ("widths", "joints", "words"),
    [
        ([100, 100], [], "2 cameras have 1 joints between them, but 0"),
        ([100, 80], [Joint(80)], "choose 0 to 79"),
        ([100, 80], [Joint(-1)], "cannot overlap by -1"),
    ],
)
def test_impossible_joints_are_refused(widths: list[int], joints: list[Joint], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        lay_out(widths, joints)


@dataclass
class View:
    """A camera over the cloth and what it sends: half-open own lines, in order."""

    part: Part
    place: int
    width: int
    sent: list[tuple[int, int]]

    def block(self, first: int, end: int) -> LineBlock:
        top = MIDDLE + first + self.part.offset_lines
        pixels = CLOTH[top : top + end - first, self.place : self.place + self.width]
        return LineBlock(np.ascontiguousarray(pixels), first, 1.0, 0, "v")

    def seen(self) -> set[int]:
        """Joined lines."""
        return {line + self.part.offset_lines for first, end in self.sent for line in range(first, end)}


@st.composite
def rigs(draw: st.DrawFn) -> list[View]:
    """Two or three views of one stretch of cloth, each cut into blocks of its own, some of which are lost."""
    count = draw(st.integers(2, 3))
    overlaps = [draw(st.integers(0, 9)) for _ in range(count - 1)]
    joints = [Joint(overlap, draw(st.integers(-30, 30))) for overlap in overlaps]
    widths = [draw(st.integers(20, 40)) for _ in range(count)]
    views, place = [], 0
    for number, part in enumerate(lay_out(widths, joints)):
        place += widths[number - 1] - overlaps[number - 1] if number else 0
        line, sent = draw(st.integers(0, 40)) - part.offset_lines, []
        for lines in draw(st.lists(st.integers(1, 60), min_size=1, max_size=6)):
            if line + part.offset_lines + lines > LINES:
                break
            if draw(st.integers(0, 4)):
                sent.append((line, line + lines))
            line += lines
        views.append(View(part, place, widths[number], sent))
    return views


def check_pixels(block: LineBlock, width: int) -> None:
    """Every column is the right one of the right line, or blind and said to be so."""
    expected = CLOTH[MIDDLE + block.first_line : MIDDLE + block.end_line, :width].copy()
    for first, end in block.blind_px:
        expected[:, first:end] = 0
    assert np.array_equal(block.pixels, expected)
    assert block.pixels.flags.c_contiguous
    assert block.lines


@given(rigs(), st.data())
@settings(max_examples=150, deadline=None)
def test_every_line_sent_is_joined_in_its_place_and_what_was_lost_is_blind(
    views: list[View], data: st.DataObject
) -> None:
    parts = [view.part for view in views]
    aligner = Aligner(parts, "joined", 1)
    waiting = [list(view.sent) for view in views]
    got: list[LineBlock] = []

    def pull() -> None:
        awaited = [number for number, blocks in enumerate(waiting) if blocks]
        while (block := aligner.pull(awaited)) is not None:
            got.append(block)

    while any(waiting):
        number = data.draw(st.sampled_from([n for n, blocks in enumerate(waiting) if blocks]))
        aligner.push(number, views[number].block(*waiting[number].pop(0)), 0.0)
        pull()
    pull()

    last = -(10**9)
    for block in got:
        check_pixels(block, parts[-1].end_px)
        assert block.first_line >= last
        last = block.end_line
    for view in views:
        part = view.part
        shown = {
            line
            for block in got
            if not any(first < part.end_px and end > part.first_px for first, end in block.blind_px)
            for line in range(block.first_line, block.end_line)
        }
        assert shown == view.seen()


@given(rigs(), st.data())
@settings(max_examples=100, deadline=None)
def test_who_is_not_awaited_and_what_comes_again_puts_nothing_in_a_wrong_place(
    views: list[View], data: st.DataObject
) -> None:
    aligner = Aligner([view.part for view in views], "joined", 1)
    awaited = list(range(len(views)))
    got: list[LineBlock] = []
    highest: int | None = None
    for _ in range(data.draw(st.integers(1, 25))):
        number = data.draw(st.integers(0, len(views) - 1))
        if views[number].sent:
            aligner.push(number, views[number].block(*data.draw(st.sampled_from(views[number].sent))), 0.0)
        if not data.draw(st.integers(0, 3)):
            awaited = data.draw(st.lists(st.integers(0, len(views) - 1), unique=True))
        while (block := aligner.pull(awaited)) is not None:
            got.append(block)
    for block in got:
        check_pixels(block, views[-1].part.end_px)
        # New lines go forward without overlap; all others are wholly behind.
        assert highest is None or block.first_line >= highest or block.end_line <= highest
        highest = block.end_line if highest is None else max(highest, block.end_line)


def two(lost: int | None = None) -> tuple[Aligner, list[View]]:
    parts = lay_out([40, 40], [Joint(10)])
    views = [View(parts[0], 0, 40, []), View(parts[1], 30, 40, [])]
    return Aligner(parts, "joined", 1), views


def test_lines_are_blind_because_a_camera_is_gone_or_because_it_lost_them() -> None:
    aligner, (left, right) = two()
    aligner.push(0, left.block(0, 90), 0.0)
    aligner.push(1, right.block(0, 20), 0.0)
    aligner.push(1, right.block(50, 60), 0.0)
    blocks = [aligner.pull([0, 1]) for _ in range(3)]
    told = [(b.first_line, b.end_line, b.blind_px, b.is_camera_gone) for b in blocks if b is not None]
    assert told == [(0, 20, (), False), (20, 50, ((35, 70),), False), (50, 60, (), False)]
    assert aligner.pull([0, 1]) is None
    aligner.push(1, right.block(95, 100), 0.0)
    aligner.push(0, left.block(90, 100), 0.0)
    blocks = [aligner.pull([0], [1]), *(aligner.pull([0, 1]) for _ in range(2))]
    told = [(b.first_line, b.end_line, b.blind_px, b.is_camera_gone) for b in blocks if b is not None]
    assert told == [(60, 90, ((35, 70),), True), (90, 95, ((35, 70),), True), (95, 100, (), False)]


def test_cloth_that_both_see_again_is_handed_on_again_once() -> None:
    aligner, views = two()
    for first, end in ((0, 50), (30, 50), (40, 60)):
        for number, view in enumerate(views):
            aligner.push(number, view.block(first, end), 0.0)
    blocks = [block for _ in range(5) if (block := aligner.pull([0, 1])) is not None]
    assert [(b.first_line, b.end_line) for b in blocks] == [(0, 50), (30, 50), (40, 50), (50, 60)]
    assert [b.blind_px for b in blocks] == [(), ((35, 70),), ((35, 70),), ()]
    for block in blocks:
        check_pixels(block, 70)


@pytest.mark.parametrize(("passed_s", "blocks"), [(3.0, 16), (1.0, 256)])
def test_a_queue_holds_sixteen_blocks_or_two_seconds_and_what_lies_between_the_cameras(
    passed_s: float, blocks: int
) -> None:
    aligner = Aligner(lay_out([40, 40], [Joint(10, -100)]), "joined", 1)
    count = 0
    while aligner.has_room(0, 10, passed_s):
        block = LineBlock(np.zeros((10, 40), np.uint8), 10 * count, 1.0, 0, "v")
        aligner.push(0, block, 0.0)
        count += 1
    assert count == blocks + 10


def test_a_little_less_of_time_is_not_a_clock_that_stepped() -> None:
    aligner, (left, right) = two()

    def at(view: View, first: int, captured_ns: int) -> LineBlock:
        block = view.block(first, first + 10)
        return LineBlock(block.pixels, first, 1.0, captured_ns, "v")

    aligner.push(0, at(left, 0, 10_000_000_000), 0.0)
    aligner.push(1, at(right, 0, 10_002_000_000), 0.0)
    aligner.push(0, at(left, 10, 10_001_000_000), 0.0)
    aligner.push(0, at(left, 20, 7_000_000_000), 0.0)
    times = [block.captured_ns for block in (aligner.pull([]), aligner.pull([]), aligner.pull([])) if block]
    assert times == [10_002_000_000, 10_002_000_000, 7_000_000_000]
