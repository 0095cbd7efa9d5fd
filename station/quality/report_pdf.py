"""This module writes the report as PDF: summary, map of the roll, cloth not inspected, defects, worst pictures.

``report.typ`` is the page; Typst sets it, with every script joined and in its direction, from fonts of our own only.
"""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import typst
from PIL import Image

from model.durable import write_whole
from station.quality.fonts import FAMILIES, folders, signs_without_glyph
from station.quality.report_text import (
    DIFFERING,
    HEADINGS,
    defect_cells,
    differing_words,
    number_words,
    stretch_words,
    summary,
)
from station.state.defect_kind import kind_words

if TYPE_CHECKING:
    from station.quality.report import Report, ReportDefect, ReportStretch

PICTURES = 12
LISTED = 1000
MAP_STEPS = 2000
"""The map is as many steps wide; what lies on one step is drawn once."""
THINNEST = 1 / 300
NO_LONGER_KEPT = "picture no longer kept"
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)
"""Pillow raises one of these for a picture that is damaged or none."""


def write_pdf(made: Report, path: Path) -> list[str]:
    """Write the report as PDF to ``path``, completely or not at all.

    Returns:
        a sentence for each thing that could not be put on the page: a picture, a sign that no font has.

    Raises:
        OSError: the file cannot be written.
    """
    pictures = [_picture(defect) for defect in _worst(made)]
    left_out = [str(picture["sentence"]) for picture in pictures if picture["sentence"]]
    page, missing = _as_json(_page(made, pictures, left_out))
    if missing:
        numbers = ", ".join(number.strip("[]") for number in missing.values())
        left_out.append(f"No font here has the signs {numbers}; their numbers stand for them, CSV and JSON have them.")
        page, _ = _as_json(_page(made, pictures, left_out))
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder) for folder in folders()]
    )
    template = Path(__file__).with_name("report.typ").read_bytes()
    pdf = typst.Compiler(template, font_paths=fonts, sys_inputs={"report": page}).compile(format="pdf")
    assert isinstance(pdf, bytes)
    write_whole(path, pdf)
    return left_out


def _page(made: Report, pictures: list[dict[str, object]], left_out: list[str]) -> dict[str, object]:
    """Return all that stands in the report, as ``report.typ`` takes it."""
    unseen = [stretch for stretch in made.stretches if stretch.reason is not None]
    rest = [f"… and {len(unseen) - LISTED} more; the report as JSON lists all."] if len(unseen) > LISTED else []
    more = f"… and {len(made.defect_list) - LISTED} more; the CSV lists all."
    return {
        "title": f"Roll {made.roll}",
        "fonts": FAMILIES,
        "summary": summary(made),
        "map": _roll_map(made, unseen),
        "notes": [
            {
                "title": "Cloth nobody inspected",
                "lines": [*(stretch_words(made, stretch) for stretch in unseen[:LISTED]), *rest],
            },
            {"title": "Pauses and splices", "lines": made.way.lines()[:LISTED]},
            {"title": DIFFERING, "lines": [differing_words(one) for one in made.differing[:LISTED]]},
            {"title": "Told during the roll", "lines": list(made.warnings[:LISTED])},
            {"title": "Not in this report", "lines": [*made.incomplete_because, *left_out]},
        ],
        "headings": HEADINGS,
        "rows": [defect_cells(made, defect) for defect in made.defect_list[:LISTED]],
        "more": more if len(made.defect_list) > LISTED else "",
        "pictures": pictures,
    }


def _roll_map(made: Report, unseen: list[ReportStretch]) -> dict[str, object]:
    """Return the map from left (start) to right, in parts of its width: rejects as ticks above it, cloth not inspected
    as struck boxes."""
    total = max([made.lines_acquired, *(s.end_line for s in made.stretches)], default=0) or 1
    boxes = {
        (_step(stretch.first_line / total), max(THINNEST, _step((stretch.end_line - stretch.first_line) / total)))
        for stretch in unseen
    }
    length = (made.length_m or 0.0) * 1000 if made.unit == "mm" else float(total)
    ticks = {_step(defect.position / length) for defect in made.defect_list if defect.counts and length > 0}
    return {
        "unseen": sorted((min(first, 1 - THINNEST), wide) for first, wide in boxes),
        "differing": sorted(
            (_step(one.first_line / total), max(THINNEST, _step((one.end_line - one.first_line) / total)))
            for one in made.differing
        ),
        "ticks": sorted(ticks),
        "end": f"{made.lines_acquired} lines" if made.length_m is None else f"{made.length_m:.2f} m",
        "legend": "ticks: rejects that count; struck boxes: cloth not inspected"
        + ("; bar below: cloth that differs from what was taught" if made.differing else ""),
    }


def _step(part: float) -> float:
    return round(min(1.0, max(0.0, part)) * MAP_STEPS) / MAP_STEPS


def _worst(made: Report) -> list[ReportDefect]:
    """Return the defects farthest above their threshold among those that count and had their picture taken."""
    pictured = [d for d in made.defect_list if d.counts and (d.crop_file is not None or d.picture_dropped)]
    return sorted(pictured, key=lambda defect: -defect.score / defect.threshold)[:PICTURES]


def _picture(defect: ReportDefect) -> dict[str, object]:
    """Return a defect's picture (PNG as numbers; None where it cannot be shown, with the reason) and its caption."""
    shown: dict[str, object] = {
        "png": None,
        "why": "",
        "sentence": "",
        "caption": f"no {number_words(defect.number)}, {kind_words(defect.kind, defect.parts, defect.look)}",
    }
    if defect.picture_dropped:
        return {**shown, "why": NO_LONGER_KEPT}
    file = Path(str(defect.crop_file))
    try:
        with Image.open(file) as opened:
            picture = opened.convert("L" if opened.mode in ("1", "L", "I;16") else "RGB")  # reads all of it
    except FileNotFoundError:
        why = "is missing"
    except UNREADABLE:
        why = "cannot be read"
    else:
        png = io.BytesIO()
        picture.save(png, "PNG")
        return {**shown, "png": list(png.getvalue())}
    sentence = f"The picture of defect no {number_words(defect.number)} {why} and was left out ({file})."
    return {**shown, "why": f"picture {why}", "sentence": sentence}


def _as_json(page: dict[str, object]) -> tuple[str, dict[str, str]]:
    """Return the page as JSON in which a number such as ``[U+10900]`` stands for each sign that no font has, so that
    none becomes a box; and these numbers by their signs."""
    text = unicodedata.normalize("NFC", json.dumps(page, ensure_ascii=False))
    missing = {sign: f"[U+{ord(sign):04X}]" for sign in signs_without_glyph([text])}
    return "".join(missing.get(sign, sign) for sign in text) if missing else text, missing
