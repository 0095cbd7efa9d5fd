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
from station.attending.attended import Attended, kept_note
from station.attending.continued import NOT_RESUMED, Continued
from station.attending.label import LabelSettings
from station.bugs import log_bug, reason
from station.calibration.light_reference import LightMemory
from station.calibration.selection import Calibrated, Calibrations, check_scale
from station.calibration.watch import CalibrationWatch
from station.colour import seen_as_taught
from station.contract import (
    Acknowledged,
    DefectChanged,
    Event,
    Ledger,
    LineSnapshot,
    LineState,
    MarkKind,
    Notice,
    RollEnded,
    RollIdentity,
    RollStarted,
    Severity,
    StripView,
)
from station.line.inspection import Inspection, without_line
from station.loaded_model import LoadedModel
from station.machine.wiring import MachineWiring
from station.recipe import Recipe
from station.recipe.camera_overrides import override_camera
from station.recording.camera import RecordingCamera
from station.records.history import RECORDED_IN, History
from station.records.store import Store
from station.shutdown import time_left
from station.state.records_lag import UNRECORDED_M
from station.state.roll import UNKNOWN

POLL_S = 0.1
STOP_S = 10.0
FLUSH_S = 5.0
"""A roll's end waits this long for the disk; what it does not take by then goes on waiting."""


class Station(Attended):
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
        label: how the text of a roll's label is split.
        usual: what is known of every roll begun here, such as the loom.
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
        label: LabelSettings | None = None,
        usual: RollIdentity = UNKNOWN,
    ) -> None:
        super().__init__(home, store, history, camera, label, usual)
        self._recording = recording
        self._unrecorded_m = unrecorded_m
        self._model = LoadedModel(history, device, precision)
        self._calibrations = calibrations or Calibrations(history)
        self._lock = threading.Lock()
        self._inspection: Inspection | None = None
        self._continued = NOT_RESUMED
        self._calibrated: Calibrated | None = None
        self._watch = CalibrationWatch(camera, LightMemory(store, history, camera))
        self._end = threading.Event()
        self._abort = False
        self._paused = False
        self._last: LineSnapshot | None = None
        self.failure: Exception | None = None
        if wiring is not None:
            stop = history.unreleased_stop()
            self._machine = wiring.start(self._line_snapshot, camera.encoder, self._tell.machine, self.end_roll, stop)

    @property
    def runtime(self) -> Runtime | None:
        """Give the model that runs, None before the first roll."""
        return self._model.runtime

    def start_roll(self, fabric: str, roll: str | None = None, identity: RollIdentity | None = None) -> None:
        """Open a roll and start to inspect it; ``identity`` is what is known of it, default: what always is.

        Raises:
            StationError: a roll is open, fabric unknown, recipe for another scale, bad name, or the records refuse.
        """
        with self._naming, self._lock:
            self._refuse_open()
            by, known = self._attending(self._usual if identity is None else identity)
            recipe = self._history.recipe(fabric)
            fitted = self._fitted(recipe)
            camera_id = self._camera.camera_id
            name = self._store.begin_roll(roll, recipe, camera_id, measures=fitted.measures, by=by, identity=known)
            self._open(fitted, name, NOT_RESUMED, known)

    def resume_unfinished(self, roll: str, by: str) -> None:
        """Go on with the roll that a crash left: with the recipe it was begun with, and where its record ends.

        Raises:
            StationError: a roll is open, there is no such roll, or camera or scale are others by now.
        """
        with self._naming, self._lock:
            self._refuse_open()
            left = self._history.roll(roll)
            recipe = self._history.recipe(left.fabric, left.recipe_version)
            fitted = self._fitted(recipe)
            back = self._store.resume_roll(left.name, recipe, self._camera.camera_id, fitted.measures, by)
            along = fitted.recipe.scale_along
            before = Continued(back.ledger, back.number, back.defects, back.rejects, along)
            self._open(fitted, back.name, before, back.identity)

    def _fitted(self, recipe: Recipe) -> Calibrated:
        check_scale(recipe, self._camera)
        return self._calibrations.fit(self._camera, recipe)

    def _open(self, fitted: Calibrated, name: str, before: Continued, identity: RollIdentity) -> None:
        """Run the line on a roll that is open on record."""
        self._calibrated = fitted
        self._recipe = fitted.recipe
        self._roll = name
        self._identity = identity
        self._continued = before
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

    def pause(self, why: str = "", by: str = "") -> None:
        """Pause inspecting; cloth that still moves becomes uninspected, for the reason ``why``."""
        self._set_paused(kept_note(why), by, paused=True)

    def resume(self, by: str = "") -> None:
        """Resume inspecting."""
        self._set_paused("", by, paused=False)

    def end_roll(self, *, judge: bool = True) -> None:
        """Ask for the roll's end, told by ``RollEnded``: lines in flight are judged, or declared, as ``judge`` says."""
        self._abort = self._abort or not judge
        self._end.set()
        if self._inspection is not None and not judge:
            self._inspection.give_up()

    def acknowledge(self, answer: Acknowledged) -> None:
        """Put on record that a person has seen alarms; never waits."""
        self._store.write(answer)

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
        line = self._continued.snapshot(self._named(line))
        return replace(line, records=self._store.lag(self._unrecorded_m), grade=self._store.rating.grade())

    def _without_line(self, error: Exception | None = None) -> LineSnapshot:
        """Describe the line before it starts, or after ``error`` kept it from starting."""
        roll = None if self._roll_over.is_set() else self._roll
        return without_line(self._recipe, roll, paused=self._paused, error=error)

    def _set_paused(self, why: str, by: str, *, paused: bool) -> None:
        """Pause or resume; without a line yet, remember which.  What changes is marked on the open roll."""
        with self._lock:
            is_news = paused is not self._paused and not self._roll_over.is_set()
            self._paused = paused
            inspection = self._inspection
            if inspection is not None:
                (inspection.pause if paused else inspection.resume)()
        if is_news:
            self._mark(MarkKind.PAUSED if paused else MarkKind.RESUMED, by, why)

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
                fault = self._tell.end_of_record(self._roll or name, time_left(FLUSH_S, reserve_s=3.0))
                if fault is not None and fault is not self.failure:
                    self._fail(fault, name)
            except Exception as error:
                self._fail(error, name)
            finally:
                self._roll_over.set()

    def _start_line(self, fitted: Calibrated, name: str) -> Inspection:
        recipe = fitted.recipe
        seen, greyed = seen_as_taught(self._camera, recipe)
        runtime = self._model.load(recipe.model_sha256, seen.channels)
        unheard = override_camera(self._camera, recipe.camera)
        for warning in filter(None, [self._model.warning, *fitted.warnings, unheard]):
            self._on_event(Notice(Severity.WARNING, warning))
        if self._recording is not None:
            self._on_event(Notice(Severity.INFO, f"Roll {name}{RECORDED_IN}{self._recording.begin(name).folder}."))
        if greyed:
            self._on_event(Notice(Severity.INFO, greyed))
        camera, _ = seen_as_taught(self._watch.begin_roll(fitted), recipe)
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
        log_bug(error, f"roll {self._roll or name}")
        self._tell.failure(Notice(Severity.ERROR, f"Roll {self._roll or name}: {reason(error)}"))

    def _on_event(self, told: Event) -> None:
        event = self._continued.event(told)
        if isinstance(event, RollEnded):
            event = replace(event, roll=self._roll or event.roll)
        if isinstance(event, StripView):
            self._watch.see(event)
        if self._machine is not None and isinstance(event, DefectChanged):
            self._machine.hear(event.defect)
        if not self._tell.line(event):
            self._end.set()
