"""This module renders the pictures a student learns from, once, and keeps them with the teacher's answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmarks.textures import render
from drivers.camera import CameraError
from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from model.aggregator import Aggregator
from model.encoder import Encoder
from model.engines.openvino_cpu import graph_of

CROP_PX = 128
GRID = CROP_PX // 8
_SHARD = 1024
_AXES_PICTURES = 96  # pictures of 256 px from which the fixed principal axes are found
_CLOTH_SHARE = 0.15
Bytes = NDArray[np.uint8]
Halves = NDArray[np.float16]


def crops(seed: int) -> Iterator[Bytes]:
    """Yield RGB crops ``[4, 128, 128, 3]`` without end: procedural textures, sometimes the simulated rig's cloth."""
    rng = np.random.default_rng(seed)
    while True:
        if rng.random() < _CLOTH_SHARE / 4:
            yield from _cloth(rng)
        else:
            yield _quarters(render(rng, 2 * CROP_PX))


def _quarters(picture: Bytes) -> Bytes:
    parts = picture.reshape(2, CROP_PX, 2, CROP_PX, 3).swapaxes(1, 2)
    return np.ascontiguousarray(parts.reshape(4, CROP_PX, CROP_PX, 3))


def _cloth(rng: np.random.Generator) -> Iterator[Bytes]:
    """Yield four pictures of a random style and scale, with many flaws; nothing if that scale cannot be drawn."""
    style = str(rng.choice(sorted(STYLES)))
    scale = float(np.exp(rng.uniform(np.log(0.08), np.log(0.6))))
    try:
        cloth = Cloth(style, width_px=1024, mm_per_px=scale, seed=int(rng.integers(1 << 30)), flaws_per_m=40.0)
        strip = cloth.render(int(rng.integers(1 << 16)), 256)
    except CameraError:
        return
    gain, turn = float(np.exp(rng.normal(0, 0.25))), rng.random() < 0.5
    for x in range(0, 1024, 256):
        tile = np.clip(strip[:, x : x + 256].astype(np.float32) * gain, 0, 255).astype(np.uint8)
        tile = tile if tile.ndim == 3 else cv2.cvtColor(tile, cv2.COLOR_GRAY2RGB)
        yield _quarters(np.ascontiguousarray(tile.swapaxes(0, 1)) if turn else tile)


class _Answer(nn.Module):
    """This module joins teacher and aggregator in one graph over ``[4, 128, 128, 3]`` uint8."""

    def __init__(self, teacher: Encoder, aggregator: Aggregator) -> None:
        super().__init__()
        self.teacher = teacher
        self.aggregator = aggregator

    def forward(self, images: Tensor) -> Tensor:
        """Return the answers ``[4, D, 16, 16]``."""
        return self.aggregator(self.teacher(images.permute(0, 3, 1, 2).float() / 255))


def fixed_axes(teacher: Encoder, folder: Path, width: int) -> Aggregator:
    """Return the aggregator whose principal axes the student learns; it is fitted once and kept with the bank."""
    aggregator = Aggregator(teacher.channels, teacher.strides, width)
    path = folder / "axes.safetensors"
    if path.is_file():
        aggregator.load_state_dict(load_file(path))
        return aggregator
    source = crops(seed=0)
    with torch.inference_mode():
        pictures = (torch.from_numpy(next(source)).permute(0, 3, 1, 2).float() / 255 for _ in range(_AXES_PICTURES))
        share = aggregator.fit(teacher(one) for one in pictures)
    print(f"{width} fixed axes hold {share:.3f} of the teacher's standardised variance", flush=True)
    save_file(aggregator.state_dict(), path)
    return aggregator


def extend(folder: Path, teacher: Encoder, aggregator: Aggregator, seconds: float, seed: int) -> None:
    """Render and answer for ``seconds``; whole shards are added to the folder."""
    model = graph_of(_Answer(teacher, aggregator), [4, CROP_PX, CROP_PX, 3])
    compiled = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "THROUGHPUT"}
    )
    done = len(list(folder.glob("shard_*.npz")))
    source, end = crops(seed * 1000 + done + 1), time.monotonic() + seconds
    while time.monotonic() < end:
        pictures, answers = _shard(compiled, source)
        np.savez(folder / f"shard_{done:04d}.npz", pictures=pictures, answers=answers)
        done += 1
        print(f"bank: {done * _SHARD} crops", flush=True)


def _shard(compiled: ov.CompiledModel, source: Iterator[Bytes]) -> tuple[Bytes, Halves]:
    pictures: list[Bytes] = []
    answers: dict[int, Halves] = {}
    queue = ov.AsyncInferQueue(compiled)

    def keep(request: ov.InferRequest, place: int) -> None:
        answers[place] = request.get_output_tensor(0).data.astype(np.float16)

    queue.set_callback(keep)
    for place in range(_SHARD // 4):
        pictures.append(next(source))
        queue.start_async({0: pictures[-1]}, place)
    queue.wait_all()
    return np.concatenate(pictures), np.concatenate([answers[place] for place in range(_SHARD // 4)])


def load(folder: Path) -> tuple[Tensor, Tensor]:
    """Load all crops uint8 ``[M, 128, 128, 3]`` and answers float16 ``[M, D, 16, 16]`` of a bank."""
    pictures, answers = [], []
    for path in sorted(folder.glob("shard_*.npz")):
        with np.load(path) as shard:
            pictures.append(torch.from_numpy(shard["pictures"]))
            answers.append(torch.from_numpy(shard["answers"]))
    if not pictures:
        raise SystemExit(f"The bank {folder} is empty: give it more minutes.")
    return torch.cat(pictures), torch.cat(answers)
