"""Numbers and states as people read them."""

from __future__ import annotations

from datetime import datetime

from station.contract import FeedState, LineSnapshot, LineState

THIN_SPACE = "\u2009"

BANNER = {
    FeedState.NO_PICTURE: "NO PICTURE",
    FeedState.LIVE: "LIVE",
    FeedState.STOPPED: "MACHINE STOPPED",
    FeedState.STALLED: "CAMERA STALLED",
    FeedState.GONE: "CAMERA GONE",
    FeedState.ENDED: "END OF CLOTH",
}

DETAIL = {
    FeedState.NO_PICTURE: "No picture comes from the camera. Check its power and cable.",
    FeedState.LIVE: "",
    FeedState.STOPPED: "This is the last cloth that passed.",
    FeedState.STALLED: "The machine runs but no lines arrive. Check the camera's cable and trigger.",
    FeedState.GONE: "Cloth passes without being looked at. Check the camera's power and cable.",
    FeedState.ENDED: "All cloth has been seen. End the roll to close its record.",
}

STATE = {
    LineState.PREOPERATIONAL: "not ready",
    LineState.HALTED: "paused",
    LineState.ERROR: "fault",
    LineState.INITIALIZED: "starting",
    LineState.READY: "ready",
    LineState.SINGLE_EXECUTION: "inspecting a piece",
    LineState.CONTINUOUS_EXECUTION: "inspecting",
}
"""The states of OPC 40100-1 in plain words."""

NO_ROLL_DETAIL = "No roll is open. Choose the fabric and start a roll to look at the cloth (F5)."
NOT_TAUGHT = "No fabric has been taught yet. Teach one first:  station teach NAME --images FOLDER"
STARTING = "STARTING"
STARTING_DETAIL = "The roll is open; the first cloth has not been judged yet."
ROLL_ENDED = "ROLL ENDED"
ROLL_ENDED_DETAIL = "Its record is in History (Ctrl+3). Start the next roll with F5."
PAUSED = "PAUSED"
PAUSED_DETAIL = "Cloth that moves now is not inspected. Resume to look again (F5)."
FAILED = "INSPECTION FAILED"
FAILED_DETAIL = "Cloth is not inspected any more. Mend this, then start the next roll (F5)."
BEHIND = "INSPECTION BEHIND"
CAMERA_MISSING = "CAMERA MISSING"
BEHIND_S = 2.0
"""A picture older than this, in seconds, is not live although the camera is."""


def is_behind(snapshot: LineSnapshot) -> bool:
    """Whether lines arrive but the newest judged one is too old to be called live."""
    return snapshot.feed is FeedState.LIVE and snapshot.behind_s > BEHIND_S


def picture_words(snapshot: LineSnapshot, *, roll_open: bool, seen: bool, ended: bool, taught: bool) -> tuple[str, str]:
    """What stands large over the picture, and the sentence under it; both empty while it is live.

    Args:
        snapshot: how the line is.
        roll_open: a roll is under inspection.
        seen: some cloth of the roll is on the screen.
        ended: a roll has been closed, and the picture still shows its cloth.
        taught: there is a fabric to inspect.
    """
    feed = snapshot.feed
    if snapshot.state is LineState.ERROR and (roll_open or ended):  # whatever the feed says: it has ended with the line
        return FAILED, " ".join(part for part in (_sentence(snapshot.message), FAILED_DETAIL) if part)
    if roll_open:
        quiet = feed in (FeedState.NO_PICTURE, FeedState.LIVE)
        if quiet and snapshot.state is LineState.HALTED:
            return PAUSED, PAUSED_DETAIL
        if quiet and not seen:
            return STARTING, _sentence(snapshot.message) or STARTING_DETAIL
        if is_behind(snapshot):
            return BEHIND, f"The picture is {snapshot.behind_s:.0f} s old: the cloth on the machine is not judged yet."
        return ("", "") if feed is FeedState.LIVE else (BANNER[feed], DETAIL[feed])
    if ended:
        return ROLL_ENDED, ROLL_ENDED_DETAIL
    return BANNER[FeedState.NO_PICTURE], NO_ROLL_DETAIL if taught else NOT_TAUGHT


def _sentence(message: str) -> str:
    return f"{message.rstrip('.')}." if message else ""


def length(millimetres: float, unit: str = "mm") -> str:
    """A length of a defect: ``3.5 mm``, ``120 mm``, ``1.25 m``; in px where there is no scale."""
    if unit == "mm" and millimetres >= 1000:
        return f"{millimetres / 1000:.2f}{THIN_SPACE}m"
    return f"{millimetres:.1f}{THIN_SPACE}{unit}" if millimetres < 10 else f"{millimetres:.0f}{THIN_SPACE}{unit}"


def size(length_mm: float, width_mm: float, unit: str = "mm") -> str:
    """Along × across, the unit once: ``3.5 × 12 mm``."""
    along, across = length(length_mm, unit), length(width_mm, unit)
    ending = f"{THIN_SPACE}{unit}"
    return f"{along.removesuffix(ending) if across.endswith(ending) else along} × {across}"


def position(millimetres: float, unit: str = "mm") -> str:
    """A place along the roll: ``12.43 m``, or px where there is no scale."""
    return metres(millimetres / 1000) if unit == "mm" else f"{grouped(millimetres)}{THIN_SPACE}px"


def metres(value: float, digits: int = 2) -> str:
    """``1 234.50 m``."""
    return f"{value:,.{digits}f}".replace(",", THIN_SPACE) + f"{THIN_SPACE}m"


def grouped(value: float) -> str:
    """``12 345``."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def span(value_m: float | None, lines: int, digits: int = 1) -> str:
    """Metres where there is a scale, lines where not."""
    return metres(value_m, digits) if value_m is not None else f"{grouped(lines)} lines"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 reject``, ``2 rejects``."""
    return f"{grouped(number)} {one if number == 1 else (many or one + 's')}"


def when(moment: datetime) -> str:
    """Local date and time to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d  %H:%M")
