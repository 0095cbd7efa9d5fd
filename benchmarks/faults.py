"""This benchmark plays faults of the cameras and reports how each was seen, recovered from and declared.

    python -m benchmarks.faults [--metres 5] [--speed 30] [--out docs/results/faults.md]

The faults are all that the rig can play, the loss of one of two cameras, and two of the camera's own software.  Each
strikes a roll of its own beside a loom that runs on; a scorer that finds nothing stands for the model.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2

from benchmarks.fault_table import Row, after, page, worst
from benchmarks.fault_watch import MM_PER_PX, EvenScorer, Watched, Witness, lines_of, watch
from benchmarks.study.setting import ROOT, provenance
from drivers.camera import Camera, CameraGoneError, EncoderReading, LineBlock
from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.pylon.camera import PylonCamera
from drivers.pylon.settings import PylonSettings
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.faults import FAULT_NAMES, Effect, FaultEvent, FaultTruth
from drivers.simulated.views import View
from model.durable import write_whole
from station.contract import Stretch, UninspectedReason

WIDTH_PX = 512
LEFT_PX, RIGHT_PX = (0, 300), (212, WIDTH_PX)
"""Two cameras across the web see these columns of it."""

EVERY_LINES = 2000
AWAY_S = 3.0
"""A camera stays away this long: the rig's own ``unplug`` beside a running loom, and the doubles here."""

MISSING = (Effect.LOST, Effect.GONE, Effect.LATE)
BLOCK_LINES = 256
PYLON_LINES, PYLON_RATE_HZ = 64, 1280.0
EMULATED = "PYLON_CAMEMU"
"""This environment variable says how many emulated cameras pylon finds when it looks."""


class HangingCamera(Camera):
    """This simulated camera hangs forever in ``read`` at a line, then in ``stop``.

    After 3 s it can be started again (from another thread), while the loom has run on.
    """

    waits = False
    channels = 1

    def __init__(self, camera: SimulatedCamera, at_line: int) -> None:
        self._camera = camera
        self._at_line = at_line
        self._hung = {"read": False, "stop": False}
        self.returns_s = float("inf")
        self.returned_line = 0

    @property
    def camera_id(self) -> str:
        """Give the camera's value."""
        return self._camera.camera_id

    @property
    def width_px(self) -> int:
        """Give the camera's value."""
        return self._camera.width_px

    def start(self) -> None:
        """Start the camera the first time; later, only check whether it is back."""
        if not self._hung["read"]:
            self._camera.start()
        elif time.monotonic() < self.returns_s:
            raise CameraGoneError(f"Camera {self.camera_id} is not there; check its cable and power.")
        elif not self.returned_line:
            self.returned_line = self.encoder().due_line

    def read(self, timeout_s: float) -> LineBlock | None:
        """Read from the camera, but hang once; what passed before it was started again was not seen."""
        if self.encoder().due_line > self._at_line:
            self._hang("read")
        block = self._camera.read(timeout_s)
        return None if block is None or block.first_line < self.returned_line else block

    def encoder(self) -> EncoderReading:
        """Say where the loom is."""
        return self._camera.encoder()

    def stop(self) -> None:
        """Stop, but hang once after ``read`` did."""
        if self._hung["read"]:
            self._hang("stop")
        self._camera.stop()

    def _hang(self, call: str) -> None:
        if not self._hung[call]:
            self._hung[call] = True
            self.returns_s = min(self.returns_s, time.monotonic() + AWAY_S)
            threading.Event().wait()


def law_holds(watched: Watched, missing: set[int], repeated: int, returns: int, due_line: int | None) -> bool:
    """Check the ledger law: every line due was counted once, and none that was missing is called inspected.

    Beyond those, only cloth of less than a tile's height between two losses may be uninspected, and what a returning
    camera showed after it had been given up: less than a block each time.
    """
    ledger, declared, too_short = watched.ended.ledger, watched.uninspected(), watched.too_short()
    return (
        ledger.lines_in_flight == 0
        and due_line in (None, ledger.lines_acquired + watched.origin_line)
        and ledger.lines_uninspected == len(declared)
        and ledger.lines_repeated == repeated
        and missing <= declared
        and len(declared - missing - too_short) <= BLOCK_LINES * returns
        and all((len(lines_of(s)) >= EvenScorer.tile_px) == s.inspected for s in watched.stretches() if came(s))
    )


