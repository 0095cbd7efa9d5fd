"""This module writes the report as PDF, one to three pages: what the roll is and is worth, its map, its width, who
signs, cloth not inspected, the worst defects with their pictures.

``report.typ`` is the page; Typst sets it, with every script joined and in its direction, from fonts of our own only.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typst
from PIL import Image

from model.durable import write_whole
from station.local_time import dated
from station.quality.fonts import FAMILIES, folders, signs_without_glyph
from station.quality.report_text import (
    DIFFERING,
    HEADINGS,
    SIGNING,
    defect_cells,
    differing_words,
    stretch_words,
    summary,
)
from station.quality.reporting.drawing import roll_map, width_trace
from station.quality.reporting.qr import qr_svg
from station.quality.reporting.signing import signing_words
from station.records.rows import number_words
from station.state.defect_kind import kind_words

if TYPE_CHECKING:
    from station.quality.report import Report
    from station.quality.reporting.rows import ReportDefect

MOST_PAGES = 3
LONGEST = 400
"""A sentence on the page has at most so many signs."""
NO_LONGER_KEPT = "picture no longer kept"
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)
"""Pillow raises one of these for a picture that is damaged or none."""


@dataclass(frozen=True, slots=True)
class _Room:
    """So many defects, pictures, and lines of each note are on the pages."""

    defects: int
    pictures: int
    notes: int


ROOMS = (_Room(40, 12, 8), _Room(40, 12, 5), _Room(20, 6, 3), _Room(8, 6, 1))
"""The first of these with which the report has no more than three pages is taken."""


def write_pdf(made: Report, path: Path) -> list[str]:
    """Write the report as PDF to ``path``, completely or not at all.

    Returns:
        a sentence for each thing that could not be put on the page: a picture, a sign that no font has.

    Raises:
        OSError: the file cannot be written.
    """
    compiler, left_out = _compiled(made)
    pdf = compiler.compile(format="pdf")
    assert isinstance(pdf, bytes)
    write_whole(path, pdf)
    return left_out


def pages_as_png(made: Report, dots_per_inch: float = 96.0) -> list[bytes]:
    """Return the pages of the report as PNG files, for a screen."""
    compiler, _ = _compiled(made)
    return pages_of(compiler, dots_per_inch)


def pages_of(compiler: typst.Compiler, dots_per_inch: float) -> list[bytes]:
    """Return the pages that are ready to be written as PNG files."""
    pages = compiler.compile(format="png", ppi=dots_per_inch)
    return [pages] if isinstance(pages, bytes) else list(pages or ())


def _compiled(made: Report) -> tuple[typst.Compiler, list[str]]:
    """Return the pages ready to be written, and what could not be put on them."""
    for room in ROOMS:
        compiler, left_out = _set(made, room)
        if int(json.loads(compiler.query("<pages>", field="value", one=True))) <= MOST_PAGES:
            break
    return compiler, left_out


def _set(made: Report, room: _Room) -> tuple[typst.Compiler, list[str]]:
    pictures = [_picture(defect) for defect in _worst(made, room.pictures)]
    left_out = [str(picture["sentence"]) for picture in pictures if picture["sentence"]]
    page, missing = as_json(_page(made, room, pictures, left_out))
    if missing:
        numbers = ", ".join(number.strip("[]") for number in missing.values())
        left_out.append(f"No font here has the signs {numbers}; their numbers stand for them, CSV and JSON have them.")
        page, _ = as_json(_page(made, room, pictures, left_out))
    return compiler_of("report.typ", "report", page), left_out


def compiler_of(template: str, name: str, page: str) -> typst.Compiler:
    """Return a compiler for a template of this folder's that takes the page as JSON under a name."""
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder) for folder in folders()]
    )
    return typst.Compiler(Path(__file__).with_name(template), font_paths=fonts, sys_inputs={name: page})


