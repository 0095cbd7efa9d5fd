"""This module reads weight files safely (it runs no pickle and trusts no claimed size), downloads them once and checks
them."""

from __future__ import annotations

import hashlib
import io
import pickletools
import urllib.request
import zipfile
from pathlib import Path
from typing import BinaryIO

import platformdirs
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.durable import durable_file
from model.errors import ModelError

PUBLISHED_VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
PUBLISHED_VGG16_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
LARGEST_BYTES = 1 << 30  # the full VGG16 file has 0.53 GB
LARGEST_INDEX_BYTES = 1 << 20  # names and shapes of the tensors: a few KiB

_DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}  # int64: counts of batches
# All that the pickle of a state dict names, in torch's current format and in that of 2017 (the published VGG16's).
# torch allows more even where it reads weights only, such as what fills memory: bytearray(10 ** 11).
_NAMES = {
    "collections OrderedDict",
    "torch.nn.parameter Parameter",
    *(f"torch._utils _rebuild_{what}" for what in ("tensor", "tensor_v2", "parameter")),
    *(
        f"{where} {kind}{what}"
        for where in ("torch", "torch.cuda")
        for kind in ("Half", "BFloat16", "Float", "Double", "Long")
        for what in ("Storage", "Tensor")
    ),
}
_PICKLES_BEFORE_ZIP = 5  # magic number, protocol, system, tensors, storages: torch's format until 1.5


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` or torch (``.pth``, ``.pt``) state dict.

    Returns:
        Dense CPU tensors of float16, bfloat16, float32, float64 or int64, as the file has them.

    Raises:
        ModelError: the file is missing, too large, truncated or no state dict, or claims more than it holds.
    """
    try:
        if not path.is_file():
            raise ModelError(f"There is no weight file {path}: check the path.")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise ModelError(f"{path} is larger than any encoder's weights (1 GiB): give an encoder's weight file.")
        return _plain(_safetensors(path) if path.suffix == ".safetensors" else _unpickled(path), size)
    except ModelError:
        raise
    except PermissionError as error:
        raise ModelError(f"The weight file {path} may not be read: change its permissions.") from error
    except MemoryError as error:
        raise ModelError(
            f"There is too little memory to read {path}: close other programs, or give a good copy."
        ) from error
    except OSError as error:
        raise ModelError(f"The weight file {path} could not be read ({error.strerror or error}).") from error
    except Exception as error:  # torch may raise anything on unknown bytes
        raise ModelError(
            f"{path} is damaged or not a plain state dict of tensors: give a good copy of an encoder's weight file."
        ) from error


def _plain(held: object, size: int) -> dict[str, Tensor]:
    """Return the state dict; raise ValueError if it is none or its tensors claim more than the file (``size``)."""
    if not isinstance(held, dict) or not held:
        raise ValueError("no state dict")
    state: dict[str, Tensor] = {}
    storages: dict[int, int] = {}
    for key, value in dict.items(held):  # the file may have given an OrderedDict an ``items`` of its own
        if not isinstance(key, str) or not isinstance(value, Tensor) or value.dtype not in _DTYPES:
            raise ValueError("no state dict of numbers")
        storage = value.untyped_storage()
        if value.nbytes > storage.nbytes():
            raise ValueError("a tensor that repeats its numbers")
        storages[storage.data_ptr()] = storage.nbytes()
        state[key] = value
    if sum(storages.values()) > size:
        raise ValueError("more numbers than the file has")
    return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; raise ValueError if the index claims to be longer than a trunk's is."""
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > LARGEST_INDEX_BYTES:
            raise ValueError("the index's claimed length is impossible")
    return load_file(path)


def _unpickled(path: Path) -> object:
    """Return what torch unpickles, after a check of what it will be told to do; raise ValueError or torch's errors."""
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"  # as torch tells its formats apart
        file.seek(0)
        if zipped:
            return torch.load(_repacked(file), "cpu", weights_only=True)
        index = io.BytesIO(file.read(LARGEST_INDEX_BYTES))
        for _ in range(_PICKLES_BEFORE_ZIP):
            _check_pickle(index)
        file.seek(0)
        return torch.load(file, "cpu", weights_only=True)


def _repacked(file: BinaryIO) -> BinaryIO:
    """Return a copy of the zip's checked members: in the file itself, torch's reader might find others."""
    copy = io.BytesIO()
    with zipfile.ZipFile(file) as given, zipfile.ZipFile(copy, "w") as stored:
        members = given.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED or one.compress_size != one.file_size for one in members):
            raise ValueError("compressed, as torch never writes it")
        if sum(one.file_size for one in members) > LARGEST_BYTES:
            raise ValueError("members that overlap")
        for name in dict.fromkeys(given.namelist()):
            content = given.read(name)
            if name.lower().endswith(".pkl"):
                _check_pickle(io.BytesIO(content[:LARGEST_INDEX_BYTES]))
            stored.writestr(name, content)
    copy.seek(0)
    return copy


def _check_pickle(index: BinaryIO) -> None:
    """Read to the pickle's end without running it; raise ValueError if it has no end or names anything unexpected."""
    for opcode, argument, _ in pickletools.genops(index):
        if opcode.name == "GLOBAL" and argument not in _NAMES:
            raise ValueError(f"no state dict has {argument}")


def published_vgg16(cache: Path | None = None) -> Path:
    """Return the published torchvision VGG16 file, downloaded into the user's cache at the first call.

    Raises:
        ModelError: it can be neither found nor downloaded, or is not the published file.
    """
    folder = cache or Path(platformdirs.user_cache_dir("fabric-inspection-station"))
    path = folder / PUBLISHED_VGG16_URL.rsplit("/", 1)[-1]
    if not path.is_file():
        _download(PUBLISHED_VGG16_URL, path)
    return path


def _download(url: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with durable_file(path) as out, urllib.request.urlopen(url, timeout=30) as answer:
            while chunk := answer.read(1 << 20):
                digest.update(chunk)
                out.write(chunk)
            if digest.hexdigest() != PUBLISHED_VGG16_SHA256:
                raise ModelError(
                    f"What {url} delivered is not the published VGG16 file: get it by hand and name it as the weights "
                    "file."
                )
    except OSError as error:  # URLError is one
        raise ModelError(
            f"VGG16's published weights could not be downloaded from {url} to {path.parent} ({error}): connect to the "
            "network, or name a weights file."
        ) from error
