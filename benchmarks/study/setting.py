"""What a study was run on: folders from the command line, and the line that says commit, machine and settings."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from pathlib import Path

from model.encoder import Encoder, load_encoder
from model.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
VGG16 = SHARED / "weights" / "vgg16" / "vgg16_features_0_14_torchvision_names.pth"
FABRICS = ("aitex_f01", "aitex_f03")


def parser(description: str, out: str) -> argparse.ArgumentParser:
    """Options that all studies share; ``out`` is the page's name in ``docs/results``."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--data", type=Path, default=SHARED / "data", help="folder of the fabrics, in MVTec layout")
    made.add_argument("--fabrics", nargs="+", default=list(FABRICS), help="folders in it")
    made.add_argument("--vgg16", type=Path, default=VGG16, help="VGG16 weights by torchvision's names")
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=1500, help="training steps of MFRNet")
    made.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / out, help="the page to write")
    return made


def folders(options: argparse.Namespace) -> list[Path]:
    """The fabrics' folders.  Raises ModelError if one is missing."""
    found = [options.data / name for name in options.fabrics]
    for folder in found:
        if not folder.is_dir():
            raise ModelError(f"There is no fabric {folder}; name the folder that holds the fabrics with --data.")
    return found


def encoder(name: str, options: argparse.Namespace) -> Encoder:
    """``light`` as shipped, or ``vgg16`` with the weights named."""
    return load_encoder(name, options.vgg16 if name == "vgg16" else None)


def provenance(command: str, options: argparse.Namespace) -> str:
    """Command, commit, machine and settings in one sentence."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=7"]
    commit = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    machine = f"{os.cpu_count()} cores ({platform.machine()})"
    return (
        f"By `{command}` at commit {commit}, on {machine}, Python {platform.python_version()}; {options.seeds} seeds "
        f"from 0, {options.steps} training steps."
    )
