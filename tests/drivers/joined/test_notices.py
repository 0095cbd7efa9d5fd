"""What several joined cameras tell of each, and which of them cannot be joined."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from drivers.camera import CameraError
from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.memory import MemoryCamera
from drivers.notice import Notice, Severity
from tests.rigs.joined_cameras import Rig, be_patient, running_rig, until


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with running_rig() as made:
        yield made


def test_what_a_recipe_asks_for_reaches_each_camera_that_takes_it(rig: Rig) -> None:
    taken: list[object] = []
    rig.right.apply_overrides = taken.append  # type: ignore[method-assign]
    rig.camera.apply_overrides({"exposure_us": 80.0})
    assert taken == [{"exposure_us": 80.0}]
    text = "Camera left takes no settings from a recipe, so not exposure_us."
    assert rig.camera.take_notices() == [Notice(Severity.WARNING, text)]


def test_a_camera_that_counts_from_another_place_is_told_of(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.joined.camera.OUT_OF_STEP_S", 0.5)
    rig.feed(0, 100)
    rig.next()
    line, behind = 1500, 100
    rig.feed(100, line, rig.left)
    rig.moves(line)

    def is_told() -> bool:
        nonlocal line, behind
        rig.feed(line, line + 2, rig.left)
        rig.feed(behind, behind + 2, rig.right)
        line, behind = line + 2, behind + 2
        rig.moves(line)
        rig.camera.read(0.05)
        rig.words += [notice.text for notice in rig.camera.take_notices()]
        return rig.told("behind its neighbours', so its part of the web is not inspected. End the roll and restart")

    until(is_told)
    (number,) = re.findall(r"Lines of camera right are numbered (\d+) behind", " ".join(rig.words))
    assert 1500 - behind <= int(number) <= line - 100
    assert not rig.told("keeps up")


def test_what_its_cameras_say_is_heard(rig: Rig) -> None:
    refused = Notice(Severity.WARNING, "Camera right did not take a gain of 3 dB: it has no Gain.")
    rig.right.own_notices = [refused]
    assert rig.camera.take_notices() == [refused]
    assert rig.camera.take_notices() == []


def test_lines_that_one_camera_lost_are_told(rig: Rig) -> None:
    rig.feed(0, 100, rig.left)
    rig.feed(0, 40, rig.right)
    rig.feed(60, 100, rig.right)
    blocks = [rig.next() for _ in range(3)]
    assert blocks == [(0, 40, ()), (40, 60, ((150, 300),)), (60, 100, ())]
    assert [notice.text for notice in rig.camera.take_notices()] == [
        "Camera right lost 20 lines; the web is not inspected whole there."
    ]


def test_cameras_that_count_by_time_or_by_estimate_are_told_of() -> None:
    rig = Rig()
    rig.left.runs_freely = rig.right.runs_freely = True
    for _ in range(2):  # at the start of every roll
        rig.camera.start()
        (told,) = [notice.text for notice in rig.camera.take_notices()]
        assert told.startswith("Without an encoder lines are counted by time alone (camera left and camera right)")
    rig.camera.stop()
    rig = Rig()
    rig.camera.start()
    rig.camera.stop()
    assert rig.camera.take_notices() == []
    rig.right.estimated_lines = 30
    (told,) = [notice.text for notice in rig.camera.take_notices()]
    assert told.startswith("How much cloth passed while camera right was away is an estimate")
    assert rig.camera.take_notices() == []


class Named(MemoryCamera):
    """A camera with whatever a test wants of it."""

    serial, mm_per_px, output_lines = "", None, None

    def __init__(
        self, name: str = "b", *, colour: bool = False, waits: bool = True, scale: float | None = None
    ) -> None:
        super().__init__(np.zeros((300, 50, 3) if colour else (300, 50), np.uint8))
        self.camera_id, self.waits = name, waits
        if scale is not None:
            self.mm_per_px = scale


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        ([Named("a")], "two cameras or more"),
        ([Named("a"), Named("a")], "Two of the joined cameras are named 'a'"),
        ([Named("a", colour=True), Named()], "Camera b is grey, camera a in colour"),
        ([Named("a"), Named(waits=False)], "set the same speed"),
        ([Named("a", scale=0.5), Named(scale=0.4)], "a sees 0.5 mm per px, camera b 0.4"),
        ([Named("a"), Named(scale=0.5), Named("c", scale=0.4)], "b sees 0.5 mm per px, camera c 0.4"),
    ],
)
def test_cameras_that_do_not_fit_together_are_refused(cameras: list[Named], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        JoinedCamera(cameras, [Joint(10)] * (len(cameras) - 1))


def test_the_whole_has_the_serial_numbers_and_the_first_output_lines_of_its_cameras() -> None:
    plain = JoinedCamera([Named("a"), Named()], [Joint(10)])
    assert (plain.serial, plain.output_lines) == ("", None)
    left, right = Named("a"), Named()
    left.serial, right.serial = "123", "45"
    right.output_lines = object()
    whole = JoinedCamera([left, right], [Joint(10)])
    assert (whole.serial, whole.output_lines) == ("123+45", right.output_lines)


def test_a_scale_that_one_camera_knows_is_the_whole_s() -> None:
    assert JoinedCamera([Named("a"), Named(scale=0.5)], [Joint(10)]).mm_per_px == 0.5
    assert JoinedCamera([Named("a", scale=0.5), Named(scale=0.502)], [Joint(10)]).mm_per_px == 0.5
    assert JoinedCamera([Named("a"), Named()], [Joint(10)]).mm_per_px is None
