"""This module holds the commands that calibrate a camera and put each result on record with its residual error.
Nothing is half-stored: the record is written last, after every step that may fail."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from calibration.lens import Lens, lens_from_chessboards
from calibration.scale import (
    along_mm_per_line,
    encoder_scale,
    scale_from_chessboards,
    scale_from_ruler,
    squareness_warning,
)
from calibration.shading import Shading, shading_from_cloth, shading_from_references
from calibration.stitching import stitch
from drivers.camera import LineBlock
from drivers.replay import ReplayCamera
from station.calibration.selection import ACROSS, ALONG, LENS, SCALE, SCALE_TOLERANCE, SHADING, STITCHING, lens_for
from station.calibration.shading_file import save_shading
from station.commands.calibrate_source import CameraName, CameraSource, Picture, cloth, pictures, played
from station.commands.session import Records, say
from station.contract import StationError
from station.line.scoring.web import WebEdges, WebFinder
from station.records.rows import NewCalibration

SHADING_LINES = 2048
SHADING_METRES = 1.2
"""A camera is read for this length: one metre is needed, and some of it may show no cloth."""
UNEVEN = 0.01
"""This share of the mean brightness may stay uneven before a warning is given ..."""
FAR_TOO_UNEVEN = 0.03
"""... and above this share it was no even cloth or surface: such a shading would spoil the next roll."""
POOR_FIT_PX = 1.0


def calibrate_shading(
    records: Records, source: CameraSource, *, by: str, out: Path | None = None, lines: int | None = None
) -> dict[str, object]:
    """Calibrate the flat field from good cloth that moves past the camera, or from a folder of pictures of it.

    Raises:
        CameraError: the source failed.
        CalibrationError: too little cloth, or cloth that is too dark, too bright or too narrow.
        StationError: no cloth is in sight, it is not even, or the file cannot be written.
    """
    _check_out(out)
    if source.live:
        say(f"Taking good cloth from camera {source.of.camera_id}: let it run.")
    mm_per_line = _mm_per_line(records, source)
    passing = cloth(source, lines or _enough_lines(mm_per_line))
    finder = WebFinder()
    webs = {block.first_line: web for block in passing() if (web := finder.find(block.pixels)) is not None}
    if not webs:
        raise StationError(f"No cloth is in sight of camera {source.of.camera_id}; show it good cloth.")
    counted = 0

    def good() -> Iterator[Picture]:
        nonlocal counted
        for block in passing():
            if block.first_line in webs:
                counted += block.lines
                yield block.pixels

    joints_px = source.of.joints_px  # each of several cameras has its own light
    web_px = usual_web(list(webs.values()))
    shading = shading_from_cloth(good(), web_px=web_px, mm_per_line=mm_per_line, joints_px=joints_px)
    return _keep_shading(records, source, shading, by, out, counted)


def calibrate_shading_from_references(
    records: Records, source: CameraSource, dark: Path, *, by: str, out: Path | None = None
) -> dict[str, object]:
    """Calibrate the flat field from an even white surface (the source) and pictures with the lens covered.

    Raises:
        CameraError: a source failed.
        CalibrationError: references that differ in width, or are too few, clipped or too dark.
        StationError: the surface is not even, or the file cannot be written.
    """
    _check_out(out)
    if source.live:
        say(f"Taking the white reference from camera {source.of.camera_id}: move an even white surface past it.")
    white = _lines_of(cloth(source, SHADING_LINES)())
    covered = ReplayCamera([dark] if dark.is_file() else dark)
    shading = shading_from_references(_lines_of(played(covered)), white)
    return _keep_shading(records, source, shading, by, out, len(white))


def calibrate_scale(
    records: Records,
    of: CameraName,
    source: CameraSource | None,
    *,
    by: str,
    chessboard: tuple[int, int] | None = None,
    square_mm: float | None = None,
    ruler_mm: float | None = None,
    runs: Sequence[tuple[int, float]] = (),
    pulses_per_line: float | None = None,
    lines: int | None = None,
) -> dict[str, object]:
    """Calibrate the scale: both axes from a chessboard, across from a ruler, along from encoder pulses per length.

    Args:
        of: the camera that is calibrated.
        source: pictures of the target; None if there is only the encoder.
        runs: encoder pulses and length in mm of each run of cloth.

    Raises:
        CameraError: the source failed.
        CalibrationError: there is no target, a bad picture of it, or values are impossible.
    """
    result: dict[str, Any] = {}
    warnings: list[str] = []
    residual, unit = None, ""
    if source is not None:
        lens = lens_for(records.history.calibrations(of.camera_id), of)
        frame_lines = source.camera.width_px if lens is None else lens.height_px
        shown = _straightened(lens, pictures(source, lines or frame_lines))
        if chessboard is not None and square_mm is not None:
            board = scale_from_chessboards(shown, chessboard, square_mm)
            warnings += filter(None, [squareness_warning(board)])
            result, residual, unit = board.to_dict(), board.residual_mm, "mm"
        elif ruler_mm is not None:
            ruler = scale_from_ruler(_only(shown), ruler_mm)
            result, residual, unit = ruler.to_dict(), ruler.residual_mm, "mm"
        if result["residual_px"] > POOR_FIT_PX:
            warnings.append(
                f"The target fits this scale no better than {result['residual_px']:.1f} px: lay it flat, move it "
                "evenly or calibrate the lens first."
            )
    if runs and pulses_per_line is not None:
        encoder = encoder_scale(runs)
        if encoder.residual_mm is None:
            warnings.append("A single run leaves its error unknown; measure two or more.")
        along = along_mm_per_line(encoder.pulses_per_metre, pulses_per_line)
        warnings += _along_warnings(result, along)
        result |= {name: value for name, value in encoder.to_dict().items() if name != "residual_mm"}
        result |= {ALONG: along, "pulses_per_line": pulses_per_line, "encoder_residual_mm": encoder.residual_mm}
        if unit == "" and encoder.residual_mm is not None:
            residual, unit = encoder.residual_mm, "mm"
    return {**result, **_keep(records, SCALE, of, result, residual, unit, by, warnings)}


def calibrate_lens(
    records: Records, source: CameraSource, *, by: str, chessboard: tuple[int, int], square_mm: float
) -> dict[str, object]:
    """Calibrate an area camera's distortion from pictures of a chessboard.

    Raises:
        CameraError: the source failed.
        CalibrationError: a picture shows no board, or pictures are too few, too similar or of mixed sizes.
    """
    lens = lens_from_chessboards(pictures(source, source.camera.width_px), chessboard, square_mm)
    result = lens.to_dict()
    return {**result, **_keep(records, LENS, source.of, result, lens.residual_px, "px", by, [])}


def calibrate_stitching(records: Records, left: CameraSource, right: CameraSource, *, by: str) -> dict[str, object]:
    """Calibrate overlap and offset of two neighbouring cameras from one picture of each.

    Raises:
        CameraError: a source failed.
        CalibrationError: the pictures match nowhere or in several places.
    """
    found = stitch(_only(pictures(left, left.camera.width_px)), _only(pictures(right, right.camera.width_px)))
    warnings = []
    if found.residual_px > POOR_FIT_PX:
        warnings.append("A camera is turned, or the two differ in scale: parts of the overlap fit in other places.")
    result, both = found.to_dict(), CameraName(f"{left.of.camera_id}+{right.of.camera_id}")
    return {**result, **_keep(records, STITCHING, both, result, found.residual_px, "px", by, warnings)}


def usual_web(webs: list[WebEdges]) -> tuple[int, int]:
    """Return the half-open columns of the web: median edges, so that one misread block does not narrow it."""
    return round(median(web.left_px for web in webs)), round(median(web.right_px for web in webs))


def _keep_shading(
    records: Records, source: CameraSource, shading: Shading, by: str, out: Path | None, lines: int
) -> dict[str, object]:
    residual = 100 * shading.residual
    if shading.residual > FAR_TOO_UNEVEN:
        raise StationError(
            f"Even corrected, what was shown is uneven by {residual:.1f} %, so nothing was kept: show good cloth only, "
            "or an even white surface, under the lamp as it runs."
        )
    warnings = [str(fault) for fault in shading.faults]
    if shading.residual > UNEVEN:
        warnings.append(f"The light is still uneven by {residual:.1f} %; straighten lamp and lens and calibrate anew.")
    if out is not None:
        save_shading(shading, out)
    return {
        "residual_percent": residual,
        "residual_before_percent": 100 * shading.residual_before,
        "lines": lines,
        "width_px": shading.width_px,
        "faults": [fault.to_dict() for fault in shading.faults],
        "file": None if out is None else str(out),
        **_keep(records, SHADING, source.of, shading.to_dict(), residual, "%", by, warnings),
    }


def _keep(
    records: Records,
    kind: str,
    of: CameraName,
    result: Mapping[str, Any],
    residual: float | None,
    unit: str,
    by: str,
    warnings: Sequence[str],
) -> dict[str, object]:
    """Put a result on record and return the part of the JSON that all kinds have."""
    new = NewCalibration(kind, of.camera_id, result, of.serial, of.width_px, residual, unit)
    (number,) = records.store.add_calibrations([new], by)
    for warning in warnings:
        say(f"Warning: {warning}")
    return {
        "calibration": number,
        "camera": of.camera_id,
        "residual": residual,
        "residual_unit": unit,
        "warnings": list(warnings),
    }


def _along_warnings(seen: Mapping[str, Any], along: float) -> list[str]:
    """Warn if the target gave a scale, too, and the encoder differs from it or pixels are not square."""
    other, which = seen.get(ALONG), "the chessboard along"
    if other is None:
        other, which = seen.get(ACROSS), "the target across, so pixels are not square"
    if other is None or abs(along / other - 1) <= SCALE_TOLERANCE:
        return []
    return [f"The encoder gives {along:.4g} mm per line, but {other:.4g} mm per px is what tells {which}."]


def _check_out(out: Path | None) -> None:
    if out is not None and out.is_dir():
        raise StationError(f"{out} is a folder; name the file to write, such as {out / 'shading.json'}.")


def _mm_per_line(records: Records, source: CameraSource) -> float | None:
    """Return the camera's scale along, from the records or from the camera itself; None if neither has it."""
    known = (row.result.get(ALONG) for row in records.history.calibrations(source.of.camera_id) if row.kind == SCALE)
    mm = next((value for value in known if isinstance(value, float) and value > 0), None)
    return mm or source.camera.mm_per_px


def _enough_lines(mm_per_line: float | None) -> int:
    return SHADING_LINES if mm_per_line is None else max(SHADING_LINES, math.ceil(1000 * SHADING_METRES / mm_per_line))


def _lines_of(blocks: Iterable[LineBlock]) -> Picture:
    """Join blocks to one grey picture, uint8 ``[lines, width]``."""
    lines = np.concatenate([block.pixels for block in blocks])
    return lines if lines.ndim == 2 else lines.mean(axis=2).astype(np.uint8)


def _straightened(lens: Lens | None, shown: list[Picture]) -> list[Picture]:
    """Straighten pictures as the line will, if the camera's lens is calibrated.  Raises PictureError for pictures that
    are not its whole frames."""
    return shown if lens is None else [lens.undistort(picture) for picture in shown]


def _only(shown: Sequence[Picture]) -> Picture:
    if len(shown) > 1:
        raise StationError(f"{len(shown)} pictures were given, but one is wanted; name the file instead of the folder.")
    return shown[0]
