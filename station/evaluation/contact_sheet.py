"""This module draws a contact sheet of judged images: the image, its anomaly map, and outlines of found and true flaws.

Pages have a bounded size.  Every image is drawn small as soon as it was judged and put aside on disk, so that memory
holds one page at most, however large the data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from drivers.images import read_image
from model.durable import write_whole
from station.display_score import AT_THRESHOLD
from station.evaluation.measure import JudgedImage

PAGE_PX, PAGE_LINES = 1640, 2400
MARGIN, GAP = 20, 16
HEADER, CAPTION = 76, 26
PANEL_LINES = 528
STRIP_ASPECT = 4.0
"""Pictures longer than this are strips: drawn as wide as the page, one below the other, turned where upright."""

MOST_ENLARGED = 2.0
MOST_GOOD = 200
"""The sheet shows this many good images, those with the highest scores, and all flawed ones."""

PAPER, INK, OFF_WEB = (250, 250, 250), (20, 20, 20), (128, 128, 128)
FOUND, TRUE = (255, 40, 190), (0, 235, 120)
"""These outlines show the area above the threshold (unbroken) and the truth (dashed)."""

_COLOURS = {0.0: (8, 10, 40), 0.25: (34, 66, 140), 0.499: (150, 190, 220), 0.5: (255, 225, 70), 1.0: (205, 0, 30)}
"""These are the colours of display scores; they jump at the threshold."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell is one drawn image; ``order`` says where it comes."""

    order: tuple[int, float, str]
    file: Path
    width: int
    lines: int


class ContactSheet:
    """The contact sheet draws images one by one, then lays them out on pages, flawed ones first.

    Args:
        folder: where drawn images are kept until :meth:`save`; the caller removes them.
        white: the white level of 16-bit images, as the data set says.
    """

    def __init__(self, folder: Path, white: int | None = None) -> None:
        self._folder = folder
        self._white = white
        self._cells: list[_Cell] = []

    def add(self, image: JudgedImage, name: str) -> None:
        """Draw one image.  Raises CameraError if it can no longer be read, OSError if the disk is full."""
        drawn = draw(image, name, self._white)
        file = self._folder / f"{len(self._cells)}.png"
        _write(file, drawn)
        good = image.sample.is_good
        order = (int(good), -image.score if good else 0.0, name)
        self._cells.append(_Cell(order, file, drawn.shape[1], drawn.shape[0]))

    def save(self, folder: Path, title: str) -> list[Path]:
        """Write ``contact_sheet_01.png`` and so on, at most ``PAGE_PX`` × ``PAGE_LINES``; returns them in order."""
        cells = sorted(self._cells, key=lambda cell: cell.order)
        good = [cell for cell in cells if cell.order[0]]
        if len(good) > MOST_GOOD:
            title += f"; of {len(good)} good images the {MOST_GOOD} with the highest scores"
            cells = cells[: len(cells) - len(good) + MOST_GOOD]
        pages = list(_pages(cells))
        files = [folder / f"contact_sheet_{number:02}.png" for number in range(1, len(pages) + 1)]
        for number, (file, page) in enumerate(zip(files, pages, strict=True), 1):
            _write(file, _page(page, title, f"page {number} of {len(pages)}"))
        return files