def came(stretch: Stretch) -> bool:
    """Say whether these lines were there to be judged."""
    return stretch.reason in (None, UninspectedReason.TOO_SHORT)


def simulated(fault: str, metres: float, speed: float) -> Row:
    """Play one of the rig's own faults."""
    camera = loom(metres, speed, fault)
    watched = watch(camera)
    return row_of(fault, fault, watched, camera.fault_truth(), watched.witness.gone)


def one_of_two(metres: float, speed: float) -> Row:
    """Unplug the right one of two cameras until it comes back; what the left one shows meanwhile is to be judged."""
    left, right = loom(metres, speed).views([View("left", *LEFT_PX), View("right", *RIGHT_PX, ("unplug",))])
    struck = Witness(right)
    watched = watch(JoinedCamera([left, struck], [Joint(LEFT_PX[1] - RIGHT_PX[0])]))
    truth = FaultTruth((*left.truth().events, *right.truth().events))
    row = row_of("unplug of one of two joined cameras", "unplug", watched, truth, struck.gone)
    seen = watched.seen(min(struck.gone, default=0.0))
    return replace(row, seen=seen, holds=row.holds and truth.lines(*MISSING) <= watched.judged())


def loom(metres: float, speed: float, *faults: str) -> SimulatedCamera:
    """Return cloth that waits for nobody."""
    return SimulatedCamera(
        width_px=WIDTH_PX,
        mm_per_px=MM_PER_PX,
        seed=1,
        metres=metres,
        speed_m_per_min=speed,
        faults=faults,
        fault_every_lines=EVERY_LINES,
    )


def row_of(name: str, fault: str, watched: Watched, truth: FaultTruth, gone: list[float]) -> Row:
    """Return the row of a simulated fault; ``gone`` lists when the struck camera was found gone."""
    strikes = [event for event in truth.events if event.fault == fault]
    missing, losses = truth.lines(*MISSING), truth.of(Effect.GONE)
    returns = {event: gone_s + AWAY_S for event, gone_s in zip(losses, gone, strict=False)}
    repeated, due_line = truth.count(Effect.REPEATED), watched.witness.encoder().due_line
    return Row(
        name,
        len(strikes),
        watched.seen(),
        worst(seen_after_s(watched, event) for event in strikes),
        worst(again_after_s(watched, event, returns.get(event)) for event in strikes),
        in_metres(len(watched.uninspected())),
        in_metres(len(missing)),
        law_holds(watched, missing, repeated, len(losses), due_line),
    )


def seen_after_s(watched: Watched, event: FaultEvent) -> float | None:
    """Return the seconds from the passing of the first line hit (the loom's turning) to the first sign of it."""
    struck_s = watched.passed_s(event.first_line)
    if event.fault == "reverse":
        struck_s = watched.reversed_s(struck_s)
    sign_s = watched.first_sign_s(struck_s)
    return None if sign_s is None else sign_s - struck_s


def again_after_s(watched: Watched, event: FaultEvent, returns_s: float | None) -> float | None:
    """Return the seconds from the end of the fault to the first block that shows cloth beyond it.

    A fault ends with the device's return, else with the passing of the last line hit.
    """
    over_s = watched.passed_s(event.end_line) if returns_s is None else returns_s
    block_s = watched.block_beyond_s(event.end_line, over_s)
    return None if block_s is None else block_s - over_s


