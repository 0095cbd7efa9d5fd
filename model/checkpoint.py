"""This module saves and loads taught networks: safetensors with a header, the encoder's weights included.

A file is data: no pickle is read and no code in it is run, whatever its name.  What a file claims is compared with what
it is before memory is allocated for it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from model.durable import durable_file
from model.encoder import encoder_from_state
from model.errors import ModelError
from model.long import LongLook
from model.mfrnet import MFRNet, MFRNetConfig
from model.pattern.scores import Pattern

FORMAT = "mfrnet"
VERSION, WITH_PATTERN = 3, 4
METADATA_BEFORE = "facts"
"""Files made before version 0.2 of the station have their metadata under this name in the header."""
READABLE = {"1", "2", "3", "4"}  # 1 had no hash, mostly no share of the pixel term; 2 no broad looks; 3 no pattern
LARGEST_BYTES = 256 << 20
LARGEST_HEADER_BYTES = 1 << 20
TRUNK = "encoder."
HALF = (TRUNK, "restoration.")
LONG = "long."
PATTERN = "pattern."
LARGEST_SIZE = 16
LARGEST_HALF = 6e4
DTYPES = {"F16", "F32", "I64"}

Metadata = dict[str, str | int | float]


def save(network: MFRNet, path: Path, metadata: Metadata | None = None) -> str:
    """Write a network to ``path``, completely or not at all.

    Only the owner may read it (mode 0600): a model shows what cloth its maker weaves, and only the station uses it.

    Args:
        metadata: what should be known about it later (fabric, seed, threshold …).

    Returns:
        SHA-256 of the file, 64 hex digits.

    Raises:
        ModelError: the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": str(WITH_PATTERN if any(one.pattern for one in (network, *network.broad.values())) else VERSION),
        "encoder": network.encoder.name,
        "config": network.config.model_dump_json(),
        "broad": json.dumps({str(size): one.config.model_dump_json() for size, one in network.broad.items()}),
        "metadata": json.dumps(metadata or {}),
    }
    tensors = _saved_state(network)
    for size, one in network.broad.items():
        own = _saved_state(one).items()
        tensors |= {_prefix(size) + key: value for key, value in own if not key.startswith(TRUNK)}
        tensors |= _arrays(_prefix(size) + PATTERN, one.pattern)
    tensors |= _arrays(LONG, network.long) | _arrays(PATTERN, network.pattern)
    content = sealed(to_bytes(tensors, header))
    try:
        _write(content, path)
    except OSError as error:
        raise ModelError(
            f"The model could not be written to {path} ({error.strerror or error}): make room or choose another folder."
        ) from error
    return hashlib.sha256(content).hexdigest()


def _saved_state(network: MFRNet) -> dict[str, Tensor]:
    return {key: _compact(key, value.detach().cpu().contiguous()) for key, value in network.state_dict().items()}


