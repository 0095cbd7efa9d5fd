"""Weight files: read safely (no pickle is ever run), downloaded once, checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from pathlib import Path

import platformdirs
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.errors import ModelError

PUBLISHED_VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
PUBLISHED_VGG16_SHA256_PREFIX = "397923af"
LARGEST_BYTES = 1 << 30  # the full VGG16 file has 0.53 GB


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` or torch (``.pth``, ``.pt``) state dict, floating ones as float32.

    Raises:
        ModelError: the file is missing, too large, truncated or no state dict.
    """
    if not path.is_file():
        raise ModelError(f"There is no weight file {path}: check the path.")
    if path.stat().st_size > LARGEST_BYTES:
        raise ModelError(f"{path} is larger than any encoder's weights (1 GiB): give an encoder's weight file.")
    try:
        held = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except PermissionError as error:
        raise ModelError(f"The weight file {path} may not be read: change its permissions.") from error
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged or no weight file: replace it by a good copy.") from error
    except Exception as error:  # torch raises pickle.UnpicklingError and whatever the stranger's bytes provoke
        raise ModelError(f"{path} is not a plain state dict of tensors: give an encoder's weight file.") from error
    return _plain(held, path)


def _plain(held: object, path: Path) -> dict[str, Tensor]:
    if not isinstance(held, dict) or not held or not all(isinstance(value, Tensor) for value in held.values()):
        raise ModelError(f"{path} is not a plain state dict of tensors: give an encoder's weight file.")
    return {str(key): value.float() if value.is_floating_point() else value for key, value in held.items()}


def published_vgg16(cache: Path | None = None) -> Path:
    """The published torchvision VGG16 file, downloaded into the user's cache at the first call.

    Raises:
        ModelError: it can be neither found nor downloaded, or is not the published file.
    """
    folder = cache or Path(platformdirs.user_cache_dir("fabric-inspection-station"))
    path = folder / PUBLISHED_VGG16_URL.rsplit("/", 1)[-1]
    if not path.is_file():
        _download(PUBLISHED_VGG16_URL, path)
    return path


def _download(url: str, path: Path) -> None:
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        partial = Path(name)
        with os.fdopen(handle, "wb") as out, urllib.request.urlopen(url, timeout=30) as answer:
            while chunk := answer.read(1 << 20):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if not digest.hexdigest().startswith(PUBLISHED_VGG16_SHA256_PREFIX):
            raise ModelError(
                f"What {url} delivered is not the published VGG16 file: get it by hand and name it as the weights file."
            )
        partial.replace(path)
    except OSError as error:  # URLError is one
        raise ModelError(
            f"VGG16's published weights could not be downloaded from {url} to {path.parent} ({error}): connect to the "
            "network, or name a weights file."
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
