"""This module simulates a camera over cloth on a loom, and knows the truth about each flaw and each injected fault."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from drivers.camera import Camera, CameraError, EncoderReading, LineBlock
from drivers.simulated.faults import FAULT_NAMES, FaultTruth, FaultyCamera, fault_turns
from drivers.simulated.flaws import Flaw
from drivers.simulated.loom import BLOCK_SECONDS, SpanPlan, SpeedProfile
from drivers.simulated.process import ClothSettings, RenderJob
from drivers.simulated.rig import SimulatedRig
from drivers.simulated.ring import RingShape
from drivers.simulated.views import SimulatedView, View, open_views

_BLOCK_LINES = 256
_LEAST_FRAME_LINES, _MOST_FRAME_LINES = 16, 4096
_FRAME_FALLOFF_MOST = 0.5
_BESIDE_WEB = 24 / 2048
"""By default this share of the picture lies beside the web on each side: 1.0 m of web at 0.5 mm per px."""


class SimulatedCamera(Camera):
    """A simulated camera sees simulated cloth, endless or of some metres, that a process of its own renders.

    Given ``frame_lines`` it is an area camera: each block is a frame, seen at once, which shows the last
    ``overlap_lines`` of the frame before again; more on a slow loom, as a frame is taken after a tenth of a second at
    the latest, and more in the last frame.  The first frames of a running loom show only what has come into view.

    Without a speed it waits for the line and delivers as fast as it is read.  With one the loom runs in real time:
    a block is there when the loom has passed its end, and one not read within about three seconds (a frame: one) is
    overwritten.  If the renderer itself does not keep pace, the loom is held back, so that the line never loses by it.

    Same settings and seed: same cloth, same flaws, same faults.

    Args:
        style: name of a cloth in :data:`drivers.simulated.weaves.fabrics.EVERY`.
        width_px: camera columns.
        mm_per_px: scale, both axes.
        seed: chooses yarn, flaws and faults.
        web_px: half-open columns of the web; None: nearly the whole picture.
        metres: length of the cloth; None: endless.
        speed_m_per_min: speed of the loom; None: the camera waits.
        flaws_per_m: mean number of flaws per metre.
        disturbances: drift, dust and wandering selvedges, none of which is a flaw.
        seams: lines where two pieces are sewn together; no flaws.
        faults: names from :data:`drivers.simulated.faults.FAULT_NAMES`.
        fault_every_lines: mean distance between two faults of a kind; None: two metres.
        profile: motion of the loom in lines per second, in place of a constant speed.
        frame_lines: lines an area camera sees at once; None: a line-scan camera.
        overlap_lines: lines that two frames share, at most half a frame.
        frame_falloff: share of light an area camera loses at the first and last line of a frame.
        camera_id: name of the camera in blocks.

    Raises:
        CameraError: an impossible setting.
    """

    def __init__(
        self,
        *,
        style: str = "demo",
        width_px: int = 2048,
        mm_per_px: float = 0.5,
        seed: int = 0,
        web_px: tuple[int, int] | None = None,
        metres: float | None = None,
        speed_m_per_min: float | None = None,
        flaws_per_m: float = 3.0,
        disturbances: bool = True,
        seams: Sequence[int] = (),
        faults: Sequence[str] = (),
        fault_every_lines: int | None = None,
        profile: SpeedProfile | None = None,
        frame_lines: int | None = None,
        overlap_lines: int = 0,
        frame_falloff: float = 0.0,
        camera_id: str = "simulated",
    ) -> None:
        unknown = next((name for name in faults if name not in FAULT_NAMES), None)
        if unknown is not None:
            raise CameraError(f"There is no fault named '{unknown}': choose one of {', '.join(FAULT_NAMES)}.")
        _check_frames(frame_lines, overlap_lines, frame_falloff)
        margin = round(_BESIDE_WEB * width_px)
        web_px = web_px or (margin, width_px - margin)
        cloth = ClothSettings(
            style, width_px, mm_per_px, seed, web_px, flaws_per_m, disturbances, tuple(seams), frame_lines or 0
        )
        self._cloth = cloth.weave()
        self._cloth_lock = threading.Lock()
        self._web_px = web_px
        self._mm_per_px = mm_per_px
        every = fault_every_lines or round(2000 / mm_per_px)
        plan = _plan(mm_per_px, metres, speed_m_per_min, profile, faults, seed, every)
        if frame_lines is not None:
            plan = replace(plan, block_lines=frame_lines - overlap_lines, frame_lines=frame_lines)
        job = RenderJob(cloth, plan, _ring(plan, width_px), frame_falloff=frame_falloff)
        self._rig = SimulatedRig(job, camera_id)
        self._seed = seed
        self._fault_every = every
        self._has_frames = frame_lines is not None
        self._camera = FaultyCamera(self._rig, faults, seed, every_lines=every, frames=self._has_frames)

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._rig.camera_id

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return self._rig.width_px

    @property
    def channels(self) -> int:
        """Return 1 (grey)."""
        return self._rig.channels

    @property
    def waits(self) -> bool:
        """Return True without a speed."""
        return self._rig.waits

    @property
    def mm_per_px(self) -> float:
        """Return the scale of both axes."""
        return self._mm_per_px

    @property
    def web_px(self) -> tuple[int, int]:
        """Return the half-open nominal columns of the web; its selvedges wander a little about them."""
        return self._web_px

    @property
    def renderer_pid(self) -> int | None:
        """Return the process id of the renderer while started."""
        return self._rig.renderer_pid

    def start(self) -> None:
        """Start the loom, or let it run on.  Raises CameraError."""
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block.  Raises EndOfClothError, CameraGoneError (fault ``unplug``), CameraError."""
        return self._camera.read(timeout_s)

    def encoder(self) -> EncoderReading:
        """Return where the loom is."""
        return self._camera.encoder()

    def stop(self) -> None:
        """Stop loom and camera, end the renderer, free its memory."""
        self._camera.stop()

    def truth(self) -> list[Flaw]:
        """Return the true flaws on the cloth that has passed so far, in encoder lines, delivered or not."""
        end_line = self._camera.cloth_line(self._camera.encoder().due_line)
        with self._cloth_lock:
            flaws = self._cloth.flaws(0, end_line)
        return [
            replace(
                flaw,
                first_line=self._camera.encoder_line(flaw.first_line),
                end_line=self._camera.encoder_line(flaw.end_line - 1) + 1,
            )
            for flaw in flaws
        ]

    def views(self, views: Sequence[View]) -> list[SimulatedView]:
        """Return several cameras above the same loom in place of this one; it runs while one of them does.

        Raises:
            CameraError: a view that does not lie within the picture, or an unknown fault.
        """
        made = open_views(self._rig, views)
        every, frames = self._fault_every, self._has_frames
        return [
            SimulatedView(camera, view.faults, self._seed + number, every, frames=frames, mm_per_px=self._mm_per_px)
            for number, (camera, view) in enumerate(zip(made, views, strict=True))
        ]

    def fault_truth(self) -> FaultTruth:
        """Return what was lost, repeated or disturbed on purpose so far."""
        return self._camera.truth()


