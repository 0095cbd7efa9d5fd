"""This module exchanges signals with the machine in a thread of its own, so that a slow PLC holds nothing up.

The line reports defects through a bounded queue and returns at once; all else is done here, one cycle at a time.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from drivers.camera import CameraError, EncoderReading
from drivers.machine.counter import CounterEncoder
from drivers.machine.signals import Inputs, MachineLink, Output, Outputs
from station.bugs import log_bug, reason
from station.contract import (
    Defect,
    Event,
    FeedState,
    LineSnapshot,
    LinkState,
    MachineStatus,
    Notice,
    Severity,
    StationError,
    StopState,
)
from station.machine.connection import Connection
from station.machine.marking import Marking, is_told
from station.machine.settings import MachineSettings, StopSettings
from station.machine.stop_policy import StopPolicy
from station.machine.watchdog import Watchdog, runs_camera
from station.recipe import Recipe
from station.shutdown import before_leaving

MOST_WAITING, UNRELIABLE = 4096, "machine cannot rely on the station"
LOOK_S = 0.2
CLOSE_S = 12.0
"""A link may take its time-out twice, which is 5 s at most: to connect and to take the last outputs."""

MACHINE = "machine"
"""This name stands for whoever released a stop by the machine's own button."""

LOG = logging.getLogger("station.machine")


