"""This module runs the station: one camera, one roll at a time, from start to an honest end.

Commands return at once; a thread of the roll's own loads the model, runs the line and closes the roll.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from drivers import abandoned
from drivers.camera import Camera
from model.runtime import Runtime
from station.bugs import log_bug, reason
from station.calibration.light_reference import LightMemory
from station.calibration.selection import Calibrated, Calibrations, check_scale
from station.calibration.watch import CalibrationWatch
from station.contract import (
    Acknowledged,
    DefectChanged,
    Event,
    Fault,
    Ledger,
    LineSnapshot,
    LineState,
    Notice,
    RollEnded,
    RollStarted,
    Severity,
    StationError,
    StripView,
)
from station.line.inspection import Inspection, without_line
from station.loaded_model import LoadedModel
from station.machine.machine import Machine
from station.machine.wiring import MachineWiring
from station.recipe import Recipe
from station.recipe.camera_overrides import override_camera
from station.recording.camera import RecordingCamera
from station.records.history import RECORDED_IN, History
from station.records.rows import RecordsError
from station.records.store import Store
from station.shutdown import time_left
from station.state.records_lag import UNRECORDED_M
from station.telling import Telling

POLL_S = 0.1
STOP_S = 10.0
FLUSH_S = 5.0
"""A roll's end waits this long for the disk; what it does not take by then goes on waiting."""


