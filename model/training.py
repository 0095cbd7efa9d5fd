"""This module teaches the network: from good tiles it makes a taught and calibrated MFRNet within a given time."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.checkpoint import round_as_saved
from model.encoder import Encoder
from model.engines.cuda import enough_memory
from model.errors import ModelError
from model.loss import hybrid_loss
from model.mfrnet import MFRNet, MFRNetConfig, blank
from model.outliers import find_outliers
from model.runtime import FeatureReader, as_batch, choose_device
from model.scorer import TILE_PX
from model.time_budget import CALIBRATION_SHARE, Plan, Progress, TeachingCancelled, TimeBudget, one_cycle

__all__ = ["Progress", "TeachingCancelled", "fit"]

FEWEST_TILES = 8
FLATTEST = 0.5  # grey levels of deviation; less is a dead picture, not cloth
MOST_MAPS = 1200  # feature maps held in memory: 0.2 GB at half precision
MOST_VIEWS = 4  # of one tile: as it is, turned, and the two with another brightness
HELD_OUT_SHARE = 0.2
MOST_HELD_OUT = 96
PCA_TILES = 48
BATCH = 8
PEAK_RATE = 2e-3
READING_SHARE = 0.3


def fit(
    tiles: NDArray[np.uint8],
    encoder: Encoder,
    *,
    minutes: float = 5.0,
    seed: int = 0,
    device: str = "auto",
    config: MFRNetConfig | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> MFRNet:
    """Teach a network on good cloth.

    A share of the tiles is held out to calibrate the scores.  The same seed gives the same network (to
    rounding) on one machine if the time allows all of ``config.steps``; if not, a round number of steps is planned
    from the time that the first ones took, and two runs agree if they planned the same number.

    Args:
        tiles: uint8 ``[T, 256, 256]`` or ``[T, 256, 256, 3]`` (RGB) of good cloth, T at least 8; some hundred are good.
        minutes: limit for everything: reading features, training, calibration.
        seed: of all that is drawn at random.
        device: one of :data:`model.runtime.DEVICES`; without a card, learning itself always runs in torch.
        progress: called several times a second at most.
        cancelled: asked several times a second whether to stop.

    Returns:
        The network in evaluation mode, on the CPU.

    Raises:
        ModelError: too few or unsuitable tiles, no time, or a device that is missing or whose memory is too small.
        TeachingCancelled: ``cancelled`` said to stop.
    """
    _check(tiles, minutes)
    budget = TimeBudget(minutes, progress, cancelled)
    generator = torch.Generator().manual_seed(seed)
    reads_on = choose_device(device)
    learns_on = torch.device("cuda" if reads_on == "cuda" else "cpu")
    with training_threads(), enough_memory():
        network = blank(config or MFRNetConfig(), encoder, seed).to(learns_on)
        round_as_saved(network)
        train, held = read_cloth(network, tiles, generator, budget, reads_on)
        network.to(learns_on)  # reading gives the network back on the processor
        learn(network, train, held, generator, budget)
    budget.tell("done", 1.0)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return network.cpu().eval()


def read_cloth(
    network: MFRNet, tiles: NDArray[np.uint8], generator: torch.Generator, budget: TimeBudget, device: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Fit the network's aggregator and standardisation to good cloth, and read the features to learn from.

    Args:
        device: on which the features are read.

    Returns:
        Standardised features ``[T, D, 32, 32]`` to train on (half precision, several views of each tile) and of tiles
        held out (float32).
    """
    train, held = _deal(tiles, generator)
    _fit_aggregator(network, train, budget)
    train_features, held_features = _read_features(network, train, held, generator, budget, device)
    network.to("cpu")
    train_features = _standardise(network, train_features, len(train))
    return train_features, (held_features - network.centre) / network.deviation


def learn(network: MFRNet, train: Tensor, held: Tensor, generator: torch.Generator, budget: TimeBudget) -> None:
    """Teach the restoration on features already read, then calibrate the measure on those held out.

    Args:
        train: standardised features ``[T, D, 32, 32]`` of good cloth, any float type.
        held: the same, float32, of good cloth not in ``train``.

    Raises:
        TeachingCancelled: the budget's caller said to stop.
    """
    _train(network, train, generator, budget)
    round_as_saved(network)
    calibrate(network, held, budget)


