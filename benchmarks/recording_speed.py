"""This benchmark measures what recording costs: packing a block, beside other lossless ways, and a whole recording.

    python -m benchmarks.recording_speed

It runs on cloth of the demo, whose noise no coder can pack, and writes ``docs/results/recording-speed.md``.
"""

from __future__ import annotations

import platform
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import zstandard
from numpy.typing import NDArray

from benchmarks.figures import ROOT, commit
from drivers.camera import EncoderReading, LineBlock
from drivers.recording.format import Entry, RecordingMetadata, What, pack, unpack
from model.durable import write_whole
from station.commands.bench.processor import processor
from station.demo import rendered_cloth
from station.recording.recorder import GB, ClothRecorder

OUT = ROOT / "docs" / "results" / "recording-speed.md"
BLOCK_LINES, METRES = 256, 4.0
ROUNDS, REPEATS = 5, 20
WANTED = 30
"""A recording has to keep up with this many Mpx/s."""

Pixels = NDArray[np.uint8]


def main() -> None:
    """Measure and write the page."""
    cloth = rendered_cloth(0, METRES)
    blocks = [cloth[at : at + BLOCK_LINES] for at in range(0, len(cloth) - BLOCK_LINES + 1, BLOCK_LINES)]
    page = "\n".join(
        [
            "# What recording costs",
            "",
            f"By `python -m benchmarks.recording_speed` at commit {commit()}, on {processor()}, Python "
            f"{platform.python_version()}, OpenCV {cv2.__version__}, zstandard {zstandard.__version__}. "
            f"Processor time of one thread, median of {ROUNDS} rounds over {len(blocks)} blocks of {BLOCK_LINES} × "
            f"{cloth.shape[1]} px of the demo's cloth.",
            "",
            f"| way | Mpx/s | bytes in / out | share of a core at {WANTED} Mpx/s |",
            "|---|---|---|---|",
            *(_row(name, coder, blocks) for name, coder in _coders().items()),
            "",
            *_recording(blocks),
            "",
        ]
    )
    write_whole(OUT, page)
    print(page)


def _coders() -> dict[str, Callable[[Pixels], bytes]]:
    packer = zstandard.ZstdCompressor(level=1)
    png = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return {
        "as recorded: gradient differences, Zstandard 1": lambda block: pack(block, packer),
        "Zstandard 1 alone": lambda block: packer.compress(block.data),
        "zlib 1": lambda block: zlib.compress(block.data, 1),
        "PNG 1 by OpenCV": lambda block: cv2.imencode(".png", block, png)[1].tobytes(),
    }


def _row(name: str, coder: Callable[[Pixels], bytes], blocks: list[Pixels]) -> str:
    rate, coded = _rate(coder, blocks)
    ratio = sum(block.size for block in blocks) / sum(len(data) for data in coded)
    return f"| {name} | {rate:.0f} | {ratio:.2f} | {WANTED / rate:.1%} |"


def _rate(coder: Callable[[Pixels], bytes], blocks: list[Pixels]) -> tuple[float, list[bytes]]:
    """Return Mpx per second of processor time, and each block as coded."""
    rates, coded = [], []
    for _ in range(ROUNDS):
        begin = time.thread_time()
        coded = [coder(block) for block in blocks]
        rates.append(sum(block.size for block in blocks) / (time.thread_time() - begin) / 1e6)
    return float(np.median(rates)), coded


def _recording(blocks: list[Pixels]) -> list[str]:
    """Write sentences on a whole recording, fed as a line would feed it, and on playing it."""
    metadata = RecordingMetadata(camera_id="bench", width_px=blocks[0].shape[1], channels=1, started_at="")
    entries = [_entry(block, number * BLOCK_LINES) for number, block in enumerate(blocks * REPEATS)]
    with tempfile.TemporaryDirectory() as folder:
        recorder = ClothRecorder(Path(folder) / "r", metadata, limit_bytes=GB, can_wait=True, spare_bytes=0)
        whole, teller = time.process_time(), 0.0
        for number, entry in enumerate(entries):
            while recorder.blocks < number - 32:
                time.sleep(0.001)
            begin = time.thread_time()
            recorder.tell(entry)
            teller += time.thread_time() - begin
        recorder.close()
        whole = time.process_time() - whole
        pixels = recorder.pixel_bytes
    packer = zstandard.ZstdCompressor(level=1)
    packed = [pack(block, packer) for block in blocks]
    begin = time.thread_time()
    for data, block in zip(packed, blocks, strict=True):
        unpack(data, block.shape)
    unpacking = sum(block.size for block in blocks) / (time.thread_time() - begin) / 1e6
    return [
        f"A whole recording, checksums and disk included: {pixels / whole / 1e6:.0f} Mpx per second of processor time, "
        f"{WANTED * whole / (pixels / 1e6):.1%} of a core at {WANTED} Mpx/s. The thread that reads the camera spends "
        f"{teller / len(entries) * 1e6:.0f} µs a block on it. Unpacking: {unpacking:.0f} Mpx/s.",
    ]


def _entry(block: Pixels, first_line: int) -> Entry:
    line_block = LineBlock(block, first_line, 1.0, time.monotonic_ns(), "bench")
    return Entry(What.BLOCK, time.monotonic_ns(), EncoderReading(first_line + len(block), 0.0), line_block)


if __name__ == "__main__":
    main()
