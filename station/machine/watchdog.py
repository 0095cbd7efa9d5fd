"""This module decides whether the machine may rely on the station.

If not, the heartbeat stands still and the machine stops by itself.
"""

from __future__ import annotations

from station.contract import FeedState, LineSnapshot, LineState
from station.machine.settings import MachineSettings

AMBER_S = 3.0
"""The lamp shows for this long that cloth went by uninspected: long enough to be seen."""

STANDS_S = 5.0
"""The encoder may stand for this long while the machine says that it runs: at start-up, or while a pick is found by
hand."""

READY_S = 60.0
"""A line may take this long to get ready once a roll is open, as on a slow processor that compiles a large model."""

_BLIND = (FeedState.STALLED, FeedState.GONE)
_STILL = (FeedState.STOPPED, FeedState.NO_PICTURE)
_WATCHING = (LineState.SINGLE_EXECUTION, LineState.CONTINUOUS_EXECUTION)
_LOOKING = (LineState.INITIALIZED, *_WATCHING)


class Watchdog:
    """The watchdog looks at the line several times a second.

    The line is dead when it has stopped with a fault, when its camera is silent (unless settings leave that to the
    light), and, whatever its state, when ``uninspected_m`` of cloth went by without any of it inspected.  Without an
    open roll and in a pause people have decided not to look, and the heart beats.  Too much cloth that is judged but
    not on record counts as not inspected, whatever the line does.  Only cloth judged over the whole width counts as
    inspected: ``uninspected_m`` also covers the loss of one camera of several.

    A line that gets ready may hang, and a camera that is not started yet reports no cloth: there the time is counted.

    An encoder whose wheel has lifted off or whose wire is broken reports a machine at standstill and triggers no line,
    so that nothing seems wrong.  Where the machine itself says that it runs, the line is dead.
    """

    def __init__(self, settings: MachineSettings) -> None:
        self._settings = settings
        self._inspected = -1
        self._since_line = 0
        self._uninspected = 0
        self._amber_until_s = float("-inf")
        self._agreed_s: float | None = None
        self._awaited_s: float | None = None

    def fault(
        self, snapshot: LineSnapshot, due_line: int, mm_per_line: float, *, running: bool | None, now_s: float
    ) -> str:
        """Say why the machine may not rely on the station; empty if it may.  ``running``: what the machine says."""
        still = snapshot.state in _WATCHING and snapshot.feed in _STILL
        if not (running and still) or self._agreed_s is None:
            self._agreed_s = now_s
        if snapshot.state is not LineState.INITIALIZED or self._awaited_s is None:
            self._awaited_s = now_s
        if snapshot.records is not None and snapshot.records.is_over_limit:
            return f"{snapshot.records.metres:.1f} m of cloth are not on record"
        if snapshot.state is LineState.ERROR:
            return f"the line has stopped ({snapshot.message.rstrip('.') or 'no reason given'})"
        blind = snapshot.feed in _BLIND
        looking = snapshot.state in _LOOKING and not (blind and self._settings.on_camera_loss == "light")
        inspected = snapshot.ledger.lines_inspected
        if not looking or inspected != self._inspected or due_line < self._since_line:
            self._inspected = inspected
            self._since_line = due_line
        if looking and blind:
            return str(snapshot.feed)
        if now_s - self._awaited_s > READY_S:
            return "the line does not get ready"
        if now_s - self._agreed_s > STANDS_S:
            return "the machine runs, but the encoder tells of no cloth that moves"
        metres = (due_line - self._since_line) * mm_per_line / 1000
        return f"{metres:.1f} m went by uninspected" if looking and metres > self._settings.uninspected_m else ""

    def degraded(self, snapshot: LineSnapshot, now_s: float) -> bool:
        """Say whether cloth that moves now is not inspected as it should be.

        Either nothing looks at it, as in a pause or without a roll, or some went by uninspected in the last seconds, or
        the record lags behind it.
        """
        if snapshot.ledger.lines_uninspected > self._uninspected:
            self._amber_until_s = now_s + AMBER_S
        self._uninspected = snapshot.ledger.lines_uninspected
        blind = snapshot.state not in _LOOKING or snapshot.feed in _BLIND
        return blind or now_s < self._amber_until_s or snapshot.records is not None


def runs_camera(snapshot: LineSnapshot) -> bool:
    """Say whether the camera has been started for the open roll."""
    return snapshot.origin_line is not None and snapshot.state in (*_LOOKING, LineState.HALTED)