def _check(tiles: NDArray[np.uint8], minutes: float) -> None:
    side = (TILE_PX, TILE_PX)
    if tiles.dtype != np.uint8 or tiles.shape[1:] not in (side, (*side, 3)):
        raise ModelError(f"Tiles of {tiles.dtype} {tiles.shape} cannot be taught; give uint8 tiles of {TILE_PX} px.")
    if len(tiles) < FEWEST_TILES:
        raise ModelError(
            f"{len(tiles)} tiles of good cloth are too few to teach a model; give at least {FEWEST_TILES}, "
            "better some hundred."
        )
    if not (math.isfinite(minutes) and minutes > 0):
        raise ModelError(f"Teach-in cannot take {minutes} minutes; give a time above 0.")
    if max(float(tile.std()) for tile in tiles) < FLATTEST:
        raise ModelError("The good cloth shows no structure at all: check the pictures (all one colour?).")


def _deal(tiles: NDArray[np.uint8], generator: torch.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Split the tiles at random into tiles to train on and tiles held out."""
    order = torch.randperm(len(tiles), generator=generator).numpy()
    back = min(MOST_HELD_OUT, max(2, round(HELD_OUT_SHARE * len(tiles))))
    return tiles[order[back:][:MOST_MAPS]], tiles[order[:back]]


@torch.inference_mode()
def _fit_aggregator(network: MFRNet, train: NDArray[np.uint8], budget: TimeBudget) -> None:
    """Fit the principal components to a few tiles, in a quarter of the reading time at most."""

    def batches() -> Iterator[list[Tensor]]:
        for start in range(0, min(PCA_TILES, len(train)), 4):
            budget.tell("reading cloth", 0.01)
            yield network.maps(as_batch(train[start : start + 4]).to(network.centre.device))
            if budget.spent() > READING_SHARE / 4:
                return

    network.aggregator.fit(batches())


def _read_features(
    network: MFRNet,
    train: NDArray[np.uint8],
    held: NDArray[np.uint8],
    generator: torch.Generator,
    budget: TimeBudget,
    device: str,
) -> tuple[Tensor, Tensor]:
    """Read features of the training tiles in several views, and of the held-out tiles as they are and turned.

    Turned by 180° a weave stays the same weave; mirrored it does not (a twill changes its hand).  If the time for
    reading is over, fewer views are read.
    """
    reader = FeatureReader(network, device)
    kept_train: list[Tensor] = []
    kept_held: list[Tensor] = []
    try:
        for view in range(max(1, min(MOST_VIEWS, MOST_MAPS // len(train)))):
            if view and budget.spent() > READING_SHARE * 0.7:
                break
            for start in range(0, len(train), BATCH):
                budget.tell("reading cloth", min(budget.spent(), READING_SHARE))
                kept_train.append(reader.read(_view(train[start : start + BATCH], view, generator)).half())
                if budget.spent() > READING_SHARE and len(kept_train) >= 2:
                    break
        for start in range(0, len(held), BATCH):
            budget.tell("reading cloth", min(budget.spent(), READING_SHARE))
            kept_held.append(reader.read(held[start : start + BATCH]).half())
            kept_held.append(reader.read(_view(held[start : start + BATCH], 1, generator)).half())
    finally:
        reader.close()
    return torch.cat(kept_train), torch.cat(kept_held).float()


def _view(tiles: NDArray[np.uint8], view: int, generator: torch.Generator) -> NDArray[np.uint8]:
    """Return a view of good tiles: 0 as they are, 1 turned, 2 and 3 the same with another brightness and contrast."""
    if view % 2:
        tiles = np.ascontiguousarray(tiles[:, ::-1, ::-1])
    if view < 2:
        return tiles
    shape = (len(tiles),) + (1,) * (tiles.ndim - 1)
    gain, offset = torch.rand(2, len(tiles), generator=generator).numpy()
    mean = tiles.mean(axis=tuple(range(1, tiles.ndim)), keepdims=True)
    contrast, shift = (0.92 + 0.16 * gain).reshape(shape), (12 * offset - 6).reshape(shape)
    varied: NDArray[np.uint8] = np.clip((tiles - mean) * contrast + mean + shift, 0, 255).round().astype(np.uint8)
    return varied


def _standardise(network: MFRNet, features: Tensor, tiles: int) -> Tensor:
    """Centre and scale the features, by channel and by position in the tile (the trunk's padding shows at borders).

    A position's own mean counts only as far as it stands out from the noise of the mean of these tiles.
    """
    sample = features[: 4 * tiles].float()
    count = len(sample)
    overall = sample.mean((0, 2, 3), keepdim=True)
    variance = sample.var((0, 2, 3), keepdim=True).clamp_min(1e-8)
    away = sample.mean(0, keepdim=True) - overall
    excess = (away.square() * count / variance).mean(1, keepdim=True)
    centre = overall + away * (1 - 1 / excess.clamp_min(1))
    square = (sample - centre).square().mean(0, keepdim=True).clamp_min(1e-8)
    by_channel = square.mean((2, 3), keepdim=True)
    by_position = (square / by_channel).mean(1, keepdim=True)
    network.centre.copy_(centre)
    network.deviation.copy_((by_channel * by_position).sqrt())
    return (features - centre.half()).div_((by_channel * by_position).sqrt().half())


def _train(network: MFRNet, features: Tensor, generator: torch.Generator, budget: TimeBudget) -> None:
    """Lower the hybrid loss for as many steps as were planned, or until the time for training is over."""
    device = network.centre.device
    restoration = network.restoration.train()
    restoration.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(restoration.parameters(), lr=PEAK_RATE, weight_decay=1e-2)
    plan = Plan(network.config.steps, budget)
    while (done := plan.done()) < 1:
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * one_cycle(done)
        chosen = features[torch.randint(len(features), (BATCH,), generator=generator)].float().to(device)
        loss = _one_step(network, chosen, generator)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(restoration.parameters(), 1.0)
        optimiser.step()
        plan.step += 1
        budget.tell("teaching", plan.fraction(done), float(loss.detach()))
    restoration.eval()


def _one_step(network: MFRNet, chosen: Tensor, generator: torch.Generator) -> Tensor:
    masks = network.crossed_mask.draw(generator)
    shown, hidden = network.hide(chosen, masks)
    restored = network.restoration(shown.contiguous(memory_format=torch.channels_last), hidden)
    return hybrid_loss(chosen, network.crossed_mask.gather(restored, masks), network.config.loss)


@torch.inference_mode()
def calibrate(network: MFRNet, held: Tensor, budget: TimeBudget) -> None:
    """Calibrate the measure on good cloth, then again without the tiles that stand out from the others.

    Args:
        held: as for :func:`learn`.
    """
    network.eval()
    begun = max(budget.spent(), 1 - CALIBRATION_SHARE)
    pairs = []
    for start in range(0, len(held), BATCH):
        budget.tell("calibrating", begun + (1 - begun) * start / len(held))
        features = held[start : start + BATCH].to(network.centre.device)
        pairs.append((features, network.restore(features)))
    network.measure.calibrate(pairs)
    peaks = torch.cat([network.measure(*pair).amax((1, 2, 3)) for pair in pairs])
    good = torch.from_numpy(~find_outliers(peaks.cpu().numpy())).to(network.centre.device)
    if not good.all():
        kept = zip(pairs, torch.split(good, BATCH), strict=True)
        network.measure.calibrate([(f[usual], r[usual]) for (f, r), usual in kept if usual.any()])


@contextmanager
def training_threads() -> Iterator[None]:
    """Use all cores, 8 at most, where waiting threads sleep (OMP_WAIT_POLICY=PASSIVE before torch's import), else one.

    Spinning threads of OpenMP become very slow as soon as anything else needs a core.  Memory is kept for the next
    step, too.
    """
    _keep_memory()
    before = torch.get_num_threads()
    passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    torch.set_num_threads(max(1, min(8, os.cpu_count() or 1)) if passive else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep_memory() -> None:
    """Ask glibc to keep large freed blocks: giving them back and faulting them in again doubles a step's time."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    for option, value in ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 1 << 26)):
        mallopt(option, value)
