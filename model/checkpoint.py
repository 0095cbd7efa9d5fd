"""Checkpoints of taught networks: safetensors with a header, the encoder's weights included.  No pickle is read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from model.encoder import encoder_from_state
from model.errors import ModelError
from model.mfrnet import MFRNet, MFRNetConfig

FORMAT = "mfrnet"
VERSION = 1
LARGEST_BYTES = 1 << 30
HALF = ("encoder.", "restoration.")
LARGEST_HALF = 6e4

Facts = dict[str, str | int | float]


def save(network: MFRNet, path: Path, facts: Facts | None = None) -> str:
    """Write a network to ``path``, whole or not at all.

    Args:
        facts: what should be known about it later (fabric, seed, threshold …).

    Returns:
        SHA-256 of the file, 64 hex digits.

    Raises:
        ModelError: the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "encoder": network.encoder.name,
        "config": network.config.model_dump_json(),
        "facts": json.dumps(facts or {}),
    }
    tensors = {key: _compact(key, value.detach().cpu().contiguous()) for key, value in network.state_dict().items()}
    content = _in_order(to_bytes(tensors, header))
    try:
        _write(content, path)
    except OSError as error:
        raise ModelError(
            f"The model could not be written to {path} ({error.strerror or error}): make room or choose another folder."
        ) from error
    return hashlib.sha256(content).hexdigest()


@torch.no_grad()
def round_as_saved(network: MFRNet) -> None:
    """Give the network the very weights its checkpoint will hold, so that what was calibrated is what is loaded."""
    for key, value in network.state_dict().items():
        value.copy_(_whole(_compact(key, value)))


def _compact(key: str, value: Tensor) -> Tensor:
    """Weights at half precision (finer than the bf16 they run in), which halves the file; statistics as they are."""
    if not key.startswith(HALF) or value.dtype != torch.float32 or float(value.abs().max()) > LARGEST_HALF:
        return value
    return value.half()


def _in_order(content: bytes) -> bytes:
    """The same file with its header in alphabetical order: it comes in a random one, but the same model must have the
    same hash."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path) -> MFRNet:
    """Read a network, ready to infer on the CPU.

    Raises:
        ModelError: the file is missing, foreign, damaged, too large, of a newer version, or its parts do not fit.
    """
    header, state = _read(path)
    try:
        config = MFRNetConfig.model_validate_json(header.get("config", ""))
    except ValidationError as error:
        raise ModelError(f"{path} names settings no MFRNet can have: teach the fabric again.") from error
    own = "encoder."
    trunk = {key.removeprefix(own): value for key, value in state.items() if key.startswith(own)}
    encoder = encoder_from_state(header.get("encoder", ""), trunk, source=str(path))
    network = MFRNet(config, encoder)
    _check(network.state_dict(), state, path)
    network.load_state_dict(state)
    return network.eval()


def read_facts(path: Path) -> Facts:
    """The facts a network was saved with, and ``encoder``; the weights are not read.

    Raises:
        ModelError: as :func:`load`.
    """
    header = _header(path)
    try:
        facts = json.loads(header.get("facts", "{}"))
    except ValueError as error:
        raise ModelError(f"{path} holds facts that cannot be read: the file is damaged, teach again.") from error
    if not isinstance(facts, dict) or not all(isinstance(value, str | int | float) for value in facts.values()):
        raise ModelError(f"{path} holds facts that cannot be read: the file is damaged, teach again.")
    return {"encoder": header.get("encoder", ""), **facts}


def _header(path: Path) -> dict[str, str]:
    return _read(path, with_tensors=False)[0]


def _read(path: Path, with_tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"There is no model file {path}: teach the fabric, or restore the file.")
    if path.stat().st_size > LARGEST_BYTES:
        raise ModelError(f"{path} is larger than any model (1 GiB): it is no checkpoint of this station.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = dict(file.metadata() or {})
            _check_header(header, path)
            state = {key: _whole(file.get_tensor(key)) for key in file.keys()} if with_tensors else {}  # noqa: SIM118
    except PermissionError as error:
        raise ModelError(f"The model file {path} may not be read: change its permissions.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged or no checkpoint of this station: teach again or restore it.") from error
    return header, state


def _whole(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def _check_header(header: dict[str, str], path: Path) -> None:
    if header.get("format") != FORMAT:
        raise ModelError(f"{path} is no MFRNet checkpoint: choose a model that this station taught.")
    if header.get("version") != str(VERSION):
        raise ModelError(
            f"{path} has checkpoint version {header.get('version')}, this station reads {VERSION}: upgrade the station."
        )


def _check(own: dict[str, Tensor], given: dict[str, Tensor], path: Path) -> None:
    if own.keys() != given.keys():
        odd = sorted(own.keys() ^ given.keys())[0]
        raise ModelError(f"{path} does not fit its own settings (at {odd}): the file is damaged, teach again.")
    for key, value in own.items():
        if given[key].shape != value.shape or given[key].dtype != value.dtype:
            raise ModelError(
                f"{path} holds {key} as {list(given[key].shape)} where {list(value.shape)} is needed: teach again."
            )
        if value.is_floating_point() and not bool(torch.isfinite(given[key]).all()):
            raise ModelError(f"{path} holds values that are not numbers in {key}: the file is damaged, teach again.")