def draw(image: JudgedImage, name: str, white: int | None = None) -> Picture:
    """Draw one image as three panels under a caption, RGB ``[lines, width, 3]``: picture, map, outlines."""
    pixels = read_image(image.sample.path, 3, white)
    layers = (pixels, image.anomaly_map, image.web, image.truth)
    lines, width = image.anomaly_map.shape
    if lines > STRIP_ASPECT * width:
        layers = tuple(np.ascontiguousarray(np.rot90(layer)) for layer in layers)  # type: ignore[assignment]
        lines, width, name = width, lines, f"{name} (turned)"
    strip = width > STRIP_ASPECT * lines
    room = PAGE_PX - 2 * MARGIN if strip else (PAGE_PX - 2 * MARGIN - 2 * GAP) // 3
    scale = min(room / width, np.inf if strip else PANEL_LINES / lines, MOST_ENLARGED)
    size = (max(1, round(width * scale)), max(1, round(lines * scale)))
    panels = _panels(*layers, size)
    gap = np.full((GAP // 4, size[0], 3) if strip else (size[1], GAP // 4, 3), PAPER, np.uint8)
    row = np.concatenate([panels[0], gap, panels[1], gap, panels[2]], axis=0 if strip else 1)
    caption = _write_text(row.shape[1], CAPTION, [(0, 4, _fitting(f"{name}:  {verdict(image)}", row.shape[1]))])
    return np.concatenate([caption, row])


def verdict(image: JudgedImage) -> str:
    """Say in words what the line decided on the image, with its score."""
    if image.sample.is_good:
        said = "FALSE ALARM" if image.rejects else "passed"
    elif image.located:
        said = "found"
    else:
        said = "FOUND ELSEWHERE" if image.rejects else "MISSED"
    if not image.web.any():
        said += ", NO CLOTH SEEN"
    return f"{image.sample.kind}, score {image.score:.2f}, {said}"


def colours(scores: NDArray[np.float32]) -> Picture:
    """Return display scores ``[lines, width]`` as RGB; from 1 on they look alike."""
    places, anchors = list(_COLOURS), np.array(list(_COLOURS.values()), np.float64)
    table = np.stack([np.interp(np.linspace(0, 1, 1001), places, anchors[:, band]) for band in range(3)], axis=1)
    table[500] = _COLOURS[0.5]
    return table.astype(np.uint8)[(np.clip(scores, 0, 1) * 1000).astype(np.intp)]


def _panels(
    pixels: Picture,
    anomaly_map: NDArray[np.float32],
    web: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    size: tuple[int, int],
) -> tuple[Picture, Picture, Picture]:
    """Draw the three panels at ``size`` (width, lines)."""
    shrinks = size[0] < pixels.shape[1]
    plain = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)
    peaks = highest(anomaly_map, size)
    shown = colours(peaks)
    shown[~_nearest(web, size)] = OFF_WEB
    outlined = plain.copy()
    _outline(outlined, peaks >= AT_THRESHOLD, FOUND, dashed=False)
    _outline(outlined, highest(truth.astype(np.float32), size) > 0, TRUE, dashed=True)
    return plain, shown, outlined


def highest(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Shrink ``[lines, width]`` to ``size`` (width, lines) by the highest value of each block.

    A mean would hide small flaws, a sample would lose them.
    """
    for axis, (old, new) in enumerate(zip(values.shape, size[::-1], strict=True)):
        values = np.maximum.reduceat(values, np.arange(new) * old // new, axis=axis)
    return values


def _nearest(flags: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(cv2.resize(flags.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0, np.bool_)


def _outline(picture: Picture, inside: NDArray[np.bool_], colour: tuple[int, int, int], *, dashed: bool) -> None:
    """Draw around the area inside, a little apart so that small flaws stay in sight; dark edges show on any cloth."""
    near = cv2.dilate(inside.astype(np.uint8), np.ones((13, 13) if dashed else (7, 7), np.uint8))
    line = (cv2.erode(near, np.ones((5, 5), np.uint8)) == 0) & (near > 0)
    if dashed:
        rows, columns = np.indices(line.shape)
        line &= (rows + columns) // 7 % 2 == 0
    shade = cv2.dilate(line.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    picture[shade] = picture[shade] // 2
    picture[line] = colour


def _pages(cells: Sequence[_Cell]) -> Iterator[list[tuple[int, int, _Cell]]]:
    """Yield cells with their places ``(x, y)``, page by page: side by side where they fit, like words in a text."""
    page: list[tuple[int, int, _Cell]] = []
    x, y, high = MARGIN, HEADER, 0
    for cell in cells:
        if x > MARGIN and x + cell.width > PAGE_PX - MARGIN:
            x, y, high = MARGIN, y + high + GAP, 0
        if page and y + cell.lines > PAGE_LINES - MARGIN:
            yield page
            page, x, y, high = [], MARGIN, HEADER, 0
        page.append((x, y, cell))
        x, high = x + cell.width + 2 * GAP, max(high, cell.lines)
    if page:
        yield page


def _page(cells: list[tuple[int, int, _Cell]], title: str, number: str) -> Picture:
    lines = max(y + cell.lines for _, y, cell in cells) + MARGIN
    page = np.full((lines, PAGE_PX, 3), PAPER, np.uint8)
    page[:HEADER] = _header(title, number)
    for x, y, cell in cells:
        page[y : y + cell.lines, x : x + cell.width] = read_image(cell.file, 3)
    return page


def _header(title: str, number: str) -> Picture:
    """Draw title and legend."""
    texts = [
        (MARGIN, 8, _fitting(title, PAGE_PX - 2 * MARGIN - 140)),
        (PAGE_PX - MARGIN - 110, 8, number),
        (MARGIN, 40, "Image, map of scores, outlines."),
        (MARGIN + 268, 40, "Scores: 0"),
        (MARGIN + 562, 40, "1; yellow: from the threshold (0.5) on; grey: off the web"),
        (MARGIN + 1296, 40, "above the threshold"),
        (MARGIN + 1536, 40, "truth"),
    ]
    header = _write_text(PAGE_PX, HEADER, texts)
    bar = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[None], 16, 0)
    header[42:58, MARGIN + 350 : MARGIN + 550] = colours(bar)
    for left, colour, dashed in ((1248, FOUND, False), (1488, TRUE, True)):
        box = np.zeros((28, 44), np.bool_)
        box[10:18, 10:34] = True
        sample = np.full((28, 44, 3), 150, np.uint8)
        _outline(sample, box, colour, dashed=dashed)
        header[36:64, MARGIN + left : MARGIN + left + 44] = sample
    return header


def _write_text(width: int, lines: int, texts: Sequence[tuple[int, int, str]]) -> Picture:
    paper = Image.new("RGB", (width, lines), PAPER)
    pen = ImageDraw.Draw(paper)
    for x, y, text in texts:
        pen.text((x, y), text, INK, _font())
    return np.asarray(paper, np.uint8).copy()


def _fitting(text: str, width: int) -> str:
    """Return the text, or its beginning and end where it is too long."""
    font = _font()
    keep = len(text)
    shown = text
    while keep > 8 and font.getlength(shown) > width:
        keep -= 2
        shown = f"{text[: keep // 2]}…{text[-(keep // 2) :]}"
    return shown


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(16)


def _write(file: Path, picture: Picture) -> None:
    """Write the picture as PNG.  Raises OSError if it cannot be written."""
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise OSError(f"{file} could not be encoded as an image.")
    write_whole(file, data.tobytes())