def _arrays(prefix: str, arrays: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    return {prefix + key: torch.from_numpy(value.copy()) for key, value in arrays.items()}


def _prefix(size: int) -> str:
    return f"broad{size}."


@torch.no_grad()
def round_as_saved(network: MFRNet) -> None:
    """Give the network exactly the weights its checkpoint will hold, so that what was calibrated is what is loaded."""
    for key, value in network.state_dict().items():
        value.copy_(_whole(_compact(key, value)))


def _compact(key: str, value: Tensor) -> Tensor:
    """Return weights at half precision (finer than the bf16 they run in), which halves the file; keep statistics."""
    if not key.startswith(HALF) or value.dtype != torch.float32 or float(value.abs().max()) > LARGEST_HALF:
        return value
    return value.half()


def sealed(content: bytes) -> bytes:
    """Return the same file with the hash of its weights in its header, and the header in alphabetical order.

    Its order is random otherwise, but the same model must have the same hash.
    """
    start = _start_of_weights(content[:8])
    header = json.loads(content[8:start])
    header["__metadata__"]["sha256"] = hashlib.sha256(content[start:]).hexdigest()
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def _start_of_weights(first_bytes: bytes) -> int:
    return 8 + int.from_bytes(first_bytes, "little")


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with durable_file(path) as out:
        out.write(content)


def load(path: Path) -> MFRNet:
    """Read a network, ready to infer on the CPU.

    Raises:
        ModelError: the file is missing, foreign, damaged, too large, of a newer version, or its parts do not fit.
    """
    header, state = _read(path)
    try:
        long = {key: value.numpy() for key, value in _take(state, LONG).items()}
        if long:
            LongLook.from_arrays(long)
        pattern = _pattern(state)
        broad = _broad_configs(header)
        states = {size: _take(state, _prefix(size)) for size in broad}
        network = _build(header, state, path)
        network.pattern = pattern
        _check(network.state_dict(), state, path)
        for size, config in broad.items():
            one = MFRNet(config, network.encoder)
            one.pattern = _pattern(states[size])
            states[size] |= {key: value for key, value in state.items() if key.startswith(TRUNK)}
            _check(one.state_dict(), states[size], path)
            network.broad[size] = one
    except ValidationError as error:
        raise ModelError(f"{path} names settings no MFRNet can have: teach the fabric again.") from error
    except (RuntimeError, ValueError, OverflowError) as error:  # numbers beyond what torch can hold
        raise ModelError(f"{path} does not fit its own settings: the file is damaged, teach again.") from error
    network.load_state_dict(state)
    network.long = long
    for size, one in network.broad.items():
        one.load_state_dict(states[size])
        one.eval()
    return network.eval()


def _broad_configs(header: dict[str, str]) -> dict[int, MFRNetConfig]:
    """Return the settings of each broad look.  Raises ValueError (ValidationError too) where they make no sense."""
    named = json.loads(header.get("broad", "{}"))
    if not isinstance(named, dict):
        raise ValueError("the broad looks are no list")
    configs = {int(size): MFRNetConfig.model_validate_json(str(config)) for size, config in named.items()}
    if not all(1 < size <= LARGEST_SIZE for size in configs):
        raise ValueError("a broad look of no known size")
    return configs


def _pattern(state: dict[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Take the pattern out of a state.  Raises ValueError where its parts do not fit together."""
    arrays = {key: value.numpy() for key, value in _take(state, PATTERN).items()}
    if arrays:
        Pattern.from_arrays(arrays)
    return arrays


def _take(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Take the tensors of this prefix out of a state; return them without it."""
    return {key.removeprefix(prefix): state.pop(key) for key in list(state) if key.startswith(prefix)}


def _build(header: dict[str, str], state: dict[str, Tensor], path: Path) -> MFRNet:
    """Build a network of the sizes the file claims."""
    config = MFRNetConfig.model_validate_json(header.get("config", ""))
    if "pixel_share" not in config.model_fields_set:  # taught when both terms counted equally
        config = config.model_copy(update={"pixel_share": 0.5})
    trunk = {key.removeprefix(TRUNK): value for key, value in state.items() if key.startswith(TRUNK)}
    name = header.get("encoder", "")
    return MFRNet(config, encoder_from_state(name, trunk, source=str(path)))


def read_metadata(path: Path) -> Metadata:
    """Return the metadata a network was saved with, and ``encoder``; the weights are not read.

    Raises:
        ModelError: as :func:`load`.
    """
    header, _ = _read(path, with_tensors=False)
    try:
        metadata = json.loads(header.get("metadata", header.get(METADATA_BEFORE, "{}")), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} holds metadata that cannot be read: the file is damaged, teach again.") from error
    if not isinstance(metadata, dict) or not all(isinstance(value, str | int | float) for value in metadata.values()):
        raise ModelError(f"{path} holds metadata that cannot be read: the file is damaged, teach again.")
    return {**metadata, "encoder": header.get("encoder", "")}


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def precision_warning(path: Path, precision: str) -> str | None:
    """Return a sentence for the operator if the model now runs in another precision than its threshold was found in.

    Raises:
        ModelError: as :func:`load`.
    """
    found = read_metadata(path).get("precision", precision)
    if found == precision:
        return None
    return (
        f"This model's threshold was found in {found}, but it now runs in {precision}: scores differ a little, so "
        "look at the threshold on the tuning page, or teach again on this machine."
    )


def _read(path: Path, with_tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"There is no model file {path}: teach the fabric, or restore the file.")
    if path.stat().st_size > LARGEST_BYTES:
        raise ModelError(
            f"{path} is larger than any model ({LARGEST_BYTES >> 20} MiB): it is no checkpoint of this station."
        )
    try:
        _check_claim(path)
        with safe_open(path, framework="pt", device="cpu") as file:
            header = dict(file.metadata() or {})
            _check_header(header, path)
            state = {}
            if with_tensors:
                _check_hash(header, path)
                names = list(file.keys())
                if not {file.get_slice(name).get_dtype() for name in names} <= DTYPES:
                    raise ValueError("numbers of a kind that no checkpoint has")
                state = {name: _whole(file.get_tensor(name)) for name in names}
    except PermissionError as error:
        raise ModelError(f"The model file {path} may not be read: change its permissions.") from error
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged or no checkpoint of this station: teach again or restore it.") from error
    return header, state


def _check_claim(path: Path) -> None:
    """Raise ValueError if the header claims to be longer than a checkpoint's is."""
    with path.open("rb") as file:
        if not 0 < int.from_bytes(file.read(8), "little") <= LARGEST_HEADER_BYTES:
            raise ValueError("the header's claimed length is impossible")


def _check_hash(header: dict[str, str], path: Path) -> None:
    """Raise ValueError if the weights are not those that were saved."""
    if header["version"] == "1":
        return
    with path.open("rb") as file:
        file.seek(_start_of_weights(file.read(8)))
        if hashlib.file_digest(file, "sha256").hexdigest() != header.get("sha256"):
            raise ValueError("the weights are not those that were saved")


def _whole(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def _check_header(header: dict[str, str], path: Path) -> None:
    if header.get("format") != FORMAT:
        raise ModelError(f"{path} is no MFRNet checkpoint: choose a model that this station taught.")
    if header.get("version") not in READABLE:
        raise ModelError(
            f"{path} has checkpoint version {header.get('version')}, this station reads up to {VERSION}: upgrade the "
            "station."
        )


def _check(own: dict[str, Tensor], given: dict[str, Tensor], path: Path) -> None:
    if own.keys() != given.keys():
        odd = sorted(own.keys() ^ given.keys())[0]
        raise ModelError(f"{path} does not fit its own settings (at {odd}): the file is damaged, teach again.")
    for key, value in own.items():
        if given[key].shape != value.shape or given[key].dtype != value.dtype:
            raise ModelError(f"{path} holds {key} as {_kind(given[key])} where {_kind(value)} is needed: teach again.")
        if value.is_floating_point() and not bool(torch.isfinite(given[key]).all()):
            raise ModelError(f"{path} holds values that are not numbers in {key}: the file is damaged, teach again.")


def _kind(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
