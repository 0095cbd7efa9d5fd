"""This module inspects one roll: it runs the threads from camera to decision and says how they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from drivers import abandoned
from drivers.camera import Camera
from model.scorer import TileScorer
from station.bugs import log_bug, reason
from station.contract import ColumnsInspected, Event, FeedState, Ledger, LineSnapshot, LineState, Notice, Severity
from station.line.acquiring.acquisition import Acquisition, Mode
from station.line.acquiring.overload import block_queue
from station.line.channel import Channel
from station.line.errors import LineError
from station.line.flow import Judged
from station.line.gauges import Gauges
from station.line.judging.judge import Judge
from station.line.judging.looks.broad import broad_judges
from station.line.ledger import LineLedger
from station.line.pace import fastest_m_per_min
from station.line.scoring.broad import broad_rows
from station.line.scoring.cloth_watch import ClothWatch
from station.line.scoring.inference import Inference
from station.line.scoring.long import long_rows
from station.line.scoring.tiling import PixelCorrection, line_tiler
from station.recipe import Recipe
from station.recipe.cloth_look import ClothLook
from station.shutdown import time_left

ROWS_WAITING = 16
STOP_S = 20.0  # a large batch on a busy machine takes seconds
RESERVE_S = 4.0
"""After a signal so much of its time is kept for the end of roll and records."""

READING_S = 0.2
"""The encoder is read again after this time at the earliest: screens ask often, and such a reading is good enough."""


class Inspection:
    """An inspection takes one roll from the camera to the decision.

    Three threads: acquisition reads the camera, inference scores tiles, judging decides and tells.  ``on_event`` is
    called in order from the judging thread and must return quickly: while it runs, nothing is decided.  The roll ends
    by itself when the camera's cloth has ended; else :meth:`finish` or :meth:`abort` ends it.  Either way all stretches
    are told and then ``RollEnded``, whose ledger has nothing in flight, is the last event.

    A fault in any thread ends the roll likewise: a ``Notice`` says why, and :attr:`failure` holds the fault.  What the
    camera sent before its own fault is still judged; other lines in flight become uninspected (aborted), and so does
    what a camera with ``total_lines`` has not delivered yet.  A thread that hangs in the scorer is abandoned and
    :attr:`has_hung` says so; the scorer must then not be used again.  ``RollStarted`` is not told here but by whoever
    gave the roll its name.

    Args:
        camera: started and stopped by the acquisition thread.
        scorer: judges tiles, called from one thread only.
        roll: the roll's name, None where nothing is recorded.
        shading: flat field of the camera (:class:`calibration.shading.Shading`).
        view: whether to tell StripViews.
        known: how other fabrics look, by name: one that fits better than the recipe's is named.
        due_line: the encoder's due line when the roll was opened.  With a camera that does not wait, the roll's cloth
            begins there and is uninspected (model not ready) until the camera is opened.  None: as read at the start.
    """

    def __init__(
        self,
        camera: Camera,
        scorer: TileScorer,
        recipe: Recipe,
        *,
        roll: str | None = None,
        shading: PixelCorrection | None = None,
        on_event: Callable[[Event], None],
        view: bool = True,
        due_line: int | None = None,
        known: Mapping[str, ClothLook] | None = None,
    ) -> None:
        self._camera = camera
        self._recipe = recipe
        self._roll = roll
        self._on_event = on_event
        self._ledger = LineLedger()
        self._gauges = Gauges()
        self._notices: SimpleQueue[Notice | ColumnsInspected] = SimpleQueue()
        self._blocks = block_queue(camera.waits)
        self._rows: Channel[Judged] = Channel(ROWS_WAITING)
        self._acquisition = Acquisition(camera, self._ledger, self._blocks, self._notices.put, due_line=due_line)
        tile_px, cell_px = scorer.tile_px, scorer.cell_px
        tiler = line_tiler(recipe, camera.width_px, tile_px=tile_px, cell_px=cell_px, shading=shading)
        self._watch = ClothWatch(recipe.cloth, camera.width_px, camera.channels, camera.white, self._notices.put)
        self._inference = Inference(
            scorer,
            tiler,
            self._blocks,
            self._rows,
            self._gauges,
            broad=broad_rows(recipe, scorer, camera.width_px),
            long=long_rows(recipe, scorer, camera.width_px),
            watch=self._watch,
            prompt=not camera.waits,
        )
        self._judge = Judge(
            recipe,
            self._ledger,
            on_event,
            width_px=camera.width_px,
            scorer=scorer,
            broad=broad_judges(recipe, scorer, camera.width_px),
            view=view,
            known=known,
        )
        self._threads = [
            threading.Thread(target=body, name=name, daemon=True)
            for body, name in (
                (self._acquire, "line-acquisition"),
                (self._infer, "line-inference"),
                (self._decide, "line-judging"),
            )
        ]
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._ended = threading.Event()
        self.failure: Exception | None = None
        self.has_hung = False
        self._is_given_up = False

    def start(self) -> None:
        """Warm the model up, then open the camera and begin; returns at once.

        If the model or the camera does not start, ``failure`` holds why.  Raises LineError on a second call.
        """
        with self._lock:
            if self._threads[0].ident is not None:
                raise LineError("This roll was started already; make a new inspection for another roll.")
            for thread in self._threads:
                thread.start()

    def pause(self) -> None:
        """Pause inspecting.  Cloth that still moves becomes uninspected; a camera that can wait simply waits."""
        self._acquisition.ask(Mode.PAUSE)

    def resume(self) -> None:
        """Resume inspecting."""
        if self._acquisition.mode is Mode.PAUSE:
            self._acquisition.ask(Mode.RUN)

    def finish(self, timeout: float = 60.0) -> bool:
        """End the roll: judge every line that was due by now.  Returns False if ``timeout`` seconds were not enough
        and the rest was given up."""
        self._acquisition.ask(Mode.FINISH)
        if self._started and not self._ended.wait(time_left(timeout, RESERVE_S)):
            text = f"The end of the roll was not judged within {timeout:g} s; the rest is uninspected."
            self._notices.put(Notice(Severity.ERROR, text))
            self.abort()
            return False
        if self._started:
            self._join()
        return True

    def give_up(self) -> None:
        """End the roll now: lines in flight, and what a camera with ``total_lines`` has not delivered yet, become
        uninspected (aborted).  Returns at once."""
        self._is_given_up = True
        self._halt()

    def abort(self) -> None:
        """End the roll now; lines in flight become uninspected (aborted)."""
        self._halt()
        if self._started:
            self._ended.wait(time_left(STOP_S, RESERVE_S))
            self._join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the roll has ended: all judged or given up, and told.  Returns False if ``timeout`` seconds were
        not enough.  ``failure`` holds the fault that ended it, if any."""
        return self._ended.wait(timeout)

    def snapshot(self) -> LineSnapshot:
        """Describe the line as it is now.  May be called from any thread."""
        totals, recipe = self._ledger.totals(), self._recipe
        metre = None if recipe.mm_per_px is None else recipe.scale_along / 1000
        ended = self._ended.is_set()
        reading_speed = 0.0 if ended or not self._started else self._acquisition.encoder(READING_S).lines_per_s
        median, high = self._gauges.latency_ms()
        fastest, goes_faster = self._fastest()
        return LineSnapshot(
            state=self._state(),
            feed=self._feed(),
            fabric=recipe.fabric,
            recipe_version=recipe.version,
            roll=self._roll,
            ledger=totals,
            metres_inspected=None if metre is None else totals.lines_inspected * metre,
            metres_uninspected=None if metre is None else totals.lines_uninspected * metre,
            speed_m_per_min=None if metre is None else reading_speed * metre * 60,
            defects=self._judge.defects,
            rejects=self._judge.rejects,
            tiles_per_second=self._gauges.tiles_per_second(overall=ended),
            latency_p50_ms=median,
            latency_p99_ms=high,
            queue_fill=max(self._blocks.fill, self._rows.fill),
            message=self._camera.trouble if self.failure is None else reason(self.failure),
            origin_line=self._acquisition.origin_line,
            behind_s=self._behind_s(),
            columns=self._watch.columns,
            fastest_m_per_min=fastest,
            goes_faster=goes_faster,
        )

    @property
    def _started(self) -> bool:
        return self._threads[0].ident is not None

    def _state(self) -> LineState:
        if self.failure is not None:
            return LineState.ERROR
        if not self._started or self._ended.is_set():
            return LineState.READY
        if not self._ready.is_set():
            return LineState.INITIALIZED
        return LineState.HALTED if self._acquisition.mode is Mode.PAUSE else LineState.CONTINUOUS_EXECUTION

    def _feed(self) -> FeedState:
        if self._ended.is_set():
            return FeedState.ENDED
        feed, paused = self._acquisition.feed, self._acquisition.mode is Mode.PAUSE
        state = feed.state(self._acquisition.encoder(READING_S), time.monotonic())
        return FeedState.NO_PICTURE if paused and state is not FeedState.GONE else state

    def _behind_s(self) -> float:
        newest = self._acquisition.feed.last_block_s
        if self._judge.judged_s is None or newest is None or self._ended.is_set():
            return 0.0
        return max(0.0, newest - self._judge.judged_s)

    def _fastest(self) -> tuple[float | None, bool]:
        """Return how many m/min the machine keeps up with, None while unknown, and whether it goes faster."""
        (capacity, is_known), columns, recipe = self._gauges.capacity(), self._watch.columns, self._recipe
        if columns is None or capacity is None or recipe.mm_per_px is None:
            return None, False
        web_px = columns.right_px - columns.left_px
        return fastest_m_per_min(capacity, web_px, recipe.overlap_px, recipe.scale_along), not is_known

    def _halt(self) -> None:
        self._acquisition.ask(Mode.ABORT)
        self._blocks.abort()
        self._rows.abort()

    def _join(self) -> None:
        """Wait for the threads; abandon one that hangs in a device and note it in ``has_hung``."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(time_left(STOP_S, RESERVE_S))
                if thread.is_alive():
                    abandoned.abandon(thread)
                    self.has_hung = True

    def _fail(self, error: Exception, *, halt: bool = True) -> None:
        if self.has_hung:
            return  # the roll has ended without this thread, and its scorer may be closed by now
        log_bug(error, f"{threading.current_thread().name} has ended")
        with self._lock:
            if self.failure is None:
                self.failure = error
        if halt:
            self._halt()

    def _acquire(self) -> None:
        try:
            self._acquisition.stand_by(self._ready)
            if self._acquisition.mode is not Mode.ABORT:
                self._acquisition.run()
        except Exception as error:
            # What came before the fault is still judged.
            self._fail(error, halt=False)
        finally:
            self._blocks.close()

    def _infer(self) -> None:
        try:
            self._inference.warm_up(self._camera.channels)
            self._ready.set()
            self._inference.run()
        except Exception as error:
            self._fail(error)
        finally:
            self._ready.set()
            self._rows.close()

    def _decide(self) -> None:
        try:
            self._judge.run(self._rows, self._notices, self._gauges)
        except Exception as error:
            self._fail(error)
        try:
            rest = 0
            if self.failure is not None or self._is_given_up:
                # A folder's images behind the damaged one, or behind the last one played, belong to the roll, too.
                rest = self._acquisition.cloth_lines
                self._ledger.due(rest)
            broken_off = "it was interrupted" if self._is_given_up and rest else ""
            self._judge.close_roll(self._roll or "", self._notices, self.failure, broken_off)
        except Exception as error:
            # The listener itself is broken: only the caller and the last resort are left to tell.
            self._fail(error)
            raise
        finally:
            self._ended.set()


def without_line(recipe: Recipe | None, roll: str | None, *, paused: bool, error: Exception | None) -> LineSnapshot:
    """Describe the line while none runs.

    Args:
        recipe: the last roll's recipe, None before any roll.
        roll: the open roll, None if none is.
        paused: whether inspection is to wait.
        error: what kept the line from starting.
    """
    loading = "" if roll is None else "Loading the model"
    if error is not None:
        state = LineState.ERROR
    elif roll is None:
        state = LineState.READY
    else:
        state = LineState.HALTED if paused else LineState.INITIALIZED
    return LineSnapshot(
        state=state,
        feed=FeedState.NO_PICTURE,
        fabric=recipe.fabric if recipe else "",
        recipe_version=recipe.version if recipe else 0,
        roll=roll,
        ledger=Ledger(),
        message=loading if error is None else reason(error),
    )
