"""This module writes the report as PDF: summary, map of the roll, cloth not inspected, defects, worst pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from station.quality.report_text import HEADINGS, defect_cells, stretch_words, summary

if TYPE_CHECKING:
    from station.quality.report import Report, ReportDefect

PICTURES = 12
LISTED = 1000
GREY = colors.HexColor("#d0d0d0")
AMBER = colors.HexColor("#c77700")
RED = colors.HexColor("#b00020")


def write_pdf(made: Report, path: Path) -> None:
    """Write the report as PDF to ``path``.  Raises OSError."""
    title = f"Roll {made.roll}"
    document = SimpleDocTemplate(
        str(path), pagesize=A4, title=title, author="", leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm
    )
    styles = getSampleStyleSheet()
    story: list[Any] = [Paragraph(escape(title), styles["Title"]), _summary(made, styles), Spacer(0, 6 * mm)]
    story += [_roll_map(made, document.width), Spacer(0, 4 * mm)]
    unseen = [stretch for stretch in made.stretches if stretch.reason is not None]
    if unseen:
        story.append(Paragraph("Cloth nobody inspected", styles["Heading2"]))
        story += [Paragraph(escape(stretch_words(made, stretch)), styles["Normal"]) for stretch in unseen[:LISTED]]
        story += _more(len(unseen), styles)
    if made.defect_list:
        story += [Paragraph("Defects", styles["Heading2"]), _defects(made)]
        story += _more(len(made.defect_list), styles)
        story += _pictures(made, styles)
    document.build(story, onFirstPage=_footer, onLaterPages=_footer)


def _summary(made: Report, styles: Any) -> Table:
    rows = [
        [Paragraph(f"<b>{escape(label)}</b>", styles["Normal"]), Paragraph(escape(value), styles["Normal"])]
        for label, value in summary(made)
    ]
    return Table(rows, colWidths=[32 * mm, None], style=TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP")]))


def _roll_map(made: Report, width: float) -> Drawing:
    """Draw the roll from left (start) to right: rejects as ticks above it, cloth not inspected as struck boxes."""
    drawing = Drawing(width, 24 * mm)
    total = max([made.lines_acquired, *(s.end_line for s in made.stretches)], default=0) or 1
    drawing.add(Rect(0, 8 * mm, width, 6 * mm, fillColor=colors.white, strokeColor=colors.black, strokeWidth=0.5))
    for stretch in made.stretches:
        if stretch.reason is not None:
            left = width * stretch.first_line / total
            wide = max(0.6, width * (stretch.end_line - stretch.first_line) / total)
            drawing.add(Rect(left, 8 * mm, wide, 6 * mm, fillColor=AMBER, strokeColor=None))
            drawing.add(Line(left, 8 * mm, left + wide, 14 * mm, strokeColor=colors.black, strokeWidth=0.4))
    length = (made.length_m or 0.0) * 1000 if made.unit == "mm" else float(total)
    for defect in made.defect_list:
        if defect.counts and length > 0:
            at = width * min(1.0, defect.position / length)
            drawing.add(Line(at, 14 * mm, at, 18 * mm, strokeColor=RED, strokeWidth=0.6))
    end = f"{made.lines_acquired} lines" if made.length_m is None else f"{made.length_m:.2f} m"
    drawing.add(String(0, 3 * mm, "0", fontSize=8))
    drawing.add(String(width, 3 * mm, end, fontSize=8, textAnchor="end"))
    legend = "ticks: rejects that count; struck boxes: cloth not inspected"
    drawing.add(String(width / 2, 3 * mm, legend, fontSize=8, textAnchor="middle"))
    return drawing


def _defects(made: Report) -> Table:
    rows = [HEADINGS, *(defect_cells(made, defect) for defect in made.defect_list[:LISTED])]
    style = TableStyle(
        [
            ("FONTSIZE", (0, 0), (-1, -1), 7.5),
            ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, GREY),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ]
    )
    return Table(rows, style=style, repeatRows=1, hAlign="LEFT")


def _pictures(made: Report, styles: Any) -> list[Any]:
    """Return pictures of the defects with the highest scores among those that count."""
    worst = sorted((d for d in made.defect_list if d.counts and _has_picture(d)), key=lambda d: -d.score)[:PICTURES]
    if not worst:
        return []
    cells = [
        [
            Image(str(defect.crop_file), width=38 * mm, height=38 * mm, kind="proportional"),
            Paragraph(escape(f"no {defect.number}, {defect.kind}"), styles["Normal"]),
        ]
        for defect in worst
    ]
    rows = [cells[i : i + 4] for i in range(0, len(cells), 4)]
    rows[-1] += [[] for _ in range(4 - len(rows[-1]))]
    return [KeepTogether([Paragraph("Highest scores", styles["Heading2"]), Table(rows, hAlign="LEFT")])]


def _has_picture(defect: ReportDefect) -> bool:
    return defect.crop_file is not None and Path(defect.crop_file).is_file()


def _more(count: int, styles: Any) -> list[Any]:
    if count <= LISTED:
        return []
    return [Paragraph(f"… and {count - LISTED} more; the CSV lists all.", styles["Normal"])]


def _footer(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(A4[0] - 18 * mm, 9 * mm, f"page {document.page}")
    canvas.restoreState()
