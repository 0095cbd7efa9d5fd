"""This module sets up a study: folders from the command line, and the line that says commit, machine and settings."""

from __future__ import annotations

import argparse
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch

from drivers.camera import CameraError
from model.encoder import VGG16_DEPTH, Encoder, load_encoder
from model.errors import ModelError
from station.commands.bench.processor import processor
from station.contract import StationError

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
VGG16 = SHARED / "weights" / "vgg16" / "vgg16_features_0_14_torchvision_names.pth"
ENCODERS = ("vgg16", "light")
FAULTS = (ModelError, CameraError, StationError)
FABRICS = ("aitex_f01", "aitex_f03")


def parser(description: str, out: str, steps: int) -> argparse.ArgumentParser:
    """Return the options that all studies share.

    Args:
        out: the page's name in ``docs/results``.
        steps: the usual number of training steps.
    """
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--data", type=Path, default=SHARED / "data", help="folder of the fabrics, in MVTec layout")
    made.add_argument("--fabrics", nargs="+", default=list(FABRICS), help="folders in it")
    made.add_argument("--vgg16", type=Path, default=VGG16, help="VGG16 weights by torchvision's names")
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=steps, help="training steps of MFRNet")
    made.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / out, help="the page to write")
    return made


def folders(options: argparse.Namespace) -> list[Path]:
    """Return the fabrics' folders.  Raises ModelError if one is missing."""
    found = [options.data / name for name in options.fabrics]
    for folder in found:
        if not folder.is_dir():
            raise ModelError(f"There is no fabric {folder}; name the folder that holds the fabrics with --data.")
    return found


def encoder(name: str, options: argparse.Namespace, depth: int = VGG16_DEPTH) -> Encoder:
    """Load ``light`` as shipped, or ``depth`` convolutions of ``vgg16`` with the weights named."""
    return load_encoder(name, options.vgg16 if name == "vgg16" else None, depth)


def seeds(options: argparse.Namespace) -> str:
    """Say which seeds were drawn, in words."""
    return "Seed 0" if options.seeds == 1 else f"Seeds 0 to {options.seeds - 1}"


def provenance(module: str, words: Sequence[str]) -> str:
    """Name command, commit and machine in one sentence."""
    ask = ["git", "describe", "--always", "--dirty", "--abbrev=7"]
    commit = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    command = " ".join(["python -m", module, *_without_places(words)])
    return (
        f"By `{command}` at commit {commit}, on {processor()}, Python "
        f"{platform.python_version()}, torch {torch.__version__}."
    )


def _without_places(words: Sequence[str]) -> list[str]:
    """Return the words of a command line without ``--out`` and ``--data``, which name places on one machine."""
    kept = list(words)
    for option in ("--out", "--data"):
        if option in kept:
            at = kept.index(option)
            del kept[at : at + 2]
    return kept
