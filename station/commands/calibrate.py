"""Commands that calibrate a camera: its flat field, from pictures of good cloth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from calibration.shading import shading_from_cloth
from drivers.camera import EndOfClothError, LineBlock
from drivers.replay import ReplayCamera
from station.control import StationError
from station.flat_field import save_shading
from station.line.web import WebEdges, WebFinder


def calibrate_shading(*, folder: Path, out: Path) -> dict[str, object]:
    """Flat field from a folder of good cloth, played twice: first to find the web, then to even out its light.

    Raises:
        CameraError: the folder cannot be played.
        CalibrationError: too little cloth, or cloth that is too dark, too bright or too narrow.
        StationError: no cloth in sight, or the file cannot be written.
    """
    if out.is_dir():
        raise StationError(f"{out} is a folder; name the file to write, such as {out / 'shading.json'}.")
    camera = ReplayCamera(folder)
    finder = WebFinder()
    webs = {block.first_line: web for block in played(camera) if (web := finder.find(block.pixels)) is not None}
    if not webs:
        raise StationError(f"No cloth is in sight in the images of {folder}; give pictures of good cloth.")
    lines = 0

    def cloth() -> Iterator[LineBlock]:
        nonlocal lines
        for block in played(camera):
            if block.first_line in webs:
                lines += block.lines
                yield block

    shading = shading_from_cloth(
        (block.pixels for block in cloth()),
        web_px=usual_web(list(webs.values())),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    save_shading(shading, out)
    return {
        "residual_percent": 100 * shading.residual,
        "residual_before_percent": 100 * shading.residual_before,
        "lines": lines,
        "width_px": shading.width_px,
        "file": str(out),
    }


def played(camera: ReplayCamera) -> Iterator[LineBlock]:
    """All blocks of a folder, from its first image."""
    camera.rewind()
    camera.start()
    try:
        while (block := camera.read(1.0)) is not None:
            yield block
    except EndOfClothError:
        return
    finally:
        camera.stop()


def usual_web(webs: list[WebEdges]) -> tuple[int, int]:
    """Half-open columns of the web: median edges, so that one misread block does not narrow it."""
    return round(median(web.left_px for web in webs)), round(median(web.right_px for web in webs))
