"""A process that only judges, as a running station's does, and says after every part what memory it holds.

``python -m tests.rigs.memory_of_tiles CHECKPOINT DEVICE PARTS TILES_A_PART`` prints one line a part: resident MiB.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from model import checkpoint
from model.runtime import Runtime
from tests.rigs.woven_tiles import woven

STATM = Path("/proc/self/statm")
BATCH_TILES = 20


def resident_mib() -> float:
    """What of this process lies in memory now."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(model: str, device: str, parts: str, tiles_a_part: str) -> None:
    """Judge, and say."""
    runtime = Runtime(checkpoint.load(Path(model)), device=device)
    tiles = woven(BATCH_TILES, 62)
    for _ in range(int(parts)):
        for _ in range(int(tiles_a_part) // BATCH_TILES):
            runtime.infer(tiles)
        print(resident_mib(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