def _page(made: Report, room: _Room, pictures: list[dict[str, object]], left_out: list[str]) -> dict[str, object]:
    """Return all that stands in the report, as ``report.typ`` takes it."""
    unseen = [stretch_words(made, one) for one in made.stretches if one.reason is not None]
    listed = _listed(made, room.defects)
    return {
        "title": f"Roll {made.roll}",
        "fonts": FAMILIES,
        "qr": qr_svg(made.roll),
        "made": f"printed {dated(datetime.now(UTC))}",
        "grade": made.grade.upper(),
        "summary": [(label, _cut(text)) for label, text in summary(made) if label != SIGNING],
        "hold_up": "NOT TO BE SIGNED: the roll is still open."
        if made.ended_at is None
        else signing_words(made.to_review),
        "operator": made.way.identity.operator,
        "map": roll_map(made),
        "width": width_trace(made),
        "notes": [
            {"title": "Cloth nobody inspected", "lines": _first(unseen, room.notes)},
            {"title": "Pauses and splices", "lines": _first(made.way.lines(), room.notes)},
            {"title": DIFFERING, "lines": _first([differing_words(one) for one in made.differing], room.notes)},
            {"title": "Told during the roll", "lines": _first(made.warnings, room.notes)},
            {"title": "Not in this report", "lines": _first([*made.incomplete_because, *left_out], room.notes)},
        ],
        "headings": HEADINGS,
        "rows": [defect_cells(made, defect) for defect in listed],
        "more": _more(made, listed),
        "pictures": pictures,
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _first(lines: Sequence[str], most: int) -> list[str]:
    rest = [f"… and {len(lines) - most} more; the report as JSON lists all."] if len(lines) > most else []
    return [*map(_cut, lines[:most]), *rest]


def _listed(made: Report, most: int) -> list[ReportDefect]:
    """Return the worst defects, those that count before the others, by their place along the roll."""
    worst = sorted(made.defect_list, key=lambda one: (not one.counts, *one.rank))[:most]
    return sorted(worst, key=lambda one: (one.position, one.number))


def _more(made: Report, listed: Sequence[ReportDefect]) -> str:
    """Say how many defects are not on the page, by kind."""
    shown = {one.number for one in listed}
    rest = [one for one in made.defect_list if one.number not in shown]
    if not rest:
        return ""
    kinds = Counter(f"{one.kind}{'' if one.counts else ' (does not count)'}" for one in rest)
    counted = ", ".join(f"{number} × {kind}" for kind, number in kinds.most_common())
    return (
        f"These are the {len(listed)} worst of {len(made.defect_list)}; the others are {counted}. CSV, workbook and "
        "JSON list all."
    )


def _worst(made: Report, most: int) -> list[ReportDefect]:
    """Return the worst of the defects that count."""
    return sorted((one for one in made.defect_list if one.counts), key=lambda one: one.rank)[:most]


def _picture(defect: ReportDefect) -> dict[str, object]:
    """Return a defect's picture (PNG as numbers; None where it cannot be shown, with the reason) and its caption."""
    shown: dict[str, object] = {
        "png": None,
        "why": "no picture was kept",
        "sentence": "",
        "caption": ", ".join(
            filter(
                None,
                [
                    f"no {number_words(defect.number)}",
                    kind_words(defect.kind, defect.parts, defect.look),
                    defect.severity,
                ],
            )
        ),
    }
    if defect.picture_dropped:
        return {**shown, "why": NO_LONGER_KEPT}
    if defect.crop_file is None:
        return shown
    file = Path(defect.crop_file)
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


def as_json(page: dict[str, object]) -> tuple[str, dict[str, str]]:
    """Return the page as JSON in which a number such as ``[U+10900]`` stands for each sign that no font has, so that
    none becomes a box; and these numbers by their signs."""
    text = unicodedata.normalize("NFC", json.dumps(page, ensure_ascii=False))
    missing = {sign: f"[U+{ord(sign):04X}]" for sign in signs_without_glyph([text])}
    return "".join(missing.get(sign, sign) for sign in text) if missing else text, missing