def hanging(metres: float, speed: float) -> Row:
    """Let the grab thread hang in the driver, then the call that stops it."""
    camera = HangingCamera(loom(metres, speed), at_line=round(metres * 300 / MM_PER_PX))
    watched = watch(camera)
    seen_before = max(end for at_s, _, end in watched.witness.blocks if at_s < camera.returns_s)
    seen_again = min(first for at_s, first, _ in watched.witness.blocks if at_s >= camera.returns_s)
    missing = set(range(seen_before, seen_again))
    return Row(
        "driver hangs: read, then stop, never return",
        1,
        watched.seen(),
        after(camera.returns_s - AWAY_S, watched.first_sign_s(camera.returns_s - AWAY_S)),
        after(camera.returns_s, watched.block_beyond_s(camera.returned_line, camera.returns_s)),
        in_metres(len(watched.uninspected())),
        in_metres(len(missing)),
        law_holds(watched, missing, 0, 1, camera.encoder().due_line),
    )


def unplugged_pylon(seconds: float) -> Row:
    """Remove pylon's emulated camera, which cannot be found for 3 s and is then there again.

    What passed is known by the clock: the camera runs freely at a known rate of lines.
    """
    with tempfile.TemporaryDirectory() as folder:
        camera = emulated_camera(Path(folder))
        struck: list[float] = []

        def play(witness: Witness) -> bool:
            now, played_s = time.monotonic(), witness.blocks[-1][0] - witness.blocks[0][0] if witness.blocks else 0.0
            if not struck and played_s > seconds / 3:
                struck.append(now)
                os.environ[EMULATED] = "0"
                camera.grab.device.GetNodeMap().GetNode("FirePnPCallback").Execute()  # type: ignore[union-attr]
            if struck and now > struck[0] + AWAY_S:
                os.environ[EMULATED] = "1"
            return bool(struck) and played_s > seconds + AWAY_S

        watched = watch(camera, play)
    struck_s, returns_s = struck[0], struck[0] + AWAY_S
    blocks = watched.witness.blocks
    number = next(i for i, (at_s, _, _) in enumerate(blocks) if at_s > returns_s)
    (before_s, _, seen_before), (again_s, seen_again, _) = blocks[number - 1], blocks[number]
    missing = set(range(seen_before, seen_again))
    return Row(
        "unplug of a Basler camera (pylon's emulation)",
        1,
        watched.seen(struck_s),
        after(struck_s, watched.first_sign_s(struck_s)),
        again_s - returns_s,
        in_metres(len(watched.uninspected())),
        in_metres((again_s - before_s) * PYLON_RATE_HZ - PYLON_LINES),
        law_holds(watched, missing, 0, 1, None),
    )


def emulated_camera(folder: Path) -> PylonCamera:
    """Return a free-running emulated line-scan camera over cloth."""
    os.environ[EMULATED] = "1"
    cloth = Cloth("demo", width_px=WIDTH_PX, mm_per_px=MM_PER_PX, seed=1)
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.bmp"), cloth.render(PYLON_LINES * number, PYLON_LINES))
    return PylonCamera(
        PylonSettings(serial="0815-0000", exposure_us=100.0, line_rate_hz=PYLON_RATE_HZ, image_folder=folder)
    )


def in_metres(lines: float) -> float:
    """Turn lines into metres of cloth."""
    return lines * MM_PER_PX / 1000


def main() -> int:
    """Play, print, write the page.  Returns 1 if the ledger law was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--metres", type=float, default=5.0, help="cloth of each roll")
    parser.add_argument("--speed", type=float, default=30.0, help="m/min")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "faults.md", help="the page to write")
    chosen = parser.parse_args()
    plays: list[Callable[[], Row]] = [
        *(partial(simulated, name, chosen.metres, chosen.speed) for name in FAULT_NAMES),
        partial(one_of_two, chosen.metres, chosen.speed),
        partial(hanging, chosen.metres, chosen.speed),
        partial(unplugged_pylon, 6.0),
    ]
    rows = []
    for play in plays:
        rows.append(play())
        print(rows[-1].cells(), flush=True)
    origin = provenance("benchmarks.faults", sys.argv[1:])
    basler = f"the Basler camera at {in_metres(PYLON_RATE_HZ) * 60:.3g} m/min"
    setting = f"{chosen.metres:g} m at {chosen.speed:g} m/min and {MM_PER_PX:g} mm a line, {basler}"
    write_whole(chosen.out, page(rows, origin, setting))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
