"""This study asks how surely the long look finds missing, tight and double ends and picks, and how often it is wrong.

Simulated styles are taught from some metres of good cloth.  Then faint lines are laid over cloth of other seeds and
lines, along the warp or the weft, and played through scorer and tracker as the line would.  How hard a flaw is to see
is said by ``d``: its contrast over the spread that means of good cloth have over the smaller of the flaw's own area and
the longest window.  That spread is measured on good cloth, by averaging its light-corrected pixels at many places.

    python -m benchmarks.long_look --strips 2 --metres 100 --out docs/results/long-look.md
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.study.setting import provenance
from drivers.simulated.cloth import Cloth
from drivers.simulated.optics import OpticsSettings
from model.long import LongLearner, LongLimits, LongLook, LongScorer
from station.contract import Defect, DefectKind
from station.line.judging.looks.long_lines import LongLines
from station.recipe import Recipe
from station.teaching.looks.long_limits import long_limits
from station.teaching.tail import poisson_interval

MM_PER_PX = 0.5
WIDTH, WEB = 2048, (24, 2024)
BUDGET_PER_100_M = 0.25
"""The long look has a quarter of the false alarms of a recipe, one in 100 m of a 1 m web."""
LONGEST_MM = 1600.0
BLOCK_LINES = 224
DISTURBED = OpticsSettings(falloff=0.4, lamp_drift=0.03, lamp_drift_mm=2000.0, dust=3)
KINDS = ("missing end", "tight end", "double end", "missing pick", "tight pick", "double pick")
DIFFICULTIES = (3.0, 4.0, 5.0, 5.5, 6.0, 6.5, 7.0, 8.0)


@dataclass(frozen=True)
class Line:
    """A line is a faint flaw: ``d`` times as strong as the spread of means of good cloth.

    Attributes:
        width: threads; a tight one is thin, a double one two wide and lighter.
        length_mm: along its thread.
    """

    kind: str
    d: float
    length_mm: float

    @property
    def along_warp(self) -> bool:
        """Say whether it is an end."""
        return self.kind.endswith("end")

    @property
    def sign(self) -> int:
        """Give -1 where it darkens."""
        return 1 if self.kind.startswith("double") else -1

    @property
    def width(self) -> float:
        """Give its width in threads."""
        return {"missing": 1.0, "tight": 0.6, "double": 1.5}[self.kind.split()[0]]


@dataclass(frozen=True)
class Placed:
    """A placed line begins at this column and line of the cloth."""

    line: Line
    px: float
    line_no: int


class Bench:
    """A bench has one style taught: its look, its limits, and how means of its good cloth spread."""

    def __init__(self, style: str, teach_m: float = 12.0) -> None:
        self.style = style
        self._spreads: dict[tuple[str, float], float] = {}
        self._cloth = self._woven(1)
        learner = LongLearner(WIDTH, MM_PER_PX)
        for first in range(0, round(teach_m * 1000 / MM_PER_PX), BLOCK_LINES):
            learner.see(self._cloth.render(first, BLOCK_LINES), *self._web(self._cloth, first))
        look = learner.learned()
        assert look is not None, learner.why_not
        self.look: LongLook = look
        self.limits: LongLimits = long_limits(look, WEB[1] - WEB[0], MM_PER_PX, budget_per_100_m=BUDGET_PER_100_M)
        self._good = np.concatenate(
            [relative_to_light(self._cloth.render(at, 256), *WEB) for at in range(0, 6400, 256)]
        )

    def thread_px(self, line: Line) -> float:
        """Return the width of the line in px."""
        style = self._cloth.style
        pitch = style.warp_pitch_mm if line.along_warp else style.weft_pitch_mm
        return line.width * pitch / MM_PER_PX

    def spread(self, line: Line) -> float:
        """Return the spread of means of good cloth over the smaller of the line's area and the longest window."""
        key = line.kind, line.length_mm
        if key not in self._spreads:
            self._spreads[key] = self._measured(line)
        return self._spreads[key]

    def _measured(self, line: Line) -> float:
        width = max(1, round(self.thread_px(line)))
        length = round(min(line.length_mm, LONGEST_MM) / MM_PER_PX)
        good = self._good if line.along_warp else self._good.T
        length = min(length, good.shape[0])
        means = cv2.blur(good, (width, 1))[:, width:-width]
        if line.along_warp:
            means = np.stack([means[at : at + length].mean(0) for at in range(0, len(means) - length + 1, length)])
        else:
            rise = np.round(self._cloth.style.skew * np.arange(good.shape[0])).astype(int)
            straight = np.stack([np.roll(row, -up) for row, up in zip(means, rise, strict=True)])
            means = straight[:length, : means.shape[1] - int(rise.max())].mean(0, keepdims=True)
        return float(means.std())

    def play(self, seed: int, start: int, metres: float, placed: Sequence[Placed] = ()) -> list[Defect]:
        """Play cloth with these lines laid over it through scorer and tracker; return its defects as told last."""
        cloth = self._woven(seed)
        random = np.random.default_rng(seed)
        numbers = itertools.count(1)
        recipe = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0, mm_per_px=MM_PER_PX)
        scorer = LongScorer(self.look, self.limits, WIDTH)
        tracker = LongLines(recipe, width_px=WIDTH, number=lambda: next(numbers))
        last: dict[int, Defect] = {}
        for first in range(start, start + round(metres * 1000 / MM_PER_PX), BLOCK_LINES):
            pixels = cloth.render(first, BLOCK_LINES)
            for line in placed:
                self._lay(line, cloth, pixels, first, random)
            left, right = self._web(cloth, first)
            last |= {defect.number: defect for defect in tracker.feed(scorer.push(pixels, left, right, first))}
        last |= {defect.number: defect for defect in tracker.feed(scorer.end_run())}
        last |= {defect.number: defect for defect in tracker.end_run()}
        return list(last.values())

    def _lay(
        self, placed: Placed, cloth: Cloth, pixels: NDArray[np.uint8], first: int, random: np.random.Generator
    ) -> None:
        """Lay a line over pixels, following the cloth as it sways and leans."""
        line = placed.line
        width, length = self.thread_px(line), line.length_mm / MM_PER_PX
        skew = cloth.style.skew
        low, high, top, bottom = placed.px - 16, placed.px + 16, float(placed.line_no), placed.line_no + length
        if not line.along_warp:
            low, high = placed.px - 8, placed.px + length + 8
            top, bottom = placed.line_no - skew * length - 16, placed.line_no + 16
        rows = slice(max(0, int(top) - first), max(0, int(bottom) + 1 - first))
        part = pixels[rows, max(0, int(low)) : int(high) + 1]
        if not part.size:
            return
        lines = (first + np.arange(rows.start, rows.start + len(part), dtype=np.float32))[:, None]
        columns = (max(0, int(low)) + np.arange(part.shape[1], dtype=np.float32))[None]
        sway = cloth.web_edges(first + rows.start, len(part))[:, :1] - WEB[0]
        across, along = columns - placed.px - sway, lines - placed.line_no
        if not line.along_warp:
            across, along = along + skew * across, across
        inside = np.clip((width / 2 - np.abs(across)) + 0.5, 0, 1) * ((along >= 0) & (along < length))
        grey = part * (1 + line.sign * line.d * self.spread(line) * inside)
        rounded = np.floor(grey + random.random(grey.shape, np.float32))
        part[...] = np.where(inside > 0, np.clip(rounded, 0, 255), part).astype(np.uint8)

    def _woven(self, seed: int) -> Cloth:
        return Cloth(self.style, width_px=WIDTH, mm_per_px=MM_PER_PX, seed=seed, web_px=WEB, optics=DISTURBED)

    def _web(self, cloth: Cloth, first: int) -> tuple[int, int]:
        """Return the web's columns as the line finds them: whole cells within it."""
        left, right = cloth.web_edges(first, BLOCK_LINES).mean(0)
        return int(-(-left // 4) * 4), int(right // 4 * 4)


def relative_to_light(pixels: NDArray[np.uint8], left: int, right: int) -> NDArray[np.float32]:
    """Return how much brighter each pixel of the web is than the light around it."""
    inside = pixels[:, left + 20 : right - 20].astype(np.float32)
    return np.asarray(inside / cv2.blur(inside, (129, 129)) - 1, np.float32)


def is_found(placed: Placed, defect: Defect) -> bool:
    """Say whether a defect is of the line: of its kind, on it, and over some of its length."""
    line, length = placed.line, placed.line.length_mm / MM_PER_PX
    if line.along_warp:
        on = defect.first_px - 12 <= placed.px <= defect.end_px + 12
        over = min(defect.end_line, placed.line_no + length) - max(defect.first_line, placed.line_no)
        kind = DefectKind.WARP_LINE
    else:
        on = defect.first_line - 30 <= placed.line_no <= defect.end_line + 30
        over = min(defect.end_px, placed.px + length) - max(defect.first_px, placed.px)
        kind = DefectKind.WEFT_LINE
    return defect.is_reject and defect.kind is kind and on and over > 0


@dataclass(frozen=True)
class Cell:
    """A cell of the curve: how many lines of a difficulty were laid and found, and in how many pieces."""

    kind: str
    d: float
    laid: int
    found: int
    pieces: int


STRIP_M = 6.0
ENDS, PICKS = 9, 9
"""So many lines are laid over one strip of cloth, far from each other."""


def strip_of(d: float, random: np.random.Generator, start: int) -> list[Placed]:
    """Draw ends of 0.3-4 m and picks of 0.24 m to the web's width, all equally hard."""
    kinds = [kind.split()[0] for kind in KINDS[:3]] * 3
    lines = round(STRIP_M * 1000 / MM_PER_PX)
    placed = []
    apart = (WEB[1] - WEB[0] - 200) // ENDS
    for number, kind in enumerate(kinds):
        length = _log_uniform(random, 300.0, 4000.0)
        first = start + int(random.integers(200, max(201, round(lines - length / MM_PER_PX - 200))))
        place = WEB[0] + 100 + number * apart + int(random.integers(0, apart // 2))
        placed.append(Placed(Line(f"{kind} end", d, length), place, first))
    apart = (lines - 800) // PICKS
    for number, kind in enumerate(kinds):
        length = _log_uniform(random, 240.0, 960.0)
        place = WEB[0] + 20 + int(random.integers(0, max(1, round(1960 - length / MM_PER_PX))))
        placed.append(Placed(Line(f"{kind} pick", d, length), place, start + 400 + number * apart))
    return placed


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def curve(benches: Sequence[Bench], ds: Sequence[float], strips: int) -> list[Cell]:
    """Lay lines of each difficulty over so many strips of each style, and count those found."""
    random = np.random.default_rng(3)
    cells = []
    for d in ds:
        found: dict[str, list[int]] = {kind: [] for kind in KINDS}
        for bench, number in itertools.product(benches, range(strips)):
            start = (100 + 60 * number) * BLOCK_LINES
            placed = strip_of(d, random, start)
            told = bench.play(20 + number, start, STRIP_M, placed)
            for line in placed:
                found[line.line.kind].append(sum(is_found(line, defect) for defect in told))
        cells += [Cell(kind, d, len(pieces), sum(n > 0 for n in pieces), sum(pieces)) for kind, pieces in found.items()]
    return cells


def main() -> None:
    """Run the study and write its page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strips", type=int, default=1, help="of each style and difficulty, with 18 lines each")
    parser.add_argument("--metres", type=float, default=30.0, help="of good cloth, of each style")
    parser.add_argument("--styles", nargs="+", default=["plain", "twill", "denim"])
    parser.add_argument("--ds", nargs="+", type=float, default=list(DIFFICULTIES))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    benches = [Bench(style) for style in args.styles]
    alarms = [len([told for told in bench.play(7, 0, args.metres) if told.is_reject]) for bench in benches]
    cells = curve(benches, args.ds, args.strips)
    page = page_of(args.styles, alarms, args.metres, cells, provenance("benchmarks.long_look", sys.argv[1:]))
    print(page)
    if args.out:
        args.out.write_text(page, encoding="utf-8")


def page_of(styles: Sequence[str], alarms: Sequence[int], metres: float, cells: Sequence[Cell], about: str) -> str:
    """Write the page of results."""
    low, high = poisson_interval(sum(alarms))
    area = metres * len(styles) / 100
    rows = [f"| {style} | {metres:g} | {count} |" for style, count in zip(styles, alarms, strict=True)]
    ds = sorted({cell.d for cell in cells})
    kinds = list(dict.fromkeys(cell.kind for cell in cells))
    table = {(cell.kind, cell.d): f"{cell.found}/{cell.laid}" for cell in cells}
    total = {d: [cell for cell in cells if cell.d == d] for d in ds}
    shares = [f"{sum(c.found for c in total[d]) / sum(c.laid for c in total[d]):.2f}" for d in ds]
    found = sum(cell.found for cell in cells)
    pieces = sum(cell.pieces for cell in cells) / max(found, 1)
    head = " | ".join(f"d = {d:g}" for d in ds)
    body = "\n".join(f"| {kind} | " + " | ".join(table[kind, d] for d in ds) + " |" for kind in kinds)
    return f"""# The long look on simulated cloth

{about}

Cloth 1 m wide at {MM_PER_PX} mm per pixel, with fall-off of light, lamp drift, dust, shade and a wandering selvedge
switched on; limits set for {BUDGET_PER_100_M} false alarms in 100 m, the long look's share of one.  `d` is a flaw's
contrast over the spread that means of good cloth have over the smaller of its own area and the longest window (1.6 m),
measured on good cloth.

## Found, by difficulty

| | {head} |
|---|{"---|" * len(ds)}
{body}
| all | {" | ".join(shares)} |

Those found came as {pieces:.2f} defects on average.

## False alarms on good cloth of another seed

| style | metres | false alarms |
|---|---|---|
{chr(10).join(rows)}

{sum(alarms)} in {metres * len(styles):g} m: {low / area:.1f} to {high / area:.1f} in 100 m (95 % Poisson interval).
"""


if __name__ == "__main__":
    main()