class Station:
    """The station implements :class:`station.contract.Core` with one camera and one home folder.

    Args:
        home: folder with database, models and images.
        store, history: the open records.
        camera: where cloth comes from; started with each roll, stopped with its end.
        recording: the same camera if it is to record each roll, else None.
        device, precision: for :class:`model.runtime.Runtime`.
        calibrations: chooses from the calibrations on record those that count; default: with the usual age limit.
        wiring: the machine to stop, mark and listen to, if there is one.
        unrecorded_m: metres of judged cloth that may be missing from the record before the machine is told.
    """

    def __init__(
        self,
        home: Path,
        store: Store,
        history: History,
        camera: Camera,
        *,
        device: str = "auto",
        precision: str = "auto",
        calibrations: Calibrations | None = None,
        wiring: MachineWiring | None = None,
        recording: RecordingCamera | None = None,
        unrecorded_m: float = UNRECORDED_M,
    ) -> None:
        self._home = home
        self._store = store
        self._history = history
        self._camera = camera
        self._recording = recording
        self._unrecorded_m = unrecorded_m
        self._model = LoadedModel(history, device, precision)
        self._calibrations = calibrations or Calibrations(history)
        self._lock = threading.Lock()
        self._tell = Telling(store)
        # An event, not a join of the thread: an interrupt inside a join can make a running thread look ended.
        self._roll_over = threading.Event()
        self._roll_over.set()
        self._inspection: Inspection | None = None
        self._calibrated: Calibrated | None = None
        self._watch = CalibrationWatch(camera, LightMemory(store, history, camera))
        self._recipe: Recipe | None = None
        self._roll: str | None = None
        self._end = threading.Event()
        self._abort = False
        self._paused = False
        self._last: LineSnapshot | None = None
        self.failure: Exception | None = None
        self._machine: Machine | None = None
        if wiring is not None:
            stop = history.unreleased_stop()
            self._machine = wiring.start(self._line_snapshot, camera.encoder, self._tell.machine, self.end_roll, stop)

    @property
    def home(self) -> Path:
        """Give the folder with the database, models and images."""
        return self._home

    @property
    def runtime(self) -> Runtime | None:
        """Give the model that runs, None before the first roll."""
        return self._model.runtime

    def fabrics(self) -> list[str]:
        """Return the fabrics that can be inspected."""
        return self._history.fabrics()

    def recipe(self) -> Recipe | None:
        """Return the recipe in force on the open roll."""
        return self._recipe

    def start_roll(self, fabric: str, roll: str | None = None) -> None:
        """Open a roll and start to inspect it.

        Raises:
            StationError: a roll is open, fabric unknown, recipe for another scale, bad name, or the records refuse.
        """
        with self._lock:
            if not self._roll_over.is_set():
                raise StationError(f"Roll {self._roll} is still open; end it before starting another.")
            try:
                recipe = self._history.recipe(fabric)
                check_scale(recipe, self._camera)
                fitted = self._calibrations.fit(self._camera, recipe)
                name = self._store.begin_roll(roll, recipe, self._camera.camera_id, measures=fitted.measures)
            except RecordsError as error:
                raise StationError(str(error)) from error
            self._calibrated = fitted
            self._recipe = fitted.recipe
            self._roll = name
            self._inspection = None
            self._last = None
            self.failure = None
            self._abort = False
            self._paused = False
            self._end.clear()
            self._thread = threading.Thread(target=self._run_roll, args=(fitted, name), name="roll")
            self._roll_over.clear()
            try:
                self._thread.start()
            finally:
                if self._thread.ident is None:
                    self._roll_over.set()

    def pause(self) -> None:
        """Pause inspecting; cloth that still moves becomes uninspected."""
        self._set_paused(paused=True)

    def resume(self) -> None:
        """Resume inspecting."""
        self._set_paused(paused=False)

    def end_roll(self, *, judge: bool = True) -> None:
        """Ask for the roll's end, told by ``RollEnded``: lines in flight are judged, or declared, as ``judge`` says."""
        self._abort = self._abort or not judge
        self._end.set()
        if self._inspection is not None and not judge:
            self._inspection.give_up()

    def veto_stop(self, by: str, cause_number: int) -> None:
        """Let the machine run on despite the announced cause with this number.  Raises StationError."""
        self._machine_or_refusal().veto(by, cause_number)

    def release_stop(self, by: str) -> None:
        """Take back the requested stop.  Raises StationError."""
        self._machine_or_refusal().release(by)

    def acknowledge(self, answer: Acknowledged) -> None:
        """Put on record that a person has seen alarms; never waits."""
        self._store.write(answer)

    def report_fault(self, fault: Fault) -> None:
        """Show a bug on the screen and keep it in the audit; never waits."""
        self._tell.fault(fault)

    @property
    def events_lost(self) -> int:
        """Give the number of events of the open or last roll that are not on record for good."""
        return 0 if self._roll is None else self._store.lost_of(self._roll)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no roll is open.  Returns False if ``timeout`` seconds were not enough."""
        return self._roll_over.wait(timeout)

    def close(self) -> None:
        """Tell the machine that nobody looks any more, end an open roll as it is (declared), free camera and model."""
        if self._machine is not None:
            self._machine.close()
        self.end_roll(judge=False)
        if not self.wait(time_left(10 * STOP_S, reserve_s=3.0)):
            abandoned.abandon(self._thread)
            self._model.abandon()
        abandoned.returned_within(time_left(STOP_S, reserve_s=1.5), self._camera.stop, "camera stop")
        self._model.close()

    def drain(self, limit: int = 256) -> list[Event]:
        """Take the next events for the screen, oldest first."""
        return self._tell.drain(limit)

    def snapshot(self) -> LineSnapshot:
        """Describe the line as it is now."""
        fitted = self._calibrated
        return replace(
            self._line_snapshot(),
            unverified=fitted.measures.unverified if fitted else "",
            machine=None if self._machine is None else self._machine.status,
        )

    def _line_snapshot(self) -> LineSnapshot:
        inspection = self._inspection
        line = inspection.snapshot() if inspection is not None else self._last or self._without_line()
        return replace(line, records=self._store.lag(self._unrecorded_m))

    def _without_line(self, error: Exception | None = None) -> LineSnapshot:
        """Describe the line before it starts, or after ``error`` kept it from starting."""
        roll = None if self._roll_over.is_set() else self._roll
        return without_line(self._recipe, roll, paused=self._paused, error=error)

    def _set_paused(self, *, paused: bool) -> None:
        """Pause or resume; without a line yet, remember which."""
        with self._lock:
            self._paused = paused
            if self._inspection is not None:
                (self._inspection.pause if paused else self._inspection.resume)()

    def _run_roll(self, fitted: Calibrated, name: str) -> None:
        recipe = fitted.recipe
        try:
            self._tell.screen(RollStarted(name, recipe.fabric, recipe.version))
            if self._machine is not None:
                self._machine.begin_roll(recipe)
            try:
                inspection = self._start_line(fitted, name)
            except Exception as error:
                self._break_off(error, name)
            else:
                self._see_through(inspection)
        except Exception as error:
            if self._inspection is not None:
                self._inspection.abort()
            self._fail(error, name)
        finally:
            self._inspection = None
            try:
                self._end_recording()
                fault = self._tell.end_of_record(name, time_left(FLUSH_S, reserve_s=3.0))
                if fault is not None and fault is not self.failure:
                    self._fail(fault, name)
            except Exception as error:
                self._fail(error, name)
            finally:
                self._roll_over.set()

    def _start_line(self, fitted: Calibrated, name: str) -> Inspection:
        recipe = fitted.recipe
        runtime = self._model.load(recipe.model_sha256, self._camera.channels)
        unheard = override_camera(self._camera, recipe.camera)
        for warning in filter(None, [self._model.warning, *fitted.warnings, unheard]):
            self._on_event(Notice(Severity.WARNING, warning))
        if self._recording is not None:
            self._on_event(Notice(Severity.INFO, f"Roll {name}{RECORDED_IN}{self._recording.begin(name).folder}."))
        camera = self._watch.begin_roll(fitted)
        known = self._history.looks_beside(recipe)
        inspection = Inspection(
            camera, runtime, recipe, roll=name, shading=fitted.shading, on_event=self._on_event, known=known
        )
        with self._lock:
            if self._paused:
                inspection.pause()
            self._inspection = inspection
            inspection.start()
        return inspection

    def _see_through(self, inspection: Inspection) -> None:
        while not self._end.wait(POLL_S):
            if inspection.wait(0) or inspection.failure is not None:
                break
            for warning in self._watch.take_warnings():
                self._on_event(Notice(Severity.WARNING, warning))
        if self._abort:
            inspection.abort()
        else:
            inspection.finish()
        if inspection.has_hung:
            self._model.abandon()
        self.failure = inspection.failure
        self._last = inspection.snapshot()
        if self.events_lost and self._store.failure is not None:
            raise self._store.failure  # raised now: the disk may hold up the rest for long

    def _end_recording(self) -> None:
        end_line = None if self._last is None else self._last.end_line
        for notice in () if self._recording is None else self._recording.end(end_line):
            self._on_event(notice)

    def _break_off(self, error: Exception, name: str) -> None:
        """Close a roll whose line never started."""
        self.failure = error
        self._last = self._without_line(error)
        log_bug(error, f"roll {name} was not inspected")
        self._on_event(Notice(Severity.ERROR, f"Roll {name} was not inspected: {reason(error)}"))
        self._on_event(RollEnded(name, Ledger()))

    def _fail(self, error: Exception, name: str) -> None:
        self.failure = self.failure or error
        if self._last is None:
            self._last = self._without_line(error)
        elif self._last.state is not LineState.ERROR:
            self._last = replace(self._last, state=LineState.ERROR, message=reason(error))
        log_bug(error, f"roll {name}")
        self._tell.failure(Notice(Severity.ERROR, f"Roll {name}: {reason(error)}"))

    def _machine_or_refusal(self) -> Machine:
        if self._machine is None:
            raise StationError("No machine is set up, so no stop can be wanted; see [machine] in the settings.")
        return self._machine

    def _on_event(self, event: Event) -> None:
        if isinstance(event, StripView):
            self._watch.see(event)
        if self._machine is not None and isinstance(event, DefectChanged):
            self._machine.hear(event.defect)
        if not self._tell.line(event):
            self._end.set()