def _check_frames(frame_lines: int | None, overlap_lines: int, frame_falloff: float) -> None:
    if frame_lines is None:
        if overlap_lines or frame_falloff:
            raise CameraError("Only an area camera has frames that overlap or darken: give it frame_lines, too.")
        return
    if not _LEAST_FRAME_LINES <= frame_lines <= _MOST_FRAME_LINES:
        raise CameraError(
            f"An area camera cannot see {frame_lines} lines at once:"
            f" choose {_LEAST_FRAME_LINES} to {_MOST_FRAME_LINES}, or none for a line-scan camera."
        )
    if not 0 <= overlap_lines <= frame_lines // 2:
        raise CameraError(
            f"Frames of {frame_lines} lines cannot overlap by {overlap_lines}: choose 0 to {frame_lines // 2} lines."
        )
    if not 0 <= frame_falloff <= _FRAME_FALLOFF_MOST:
        raise CameraError(f"A frame cannot lose {frame_falloff} of its light: choose 0 to {_FRAME_FALLOFF_MOST}.")


def _plan(
    mm_per_px: float,
    metres: float | None,
    speed_m_per_min: float | None,
    profile: SpeedProfile | None,
    faults: Sequence[str],
    seed: int,
    every_lines: int,
) -> SpanPlan:
    if metres is not None and metres <= 0:
        raise CameraError(f"Cloth of {metres} m cannot be inspected; ask for more than 0 m.")
    if speed_m_per_min is not None and speed_m_per_min <= 0:
        raise CameraError(f"A loom at {speed_m_per_min} m/min stands; give a speed above 0 m/min, or none.")
    total = None if metres is None else max(round(metres * 1000 / mm_per_px), 1)
    turns = fault_turns(seed, every_lines, round(200 / mm_per_px), total) if "reverse" in faults else ()
    if profile is not None and (speed_m_per_min is not None or turns):
        raise CameraError("A loom with a speed profile of its own takes neither a speed nor the fault 'reverse'.")
    if speed_m_per_min is not None:
        profile = SpeedProfile.with_turns(speed_m_per_min * 1000 / 60 / mm_per_px, turns)
    return SpanPlan(profile, () if profile else turns, _BLOCK_LINES, total)


def _ring(plan: SpanPlan, width_px: int) -> RingShape:
    """Size the ring: for a running loom about three seconds of past blocks (one of frames, which are big) and one of
    future ones; else a few to work ahead."""
    if plan.profile is None:
        return RingShape(slots=6, ahead=6, lines=plan.frame_lines or plan.block_lines, width_px=width_px)
    fastest = max(max(stage.start, stage.end) for stage in plan.profile.stages)
    lines = int(min(max(fastest * BLOCK_SECONDS + 2, 2), plan.block_lines))
    per_second = max(fastest / lines, 1 / BLOCK_SECONDS)
    ahead = max(round(per_second), 4)
    if plan.frame_lines is not None:
        return RingShape(slots=2 * ahead, ahead=ahead, lines=plan.frame_lines, width_px=width_px)
    return RingShape(slots=4 * ahead, ahead=ahead, lines=lines, width_px=width_px)
