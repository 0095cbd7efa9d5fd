"""This study asks how surely the broad looks find soft stains, and how often they are wrong.

Simulated styles are taught as a teach-in teaches them.  Then soft round stains are laid over cloth of other seeds and
lines and judged by the line's own broad looks.  How hard a stain is to see is said by ``d``: its contrast over the
spread that means of good cloth have over its own area.  That spread is measured on good cloth, by averaging its pixels,
the light of half a metre divided away, over squares of the stain's size.

    python -m benchmarks.broad_look --strips 2 --metres 40 --out docs/results/broad-look.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.study.setting import provenance
from drivers.camera import Camera
from drivers.memory import MemoryCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.optics import OpticsSettings
from model.durable import write_whole
from model.encoder import load_encoder
from model.mfrnet import MFRNetConfig, blank
from model.runtime import Runtime
from model.time_budget import TimeBudget
from station.contract import Defect
from station.line.flow import EndOfRun
from station.line.judging.looks.broad import broad_judges
from station.line.judging.looks.joining import LookJoiner
from station.line.scoring.tiling import cut_tiles
from station.recipe import NO_DECISION, Recipe
from station.recipe.looks import LONG, shares_of
from station.teaching.looks.broad import law_of, steps_of, teach_beside
from station.teaching.request import TeachRequest
from station.teaching.tail import poisson_interval

MM_PER_PX = 0.5
WIDTH, WEB = 2048, (24, 2024)
SHADE_PX = 1001
"""Change slower than half a metre is shade and stays good cloth."""
DISTURBED = OpticsSettings(falloff=0.4, lamp_drift=0.03, lamp_drift_mm=2000.0, dust=3)
SIZES_MM = (20.0, 50.0, 100.0, 150.0)
DIFFICULTIES = (3.0, 4.0, 5.0, 5.5, 6.5, 8.0)
STRIP_M = 5.0
BETWEEN_MM = 60.0


@dataclass(frozen=True)
class Stain:
    """A stain is round and soft: a Gaussian whose width at a third of its depth is ``size_mm``.

    Attributes:
        px, line: its middle.
    """

    size_mm: float
    d: float
    px: int
    line: int

    @property
    def radius_px(self) -> float:
        """Give half its size."""
        return self.size_mm / MM_PER_PX / 2


class Bench:
    """A bench has one style taught: the broad looks, their thresholds, and how means of its good cloth spread."""

    def __init__(self, style: str, teach_m: float, minutes: float) -> None:
        self.style = style
        cloth = self._woven(1).render(0, round(teach_m * 1000 / MM_PER_PX))
        request = TeachRequest(fabric=style, mm_per_px=MM_PER_PX, minutes=minutes, long=False)
        budget = TimeBudget(minutes, None, None)
        draft = Recipe(
            fabric=style,
            model_sha256="0" * 64,
            encoder="light",
            threshold=NO_DECISION,
            mm_per_px=MM_PER_PX,
            web=f"{WEB[0]}:{WEB[1]}",
        )
        network = blank(MFRNetConfig(), load_encoder("light"), 0).eval()

        def open_cloth() -> Camera:
            return MemoryCamera(cloth, lines=len(cloth))

        teach_beside(open_cloth, draft, network, request, budget, 0.9)
        self.runtime = Runtime(network)
        shares = shares_of([*network.broad, LONG])
        broad = law_of(open_cloth, draft, self.runtime, request, shares, budget, 1.0)
        self.recipe = draft.model_copy(update={"broad": broad})
        self._good = relative_to_shade(cloth[: round(8000 / MM_PER_PX)])

    def spread(self, size_mm: float) -> float:
        """Return the spread of means of good cloth over squares of this size."""
        side = round(size_mm / MM_PER_PX)
        means = cv2.blur(self._good, (side, side))[side // 2 : -side // 2 : side, side // 2 : -side // 2 : side]
        return float(means.std())

    def play(self, seed: int, start: int, metres: float, stains: Sequence[Stain] = ()) -> list[Defect]:
        """Judge cloth with these stains by the broad looks alone; return its defects as told last."""
        pixels = self._woven(seed).render(start, round(metres * 1000 / MM_PER_PX))
        random = np.random.default_rng(seed)
        for stain in stains:
            self._lay(stain, pixels, random)
        sizes = tuple(look.size for look in self.recipe.broad)
        judges = {judge.size: judge for judge in broad_judges(self.recipe, self.runtime, WIDTH)}
        joiner, last = LookJoiner(self.recipe), dict[int, Defect]()
        camera = MemoryCamera(pixels, lines=len(pixels))
        for step in steps_of(camera, self.recipe, sizes, lambda: False):
            if isinstance(step, EndOfRun):
                seen = judges[step.size].end_run()
            else:
                maps = self.runtime.broad[step.size].infer(cut_tiles(step, 256, 4))
                seen = judges[step.size].row(step, maps)
            for one in seen:
                if isinstance(one, Defect):
                    last |= {told.number: told for told in joiner.take(one, step.size)}
        last |= {told.number: told for told in joiner.end_run()}
        return [told for told in last.values() if told.is_reject and told.merged_into is None]

    def close(self) -> None:
        """Free the device."""
        self.runtime.close()

    def _lay(self, stain: Stain, pixels: NDArray[np.uint8], random: np.random.Generator) -> None:
        reach = round(3 * stain.radius_px)
        top, left = max(0, stain.line - reach), max(0, stain.px - reach)
        part = pixels[top : stain.line + reach, left : stain.px + reach]
        y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32)
        away = ((y - stain.line) ** 2 + (x - stain.px) ** 2) / stain.radius_px**2
        grey = part * (1 - stain.d * self.spread(stain.size_mm) * np.exp(-away))
        part[...] = np.clip(np.floor(grey + random.random(grey.shape, np.float32)), 0, 255).astype(np.uint8)

    def _woven(self, seed: int) -> Cloth:
        return Cloth(self.style, width_px=WIDTH, mm_per_px=MM_PER_PX, seed=seed, web_px=WEB, optics=DISTURBED)


def relative_to_shade(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much brighter each pixel of the web is than the half metre around it."""
    inside = pixels[:, WEB[0] + 20 : WEB[1] - 20].astype(np.float32)
    return np.asarray(inside / cv2.blur(inside, (SHADE_PX, SHADE_PX)) - 1, np.float32)


