"""This script distils the light encoder from VGG16's aggregated, standardised, PCA-reduced features on rendered cloth.

    python -m benchmarks.distil_encoder --vgg vgg16.pth --minutes 40 --seed 1 --bank FOLDER --out light.safetensors

It runs best with OMP_WAIT_POLICY=PASSIVE and, on Linux, with glibc told to keep its memory:
MALLOC_TOP_PAD_=268435456 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592.
A second call with the same bank adds to it; ``--start`` continues from an earlier student.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import cv2
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks import distil_bank
from model.encoder import IMAGENET_MEAN, IMAGENET_STD, Light, light_trunk, load_encoder

_HELD_OUT = 512
_BATCH = 16
_PEAK_RATE = 2e-3


def batch_of(pictures: Tensor, answers: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return normalised float images ``[N, 3, 128, 128]`` (channels last) and their answers."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    images = ((pictures[rows].float() / 255 - mean) / std).permute(0, 3, 1, 2)
    return images, answers[rows].float()


def residual(trunk: nn.Module, pictures: Tensor, answers: Tensor) -> tuple[float, float]:
    """Return the unexplained share of the held-out crops' variance: of all components, and the mean over components."""
    trunk.eval()
    error = torch.zeros(answers.shape[1])
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(pictures)), 64):
            images, wanted = batch_of(pictures, answers, rows)
            error += (trunk(images) - wanted).square().sum((0, 2, 3))
    trunk.train()
    wanted = answers.float()
    variance = (wanted - wanted.mean((0, 2, 3), keepdim=True)).square().sum((0, 2, 3))
    return float(error.sum() / variance.sum()), float((error / variance).mean())


def train(
    trunk: nn.Module,
    pictures: Tensor,
    answers: Tensor,
    seconds: float,
    *,
    peak_rate: float,
    favour_faint: float,
    seed: int,
) -> None:
    """Train for one cycle of AdamW over the bank, paced by the clock so that it ends on time.

    Args:
        favour_faint: a component's weight in the loss is its variance to the power of minus this.  MFRNet judges by all
            components equally; by plain squared error the faint ones would hardly be learnt.
    """
    generator = torch.Generator().manual_seed(seed)
    held, heldanswers = pictures[:_HELD_OUT], answers[:_HELD_OUT]
    variance = answers[: 8 * _HELD_OUT].float().var((0, 2, 3))
    weight = (variance / variance.mean()).pow(-favour_faint)[None, :, None, None]
    optimiser = torch.optim.AdamW(trunk.parameters(), peak_rate, weight_decay=1e-4)
    begin, step, told = time.monotonic(), 0, 0.0
    trunk.train()
    while (spent := time.monotonic() - begin) < seconds:
        share = spent / seconds
        rate = peak_rate * min(1.0, share / 0.08 + 0.05) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        rows = torch.randint(_HELD_OUT, len(pictures), (_BATCH,), generator=generator)
        images, wanted = batch_of(pictures, answers, rows)
        loss = (weight * (trunk(images) - wanted).square()).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        if spent - told > 60:
            told = spent
            print(f"{spent:.0f} s, step {step}: residual {residual(trunk, held, heldanswers)[0]:.3f}", flush=True)
    whole, mean = residual(trunk, held, heldanswers)
    print(f"{step} steps: residual {whole:.4f} of all variance, {mean:.4f} mean over components", flush=True)


def write(trunk: nn.Module, widths: tuple[int, int, int], out_channels: int, path: Path) -> None:
    """Write the student as the file that ships: half precision, with the names of ``model.encoder.Light``."""
    encoder = Light(widths, out_channels)
    encoder.trunk.load_state_dict(trunk.state_dict())
    state = {key: value.half().contiguous() for key, value in encoder.state_dict().items() if value.is_floating_point()}
    save_file(state, path, {"encoder": "light", "teacher": "VGG16, Simonyan and Zisserman, CC BY 4.0"})
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg", type=Path, help="torchvision-named VGG16 weights (default: the published file)")
    parser.add_argument("--minutes", type=float, default=40.0, help="rendering and training together")
    parser.add_argument("--bank-share", type=float, default=0.35, help="share of the minutes spent on new pictures")
    parser.add_argument("--bank", type=Path, required=True, help="folder of pictures and the teacher's answers")
    parser.add_argument("--start", type=Path, help="an earlier student of the same widths")
    parser.add_argument("--peak-rate", type=float, default=_PEAK_RATE)
    parser.add_argument("--favour-faint", type=float, default=0.8, help="0: plain squared error, 1: all alike")
    parser.add_argument("--widths", type=int, nargs=3, default=[40, 80, 160])
    parser.add_argument("--out-channels", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    cv2.setNumThreads(1)
    given.bank.mkdir(parents=True, exist_ok=True)
    seconds = 60 * given.minutes
    begin = time.monotonic()
    teacher = load_encoder("vgg16", given.vgg)
    aggregator = distil_bank.fixed_axes(teacher, given.bank, given.out_channels)
    if given.bank_share > 0:
        distil_bank.extend(given.bank, teacher, aggregator, given.bank_share * seconds, given.seed)
    pictures, answers = distil_bank.load(given.bank)
    widths = (given.widths[0], given.widths[1], given.widths[2])
    trunk: nn.Module = light_trunk(widths, given.out_channels)
    trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    if given.start:
        earlier = {
            key.removeprefix("trunk."): value for key, value in load_encoder("light", given.start).state_dict().items()
        }
        trunk.load_state_dict(earlier)
    left = seconds - (time.monotonic() - begin)
    train(
        trunk,
        pictures,
        answers,
        left,
        peak_rate=given.peak_rate,
        favour_faint=given.favour_faint,
        seed=given.seed,
    )
    write(trunk, widths, given.out_channels, given.out)


if __name__ == "__main__":
    main()
