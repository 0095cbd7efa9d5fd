"""The banner says large over the picture why it is not live, and in a sentence what a person can do."""

from __future__ import annotations

from station.contract import FeedState, LineSnapshot, LineState
from ui.actions import key

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

NO_ROLL_DETAIL = f"No roll is open. Choose the fabric and start a roll to look at the cloth ({key('start_roll')})."
NOT_TAUGHT = "No fabric has been taught yet. Teach one first:  station teach NAME --images FOLDER"
STARTING = "STARTING"
STARTING_DETAIL = "The roll is open; the first cloth has not been judged yet."
ROLL_ENDED = "ROLL ENDED"
ROLL_ENDED_DETAIL = f"Its record is in History ({key('open_history')}). Start the next roll with {key('start_roll')}."
PAUSED = "PAUSED"
PAUSED_DETAIL = f"Cloth that moves now is not inspected. Resume to look again ({key('start_roll')})."
FAILED = "INSPECTION FAILED"
FAILED_DETAIL = f"Cloth is not inspected any more. Fix this, then start the next roll ({key('start_roll')})."
BEHIND = "INSPECTION BEHIND"
CAMERA_MISSING = "CAMERA MISSING"
BEHIND_S = 2.0
"""A picture older than this, in seconds, is not live although the camera is."""


def is_behind(snapshot: LineSnapshot) -> bool:
    """Tell whether lines arrive but the newest judged one is too old to be called live."""
    return snapshot.feed is FeedState.LIVE and snapshot.behind_s > BEHIND_S


def picture_words(snapshot: LineSnapshot, *, roll_open: bool, seen: bool, ended: bool, taught: bool) -> tuple[str, str]:
    """Choose what stands large over the picture, and the sentence under it; both are empty while it is live.

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