def strip_of(d: float, random: np.random.Generator) -> list[Stain]:
    """Draw stains of all sizes far apart on one strip of cloth, all equally hard."""
    lines, stains = round(STRIP_M * 1000 / MM_PER_PX), []
    top = 400
    for size in sorted(SIZES_MM * 3, key=lambda _: random.random()):
        room = round((size + BETWEEN_MM) / MM_PER_PX)
        if top + room > lines - 400:
            break
        stains.append(Stain(size, d, int(random.integers(WEB[0] + room, WEB[1] - room)), top + room // 2))
        top += room + 200
    return stains


def is_found(stain: Stain, defect: Defect) -> bool:
    """Say whether a reject lies on the stain."""
    reach = stain.radius_px
    along = defect.first_line < stain.line + reach and stain.line - reach < defect.end_line
    return along and defect.first_px < stain.px + reach and stain.px - reach < defect.end_px


Curve = dict[tuple[float, float], list[int]]
"""How many rejects lie on each stain, by size and difficulty."""


def curve(benches: Sequence[Bench], ds: Sequence[float], strips: int) -> Curve:
    """Lay stains of each difficulty over so many strips of each style, and count the rejects on them."""
    random, found = np.random.default_rng(3), dict[tuple[float, float], list[int]]()
    for d, bench, number in ((d, bench, n) for d in ds for bench in benches for n in range(strips)):
        stains = strip_of(d, random)
        told = bench.play(20 + number, 7_000 * (1 + number), STRIP_M, stains)
        for stain in stains:
            found.setdefault((stain.size_mm, d), []).append(sum(is_found(stain, one) for one in told))
    return found


def page_of(styles: Sequence[str], alarms: Sequence[int], metres: float, found: Curve, about: str) -> str:
    """Write the page of results."""
    ds = sorted({d for _, d in found})

    def rows() -> Iterator[str]:
        for size in sorted({size for size, _ in found}):
            cells = [found.get((size, d), []) for d in ds]
            yield f"| {size:g} mm | " + " | ".join(f"{sum(n > 0 for n in c)}/{len(c)}" for c in cells) + " |"
        every = [[n for (_, of), counts in found.items() if of == d for n in counts] for d in ds]
        yield "| all | " + " | ".join(f"{np.mean([n > 0 for n in counts]):.2f}" for counts in every) + " |"

    hits = [n for counts in found.values() for n in counts if n]
    low, high = poisson_interval(sum(alarms))
    area = metres * len(styles) / 100
    alarm_rows = "\n".join(f"| {style} | {metres:g} | {n} |" for style, n in zip(styles, alarms, strict=True))
    body = "\n".join(rows())
    return f"""# The broad looks on simulated cloth

{about}

Cloth 1 m wide at {MM_PER_PX} mm per pixel, with fall-off of light, lamp drift, dust and shade switched on; the looks at
half and a quarter size, alone, each with its share of one false alarm in 100 m.  `d` is a stain's contrast over the
spread that means of good cloth have over its own area, shade of half a metre and more taken off, measured on good
cloth.

## Found, by size and difficulty

| | {" | ".join(f"d = {d:g}" for d in ds)} |
|---|{"---|" * len(ds)}
{body}

Those found came as {np.mean(hits or [0]):.2f} defects on average.

## False alarms on good cloth of another seed

| style | metres | false alarms |
|---|---|---|
{alarm_rows}

{sum(alarms)} in {metres * len(styles):g} m: {low / area:.1f} to {high / area:.1f} in 100 m (95 % Poisson interval).
"""


def main() -> None:
    """Run the study and write its page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strips", type=int, default=1, help="of each style and difficulty")
    parser.add_argument("--metres", type=float, default=20.0, help="of good cloth, of each style")
    parser.add_argument("--teach-metres", type=float, default=15.0)
    parser.add_argument("--minutes", type=float, default=2.0, help="for teaching both looks")
    parser.add_argument("--styles", nargs="+", default=["plain", "twill", "denim"])
    parser.add_argument("--ds", nargs="+", type=float, default=list(DIFFICULTIES))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    benches = [Bench(style, options.teach_metres, options.minutes) for style in options.styles]
    alarms = [len(bench.play(7, 0, options.metres)) for bench in benches]
    found = curve(benches, options.ds, options.strips)
    page = page_of(options.styles, alarms, options.metres, found, provenance("benchmarks.broad_look", sys.argv[1:]))
    print(page)
    if options.out:
        write_whole(options.out, page)


if __name__ == "__main__":
    main()
