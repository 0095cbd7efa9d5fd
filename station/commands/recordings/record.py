"""This module does ``station record``: it records a camera's cloth without inspecting it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.camera import Camera
from drivers.registry import open_camera
from station.commands.session import LOOK_S, PROGRESS_S, say, say_notice
from station.contract import StationError
from station.line.acquiring.acquisition import Acquisition, Mode
from station.line.channel import Channel, Closed
from station.line.flow import Chunk, EndOfRun
from station.line.ledger import LineLedger
from station.recording.camera import RecordingCamera, RecordSettings
from station.recording.recorder import ClothRecorder
from station.settings import Settings
from station.shutdown import interrupt_noted

BLOCKS_WAITING = 64


@dataclass(frozen=True)
class Wanted:
    """This class says how much to record; None means no limit."""

    lines: int | None
    seconds: float | None


def record_cloth(
    settings: Settings,
    home: Path,
    *,
    out: Path | None = None,
    max_gb: float | None = None,
    metres: float | None = None,
    seconds: float | None = None,
) -> dict[str, object]:
    """Record until so many metres or seconds have passed, the cloth ends, or Ctrl+C is pressed.

    Raises:
        CameraError, StationError: there is no camera or no place to record to, or the disk failed meanwhile.
    """
    if settings.machine is not None and settings.machine.pulses_per_line is not None:
        raise StationError(
            "The encoder here is the machine's counter, which is read while a roll runs: add a [record] table to the "
            "settings and use station run."
        )
    record = settings.record or RecordSettings()
    camera = open_camera(settings.camera)
    wanted = Wanted(None if metres is None else round(metres * 1000 / _scale(camera)), seconds)
    recording = RecordingCamera(camera, record.shelf(home), record.max_gb if max_gb is None else max_gb)
    recorder = recording.begin(folder=None if out is None else _own_folder(out))
    began_s = time.monotonic()
    try:
        origin, lines, lost = _follow(recording, recorder, wanted)
    except BaseException:
        recording.end()
        raise
    for notice in recording.end(origin + lines):
        say_notice(notice)
    if recorder.failure is not None:
        raise StationError("The recording has stopped before its end; what was recorded until then can be played.")
    scale = camera.mm_per_px
    return {
        "folder": str(recorder.folder),
        "blocks": recorder.blocks,
        "lines_acquired": lines,
        "lines_lost": lost,
        "lines_unrecorded": recorder.lines_unrecorded,
        "metres": None if scale is None else lines * scale / 1000,
        "seconds": time.monotonic() - began_s,
        "bytes": recorder.bytes_written,
        "compression": recorder.pixel_bytes / recorder.bytes_written if recorder.bytes_written else None,
    }


def _scale(camera: Camera) -> float:
    scale = camera.mm_per_px
    if scale is None:
        raise StationError(
            f"Camera {camera.camera_id} does not know its scale, so metres cannot be counted: "
            "set mm_per_px of the camera, or use --seconds."
        )
    return scale


def _own_folder(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StationError(f"{out} exists and is not an empty folder; name a new one with --out.")
    return out.absolute()


def _follow(camera: RecordingCamera, recorder: ClothRecorder, wanted: Wanted) -> tuple[int, int, int]:
    """Read the camera as the line does, so that it is watched and comes back after a loss.  Return the encoder's line
    at the beginning, how many lines passed, and how many of them did not come or came too late."""
    ledger = LineLedger()
    blocks: Channel[Chunk | EndOfRun] = Channel(1 if camera.waits else BLOCKS_WAITING)
    acquisition = Acquisition(camera, ledger, blocks, say_notice)
    began_s = told_s = time.monotonic()
    with interrupt_noted() as interrupted, _reading(acquisition, blocks):
        while _taken(blocks):
            now, lines = time.monotonic(), ledger.totals().lines_acquired
            is_enough = wanted.lines is not None and lines >= wanted.lines
            is_late = wanted.seconds is not None and now - began_s >= wanted.seconds
            if is_enough or is_late or interrupted.is_set() or recorder.failure is not None:
                acquisition.ask(Mode.FINISH)
            if now - told_s >= PROGRESS_S:
                told_s = now
                say(f"{lines} lines, {recorder.bytes_written / 1e6:.1f} MB")
    totals = ledger.totals()
    not_here = totals.lines_acquired - ledger.taken
    return acquisition.origin_line or 0, totals.lines_acquired, totals.lines_uninspected + not_here


def _taken(blocks: Channel[Chunk | EndOfRun]) -> bool:
    """Wait a moment for a block and take it; return False once the camera is done."""
    try:
        blocks.get(LOOK_S)
    except Closed:
        return False
    return True


@contextmanager
def _reading(acquisition: Acquisition, blocks: Channel[Chunk | EndOfRun]) -> Iterator[None]:
    """Run the acquisition meanwhile in a thread.  Raises the error that ended it."""
    faults: list[Exception] = []

    def read() -> None:
        try:
            acquisition.run()
        except Exception as error:
            faults.append(error)
        finally:
            blocks.close()

    thread = threading.Thread(target=read, name="record-acquisition", daemon=True)
    thread.start()
    try:
        yield
    finally:
        acquisition.ask(Mode.ABORT)
        blocks.abort()
        thread.join()
    if faults:
        raise faults[0]
