"""This module finds the good cloth that a teach-in is to see: a folder of pictures, a recording, the running camera."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from drivers.camera import Camera
from drivers.grey import GreyCamera
from drivers.recording.cloth import RecordedCloth, recorded_metres
from drivers.replay import ReplayCamera
from station.calibration.camera import CalibratedCamera
from station.calibration.evened import EvenedCamera
from station.calibration.selection import Calibrations
from station.colour import shows_colour
from station.commands.recordings.record import record_cloth
from station.commands.session import Records, say, say_notice
from station.contract import StationError
from station.recipe import NO_DECISION, Recipe
from station.settings import Settings
from station.teaching.folder_signs import doubts, folders_of
from station.teaching.request import TeachRequest
from station.teaching.sampling import TEACHING_BLOCK_LINES

FOLDERS_NAMED = 20


@dataclass(frozen=True)
class GoodCloth:
    """Good cloth can be opened again and again.

    Attributes:
        open: returns it as a finite camera, from its beginning.
        request: the request, with the scale of the cloth where that is known and none was given.
        figures: where it comes from, for the JSON.
    """

    open: Callable[[], Camera]
    request: TeachRequest
    figures: dict[str, object] = field(default_factory=dict)


def cloth_in_folder(folder: Path, request: TeachRequest, *, all_good: bool, in_grey: bool = False) -> GoodCloth:
    """Return the cloth on the pictures of a folder.

    Args:
        all_good: a person confirmed that all in the folder is good cloth, whatever it looks like.
        in_grey: cloth is taught in grey even if its pictures show colour.

    Raises:
        CameraError, StationError: it has no pictures, or some of it does not seem to be good cloth.
    """
    camera = ReplayCamera(folder, block_lines=TEACHING_BLOCK_LINES)  # unusable cloth is refused first
    for notice in camera.take_notices():
        say_notice(notice)
    folders = folders_of(camera.images)
    _tell_folders(folders)
    _refuse_doubtful(folder, camera, confirmed=all_good)
    has_colour = camera.channels == 3 and not in_grey and shows_colour([piece.path for piece in camera.pieces])
    say(_colour_told(camera.channels, has_colour, in_grey))
    seen = _seen(camera, has_colour)

    def opened() -> Camera:
        camera.rewind()
        return seen

    return GoodCloth(opened, request, {"folders": [{"folder": name, "pictures": n} for name, n in folders.items()]})


def cloth_in_recording(
    records: Records,
    folder: Path,
    request: TeachRequest,
    metres: tuple[float, float] | None = None,
    *,
    in_grey: bool = False,
) -> GoodCloth:
    """Return the cloth of a recording, in the light and shape that the line sees by its camera's calibrations.

    Args:
        metres: which of its metres; None for all.
        in_grey: cloth is taught in grey even if the camera saw colour.

    Raises:
        CameraError, StationError: it cannot be read, or has no such cloth.
    """
    camera = RecordedCloth(folder, block_lines=TEACHING_BLOCK_LINES, metres=metres)
    draft = Recipe(
        fabric=request.fabric, version=1, model_sha256="0" * 64, encoder=request.encoder, threshold=NO_DECISION
    )
    draft = draft.model_copy(update={"mm_per_px": request.mm_per_px or camera.mm_per_px})
    fitted = Calibrations(records.history).fit(camera, draft)
    has_colour = camera.channels == 3 and not in_grey
    say(_colour_told(camera.channels, has_colour, in_grey))
    seen = _seen(EvenedCamera(CalibratedCamera(camera, fitted.lens), fitted.shading), has_colour)
    scale = request.mm_per_px or fitted.recipe.mm_per_px
    told = f"metres {metres[0]:g} to {metres[1]:g}" if metres else "all"
    say(f"Good cloth is taken from recording {folder} of camera {camera.camera_id}: {told} of it.")

    def opened() -> Camera:
        camera.rewind()
        return seen

    first, end = metres or (0.0, None if camera.mm_per_px is None else recorded_metres(camera.recording))
    figures: dict[str, object] = {"recording": str(folder), "metres_from": first, "metres_to": end}
    return GoodCloth(opened, replace(request, mm_per_px=scale), figures)


@contextmanager
def cloth_at_camera(
    records: Records, settings: Settings, request: TeachRequest, metres: float, *, in_grey: bool = False
) -> Iterator[GoodCloth]:
    """Open the camera of the settings itself, record so much of its cloth, and give that cloth; the recording is kept
    no longer than it is needed.

    Raises:
        CameraError, StationError: there is no camera, it knows no scale, or the cloth cannot be recorded.
    """
    with tempfile.TemporaryDirectory(prefix="teach-", dir=records.home) as scratch:
        folder = Path(scratch) / "cloth"
        say(f"Recording {metres:g} m of cloth to teach on.")
        seen = record_cloth(settings, records.home, out=folder, metres=metres)
        lost = seen["lines_lost"]
        if lost:
            say(f"{lost} lines of it did not come or came too late; what came is taught.")
        cloth = cloth_in_recording(records, folder, request, in_grey=in_grey)
        yield replace(cloth, figures={"metres_from": 0.0, "metres_to": seen["metres"], "live": True})


def _seen(camera: Camera, has_colour: bool) -> Camera:
    return camera if has_colour or camera.channels == 1 else GreyCamera(camera)


def _colour_told(channels: int, has_colour: bool, in_grey: bool) -> str:
    if has_colour:
        return "The cloth is taught in colour, and only pictures in colour can be inspected with it."
    if channels == 1:
        return "The cloth is taught in grey, as its pictures are."
    why = "as asked for" if in_grey else "as its pictures, stored as colour, show none"
    return f"The cloth is taught in grey, {why}."


def _tell_folders(folders: dict[str, int]) -> None:
    say(f"Good cloth is taken from {sum(folders.values())} pictures:")
    for name, count in list(folders.items())[:FOLDERS_NAMED]:
        say(f"  {count:6} in {'the folder itself' if name == '.' else name}")
    if len(folders) > FOLDERS_NAMED:
        say(f"  and more in {len(folders) - FOLDERS_NAMED} other folders")


def _refuse_doubtful(folder: Path, camera: ReplayCamera, *, confirmed: bool) -> None:
    signs = [] if confirmed else doubts(folder, [(piece.name, piece.path) for piece in camera.pieces])
    if signs:
        raise StationError(
            f"Not all of the {len(camera.pieces)} pictures in {folder} seem to be good cloth; there are "
            f"{'; '.join(signs)}.  Name the folder of good cloth alone, or add --all-good if all of it is good; "
            "nothing was taught."
        )
