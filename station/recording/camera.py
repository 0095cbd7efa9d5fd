"""This module provides a camera that also records: its blocks go to the line as usual and into a recording."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import Camera, CameraError, CameraGoneError, EncoderReading, LineBlock
from drivers.notice import Notice
from drivers.recording.format import Entry, RecordingMetadata, What
from drivers.wrapped import WrappedCamera
from station.recording.recorder import GB, ClothRecorder, Kept, new_folder

DEFAULT_MAX_GB = 20.0
FRESH_S = 0.02
"""The line gets the last encoder reading again if it is younger than this; line and recording then use the same one."""


class RecordSettings(BaseModel):
    """The ``[record]`` table says whether, where and how much ``station run`` records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(None, description="one folder a roll is made in here; default: recordings in home")
    max_gb: float = Field(
        DEFAULT_MAX_GB, ge=0.1, description="of all recordings there; the oldest cloth is dropped first"
    )

    def shelf(self, home: Path) -> Path:
        """Return the folder for recordings."""
        return home / "recordings" if self.folder is None else self.folder


class RecordingCamera(WrappedCamera):
    """This camera delivers what ``camera`` delivers; between :meth:`begin` and :meth:`end` it also records the blocks,
    each with the encoder's reading at that moment.

    Args:
        camera: the camera; it must be read, started and stopped through this one only.
        max_gb: maximum size of all recordings on the shelf together.
        shelf: folder in which each recording gets its own folder.
        kept: gives the folders of recordings that are never dropped.
    """

    def __init__(
        self, camera: Camera, shelf: Path, max_gb: float = DEFAULT_MAX_GB, kept: Kept = lambda: frozenset()
    ) -> None:
        super().__init__(camera)
        self._shelf = shelf
        self._max_gb = max_gb
        self._kept = kept
        self._lock = threading.Lock()
        self._recorder: ClothRecorder | None = None
        self._reading: EncoderReading | None = None
        self._read_s = 0.0

    def begin(self, roll: str | None = None, folder: Path | None = None) -> ClothRecorder:
        """Begin to record: on the shelf, or in ``folder``, which then may use the whole limit."""
        metadata = RecordingMetadata(
            camera_id=self.camera_id,
            serial=self.serial,
            width_px=self.width_px,
            channels=self.channels,
            started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            mm_per_px=self.mm_per_px,
            roll=roll,
        )
        recorder = ClothRecorder(
            new_folder(self._shelf) if folder is None else folder,
            metadata,
            limit_bytes=round(self._max_gb * GB),
            shelf=self._shelf if folder is None else None,
            can_wait=self.waits,
            kept=self._kept,
        )
        with self._lock:
            self._recorder = recorder
            self._reading = None
        return recorder

    def end(self, end_line: int | None = None) -> list[Notice]:
        """End the recording, if there is one, and return its notices, as :meth:`take_notices` does.  Its cloth ends at
        ``end_line``; with None, where its last entry says."""
        with self._lock:
            recorder = self._recorder
            self._recorder = None
        if recorder is None:
            return []
        recorder.close(end_line)
        return recorder.take_notices()

    def take_notices(self) -> list[Notice]:
        """Return the notices of camera and recording since the last call."""
        recorder = self._recorder
        notices = [] if recorder is None else recorder.take_notices()
        return [*self._camera.take_notices(), *notices]

    def start(self) -> None:
        """Start the camera.  Raises CameraError."""
        self.encoder()  # before the cloth moves on
        try:
            self._camera.start()
        except CameraGoneError as error:
            self._tell(What.GONE, text=str(error))
            raise
        self._tell(What.START)

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block, and record it.  Raises what the camera raises."""
        try:
            block = self._camera.read(timeout_s)
        except CameraGoneError as error:
            self._tell(What.GONE, text=str(error))
            raise
        if block is not None and block.lines:
            self._tell(What.BLOCK, block)
        else:
            self._tell(What.SILENCE)
        return block

    def encoder(self) -> EncoderReading:
        """Return the encoder's reading.  Raises what the camera raises."""
        with self._lock:
            if self._reading is not None and time.monotonic() - self._read_s < FRESH_S:
                return self._reading
        reading = self._camera.encoder()
        with self._lock:
            recorder = self._recorder if self._reading is None else None
            self._reading = self._reading or reading
        if recorder is not None:  # this is where the recording begins
            recorder.tell(Entry(What.SILENCE, time.monotonic_ns(), reading))
        return reading

    def _tell(self, what: What, block: LineBlock | None = None, text: str = "") -> None:
        if self._recorder is None:
            return
        read_s = time.monotonic()  # before the call, in which the thread may be held up
        try:
            reading = self._camera.encoder()
        except CameraError:
            reading = self._reading or EncoderReading(0, 0.0)
        with self._lock:
            recorder, is_news = self._recorder, what is not What.SILENCE or reading != self._reading
            self._reading = reading
            self._read_s = read_s
        if recorder is not None and is_news:
            recorder.tell(Entry(what, time.monotonic_ns(), reading, block, text=text))
