"""This module keeps the notices about single cameras of several."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from drivers.camera import Camera, LineBlock
from drivers.joined.alignment import Part
from drivers.notice import Notice, Severity

NOTICES_KEPT = 64
"""At most this many notices wait to be taken, the newest ones."""

LOST_TOLD_S = 5.0
"""Notices of lost lines are at least this far apart: the ledger has the exact figures."""


class JoinedNotices:
    """Joined notices wait to be taken; the cameras' own notices come with them."""

    def __init__(self, cameras: Sequence[Camera], parts: Sequence[Part]) -> None:
        self._cameras = tuple(cameras)
        self._parts = tuple(parts)
        self.waiting: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self._estimated = [0] * len(self._cameras)
        self._lost_told_s = -LOST_TOLD_S

    def notify(self, severity: Severity, text: str) -> None:
        """Keep a notice until it is taken."""
        self.waiting.append(Notice(severity, text))

    def take(self) -> list[Notice]:
        """Return all notices since the last call."""
        for camera in self._cameras:
            self.waiting.extend(camera.take_notices())
        self._tell_estimates()
        return [self.waiting.popleft() for _ in range(len(self.waiting))]

    def tell_of_own_counts(self) -> None:
        """Warn of cameras that number lines without an encoder: it is unknown which lines belong together."""
        free = [camera.camera_id for camera in self._cameras if camera.runs_freely]
        if free:
            self.notify(
                Severity.WARNING,
                f"Without an encoder lines are counted by time alone (camera {' and camera '.join(free)}): the "
                "pictures of neighbours may lie apart along the cloth. Wire one encoder to all cameras.",
            )

    def tell_late(self, number: int) -> None:
        """Warn of a camera that its neighbours no longer wait for."""
        name = self._cameras[number].camera_id
        self.notify(Severity.WARNING, f"Camera {name} is late: its part of the web is not inspected until it is back.")

    def tell_out_of_step(self, number: int, lines: int) -> None:
        """Report a camera with lines that lie behind its neighbours' and do not catch up."""
        self.notify(
            Severity.ERROR,
            f"Lines of camera {self._cameras[number].camera_id} are numbered {lines} behind its neighbours', so its "
            "part of the web is not inspected. End the roll and restart the station while the machine stands.",
        )

    def tell_lost(self, block: LineBlock) -> None:
        """Warn now and then of lines that a camera which is there did not show."""
        now = time.monotonic()
        if not block.blind_px or block.is_camera_gone or now - self._lost_told_s < LOST_TOLD_S:
            return
        self._lost_told_s = now
        names = [
            camera.camera_id
            for camera, part in zip(self._cameras, self._parts, strict=True)
            if any(first <= part.first_px < end for first, end in block.blind_px)
        ]
        name = " and camera ".join(names)
        self.notify(Severity.WARNING, f"Camera {name} lost {block.lines} lines; the web is not inspected whole there.")

    def _tell_estimates(self) -> None:
        """Warn of cameras that do not know how much cloth passed while they were away."""
        for number, camera in enumerate(self._cameras):
            before = self._estimated[number]
            self._estimated[number] = camera.estimated_lines
            if self._estimated[number] > before and not camera.runs_freely:
                self.notify(
                    Severity.WARNING,
                    f"How much cloth passed while camera {camera.camera_id} was away is an estimate: its picture may "
                    "lie apart from its neighbours' along the cloth. Restart the station while the machine stands.",
                )