class Machine:
    """The machine handles stops, marks, lamps and heartbeat for one camera's cloth.

    Args:
        settings: the table ``[machine]``.
        link: the way to the machine; None where nothing is wired, and only the screen shows its state.
        look: returns the line's present state.
        encoder: returns where the cloth is now; may raise CameraError.
        tell: takes the events of the machine from its thread, or from the one that vetoes and releases; returns soon
            and asks nothing of the machine.
        end_roll: ends the open roll, where settings say that a doff does.
        counter: fed with the machine's own count, if it has one.
        requested: cause of a stop that was requested before the program started and is not released yet.
    """

    def __init__(
        self,
        settings: MachineSettings,
        link: MachineLink | None,
        *,
        look: Callable[[], LineSnapshot],
        encoder: Callable[[], EncoderReading],
        tell: Callable[[Event], None],
        end_roll: Callable[[], None] = lambda: None,
        counter: CounterEncoder | None = None,
        requested: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._look = look
        self._encoder = encoder
        self._tell = tell
        self._end_roll = end_roll
        self._counter = counter
        self._clock = clock
        self._connection = Connection(link, tell, clock)
        self._marking = Marking(settings, tell, marks=self._connection.carries(Output.MARKER))
        self._wires_stop = self._connection.carries(Output.STOP)
        self._watchdog = Watchdog(settings)
        self._policy = StopPolicy(requested)
        self._lock = threading.Lock()
        self._news: deque[Recipe | tuple[Defect, int]] = deque()
        self._dropped = 0
        self._rolls = 0
        self._due = 0
        self._origin: int | None = None
        self._way_m = 0.0
        self._mm_per_line = 1.0
        self._snapshot: LineSnapshot | None = None
        self._looked_s = float("-inf")
        self._beat_s = float("-inf")
        self._marked_until_s = float("-inf")
        self._fault = ""
        self._inputs = Inputs()
        self._outputs = Outputs()
        self._status = MachineStatus()
        self._end = threading.Event()
        self._stay: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    @property
    def status(self) -> MachineStatus:
        """Give the machine's state, as of the last cycle."""
        return self._status

    def start(self) -> None:
        """Begin to exchange signals."""
        if self._policy.state is StopState.REQUESTED:
            text = f"A stop requested earlier was never released and is requested again: {self._policy.cause}."
            text = f"{text} Release it once the cause is fixed, by key R or the machine's button."
            self._tell(Notice(Severity.WARNING, text))
        if self._connection.state is not LinkState.NOT_WIRED and not self._connection.carries(Output.HEARTBEAT):
            text = "No heartbeat is wired in [outputs]: the machine runs on if this program dies."
            self._tell(Notice(Severity.WARNING, f"{text} Wire it to a watchdog of the machine."))
        self._thread.start()
        self._stay = before_leaving(self.close)

    def close(self) -> None:
        """Leave the outputs as settings say and close the link; may be called twice, and before :meth:`start`."""
        self._end.set()
        self._stay()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_S)
            if self._thread.is_alive():
                LOG.error("The link to the machine hangs and was abandoned; the machine hears no heartbeat any more.")

    def begin_roll(self, recipe: Recipe) -> None:
        """Note that a roll with this recipe is open; defects that come to :meth:`hear` from now on belong to it."""
        self._origin = None
        self._news.append(recipe)

    def hear(self, defect: Defect) -> None:
        """Take note that a defect of the open roll changed; returns at once."""
        if not defect.is_reject and defect.merged_into is None:
            return
        if self._origin is None:  # asked for only once a roll: a look costs the judging thread time
            self._origin = self._look().origin_line
        if self._origin is None:
            return
        if len(self._news) < MOST_WAITING:
            self._news.append((replace(defect, crop=None, crop_scores=None), self._origin))
            return
        self._dropped += 1
        if is_told(self._dropped):
            text = f"{self._dropped} changes of defects came too fast to be weighed for a stop or marked."
            self._tell(Notice(Severity.WARNING, text))

    def veto(self, by: str, cause_number: int) -> None:
        """Let the machine run on in spite of the announced cause of this number.  Raises StationError."""
        with self._lock:
            self._policy.veto(by, cause_number)
            self._renew_status()
        self._tell_steps()

    def release(self, by: str) -> None:
        """Release the requested stop for all causes weighed by now: a defect not yet known stops the machine again.

        Raises StationError.
        """
        with self._lock:
            self._policy.release(by)
            self._renew_status()
        self._tell_steps()

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            while not self._end.wait(self._settings.cycle_ms / 1000):
                self.cycle()
        except Exception as error:
            log_bug(error, "the machine's signals have stopped")
            self._fault = "its signals have stopped"
            why = reason(error).rstrip(".")
            with self._lock:  # not renewed, as just that may have failed: the fault must be shown in any case
                self._status = replace(self._status, heart_still=self._fault)
            self._tell(Notice(Severity.ERROR, f"The machine's signals have stopped: {why}. Start the station again."))
        finally:
            try:
                self._connection.part(self._last_word())
            finally:
                with self._lock:
                    self._renew_status()

    def cycle(self) -> None:
        """Do one turn: find where the cloth is, take what is new, send the outputs and read the inputs."""
        now = self._clock()
        self._follow()
        with self._lock:
            self._take_news()
            self._policy.advance(self._way_m)
            linked = self._connection.state is LinkState.CONNECTED
            marks = self._marking.advance(self._due, linked=linked)
            if marks:
                self._marked_until_s = now + self._settings.marker_pulse_ms / 1000
            self._renew_status()
        self._tell_steps()
        if now - self._looked_s >= LOOK_S:
            self._looked_s = now
            self._look_at_the_line()
        self._outputs = self._next_outputs(now)
        camera_runs = self._snapshot is not None and runs_camera(self._snapshot)
        inputs = self._connection.exchange(self._outputs, camera_runs=camera_runs)
        self._take_inputs(inputs)
        with self._lock:
            if inputs is None:
                self._marking.take_back(marks)
            self._renew_status()

    def _follow(self) -> None:
        try:
            due = self._encoder().due_line
        except CameraError:
            return
        if due < self._due:
            with self._lock:
                self._marking.restart()
        self._way_m += max(0, due - self._due) * self._mm_per_line / 1000
        self._due = due

    def _take_news(self) -> None:
        while self._news:
            news = self._news.popleft()
            if isinstance(news, Recipe):
                self._open_roll(news)
                continue
            defect, origin = news
            self._policy.defect(defect, self._way_m)
            self._marking.defect((self._rolls, defect.number), defect, origin, self._due)

    def _open_roll(self, recipe: Recipe) -> None:
        self._rolls += 1
        if recipe.mm_per_px is None and recipe.mm_per_line is None:
            if self._settings.needs_scale(recipe.fabric):
                text = f"Fabric {recipe.fabric} has no scale in mm, so no stop is requested and nothing is marked"
                self._tell(Notice(Severity.WARNING, f"{text}: calibrate the camera's scale."))
            self._policy.begin_roll(StopSettings(), recipe.threshold)
            self._marking.forget()
            return
        self._mm_per_line = recipe.scale_along
        self._policy.begin_roll(self._settings.stop_for(recipe.fabric), recipe.threshold)
        self._marking.begin_roll(recipe.scale_along)

    def _look_at_the_line(self) -> None:
        self._snapshot = self._look()
        if not runs_camera(self._snapshot) or self._snapshot.feed is FeedState.GONE:
            with self._lock:
                self._policy.advance(math.inf)  # the metres of a countdown may no longer be counted
        fault = self._watchdog.fault(
            self._snapshot, self._due, self._mm_per_line, running=self.status.running, now_s=self._looked_s
        )
        before = self._fault
        self._fault = fault
        with self._lock:
            self._renew_status()  # first: whoever learns of it, by notice or by signal, finds it there
        if bool(fault) != bool(before):
            if fault:
                stops = "It is told to stop, and the heartbeat stands still."
                safe = stops if self._wires_stop else "Stop it by hand unless it watches the heartbeat."
                text = f"The machine cannot rely on the station: {fault}. {safe}"
                self._tell(Notice(Severity.ERROR, text, begins=UNRELIABLE))
            else:
                self._tell(Notice(Severity.INFO, "The machine can rely on the station again.", ends=UNRELIABLE))

    def _next_outputs(self, now: float) -> Outputs:
        assert self._snapshot is not None
        heartbeat = self._outputs.heartbeat
        # No beat while the link fails: a coupler that takes the heartbeat but refuses the stop must not be kept alive.
        beats = not self._fault and self._connection.state is LinkState.CONNECTED
        if beats and now - self._beat_s >= self._settings.heartbeat_ms / 1000:
            heartbeat = not heartbeat
            self._beat_s = now
        wanted = self._policy.state
        stop = wanted is StopState.REQUESTED or bool(self._fault)
        lag = self._snapshot.records
        return Outputs(
            stop=stop,
            red=stop or wanted is StopState.ANNOUNCED,
            amber=bool(self._fault) or self._watchdog.degraded(self._snapshot, now),
            unrecorded=lag is not None,
            unrecorded_m=0.0 if lag is None else lag.metres,
            marker=now < self._marked_until_s,
            heartbeat=heartbeat,
            to_marker_m=self._status.to_marker.metres if self._status.to_marker else None,
            to_roll_m=self._status.to_roll.metres if self._status.to_roll else None,
        )

    def _take_inputs(self, inputs: Inputs | None) -> None:
        if inputs is None:
            return
        if inputs.counter is not None and self._counter is not None:
            self._counter.feed(inputs.counter)
        if inputs.doff and self._inputs.doff is False:
            self._tell(Notice(Severity.INFO, "The machine signals that the cloth roll is changed."))
            if self._settings.doff_ends_roll:
                self._end_roll()
        if inputs.release and self._inputs.release is False:
            with contextlib.suppress(StationError):  # there may be nothing to release
                self.release(MACHINE)
        self._inputs = inputs

    def _renew_status(self) -> None:
        marker, roll = self._marking.ahead(self._due)
        link = self._connection.state
        self._status = MachineStatus(
            link=link,
            wires_stop=self._wires_stop,
            running=self._inputs.running if link is LinkState.CONNECTED else None,
            stop=self._policy.state,
            cause=self._policy.cause,
            cause_number=self._policy.cause_number,
            metres_to_stop=self._policy.metres_left(self._way_m),
            to_marker=marker,
            to_roll=roll,
            heart_still=self._fault,
            marked=self._marking.marked,
            marked_late=self._marking.marked_late,
            not_marked=self._marking.not_marked,
        )

    def _tell_steps(self) -> None:
        with self._lock:  # one thread after the other: the records rely on the last step they were told
            for step in self._policy.take_steps():
                self._tell(step)

    def _last_word(self) -> Outputs:
        if self._settings.on_exit == "leave" and not self._fault:
            return replace(self._outputs, marker=False)
        return Outputs(stop=True, red=True, heartbeat=self._outputs.heartbeat)
