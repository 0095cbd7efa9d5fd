"""This module reads and writes recipe bundles: one file with a recipe and its model, for another station.

A bundle is a ZIP file of three members that are stored as they are: ``bundle.json`` with format, version and hashes,
``recipe.json`` and ``model.safetensors``.  A bundle from outside is believed in nothing: only these members, only
plain files, nothing packed, no more bytes than the file has, and hashes, numbers and shapes that hold.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from model.checkpoint import LARGEST_BYTES, load
from model.durable import AS_UMASK_ALLOWS, durable_file
from model.errors import ModelError
from model.mfrnet import MFRNet
from station.recipe import Recipe
from station.records.rows import RecordsError

FORMAT = "station recipe"
VERSION = 1
LIST, RECIPE, MODEL = "bundle.json", "recipe.json", "model.safetensors"
MEMBERS = {LIST: 64 << 10, RECIPE: 16 << 20, MODEL: LARGEST_BYTES}
"""The members of a bundle, and how many bytes each has at most."""
LARGEST_FILE = sum(MEMBERS.values()) + (1 << 20)
EPOCH = (1980, 1, 1, 0, 0, 0)
"""All members have this time, so that the same recipe makes the same bundle."""
NO_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, ValueError,
    OverflowError, LookupError,
)  # fmt: skip
"""Python's reader raises these for bytes that are no whole ZIP file, or one of a kind it does not know."""


class Bundle(NamedTuple):
    """A bundle read and checked: the recipe as it was there, and its model's file in the scratch folder."""

    recipe: Recipe
    model: Path


def write_bundle(file: Path, recipe: Recipe, model: Path) -> None:
    """Write a recipe and its model as one file, completely or not at all.  Raises OSError."""
    body = recipe.model_dump_json().encode()
    members = {RECIPE: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}}
    with model.open("rb") as stream:
        members[MODEL] = {"bytes": model.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    told = {"format": FORMAT, "version": VERSION, "fabric": recipe.fabric, "members": members}
    with (
        durable_file(file, mode=AS_UMASK_ALLOWS) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as bundle,
    ):
        bundle.writestr(_member(LIST), json.dumps(told, sort_keys=True))
        bundle.writestr(_member(RECIPE), body)
        with model.open("rb") as stream, bundle.open(_member(MODEL), "w", force_zip64=True) as copy:
            shutil.copyfileobj(stream, copy)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, EPOCH)
    member.external_attr = (stat.S_IFREG | 0o600) << 16
    return member


def read_bundle(file: Path, scratch: Path) -> Bundle:
    """Read and check a bundle; its model is put into the folder ``scratch``, which must be empty.

    Raises:
        RecordsError: the bundle is refused; one sentence says why.
        OSError: the scratch folder cannot be written to.
    """
    try:
        if not file.is_file():
            raise RecordsError(f"There is no recipe bundle {file}; name a file that `station export-recipe` made.")
        if file.stat().st_size > LARGEST_FILE:
            raise _refused(file, "is larger than any recipe bundle")
        with zipfile.ZipFile(file) as bundle:
            members = _members(file, bundle)
            told = _json(file, LIST, _content(file, bundle, members[LIST]))
            hashes = _hashes(file, told)
            body = _content(file, bundle, members[RECIPE])
            _check_hash(file, RECIPE, body, hashes)
            model = scratch / MODEL
            content = _content(file, bundle, members[MODEL])
    except OSError as error:
        raise RecordsError(f"The recipe bundle {file} cannot be read: {error.strerror or error}.") from error
    except NO_ZIP as error:
        raise _refused(file, "is no recipe bundle, or was cut off or damaged") from error
    _check_hash(file, MODEL, content, hashes)
    recipe = _recipe(file, _json(file, RECIPE, body))
    if recipe.model_sha256 != hashes[MODEL]:
        raise _refused(file, "holds another model than its recipe was taught with")
    model.write_bytes(content)
    try:
        network = load(model)
    except ModelError as error:
        text = str(error).replace(str(model), f"its {MODEL}")
        raise _refused(file, f"holds a model that cannot be used ({text.rstrip('.')})") from error
    _check_fit(file, recipe, network)
    return Bundle(recipe, model)


def _members(file: Path, bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name.  Raises RecordsError unless they are exactly those of a bundle, plain and stored."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in bundle.infolist():
        name = member.orig_filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise _refused(file, f"holds a path that leads out of its folder ({name[:64]!r})")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise _refused(file, f"holds a link ({name[:64]!r}), and a bundle has none")
        if name not in MEMBERS:
            raise _refused(file, f"holds {name[:64]!r}, which no bundle has")
        if name in members:
            raise _refused(file, f"holds {name} twice")
        if member.flag_bits & 1 or member.compress_type != zipfile.ZIP_STORED:
            raise _refused(file, f"has {name} packed or locked, and a bundle is neither")
        if member.file_size > MEMBERS[name] or member.file_size != member.compress_size:
            raise _refused(file, f"claims a size of {name} that no bundle has")
        members[name] = member
    if lacking := sorted(MEMBERS.keys() - members.keys()):
        raise _refused(file, f"lacks {lacking[0]}")
    if sum(member.file_size for member in members.values()) > file.stat().st_size:
        raise _refused(file, "claims more bytes than it has")
    return members


def _content(file: Path, bundle: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with bundle.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise _refused(file, f"has {member.filename} cut off")
    return content


def _json(file: Path, name: str, content: bytes) -> dict[str, Any]:
    """Return the object in a member.  Raises RecordsError if it is none, or if a number in it is none."""
    try:
        told = json.loads(content)
        if not _is_finite(told):
            raise _refused(file, f"has a number in {name} that is none (NaN or infinite)")
    except (ValueError, RecursionError) as error:
        raise _refused(file, f"has a {name} that cannot be read") from error
    if not isinstance(told, dict):
        raise _refused(file, f"has a {name} that says nothing")
    return told


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _hashes(file: Path, told: dict[str, Any]) -> dict[str, str]:
    if told.get("format") != FORMAT:
        raise _refused(file, "is none of a station")
    version = told.get("version")
    if not isinstance(version, int) or version < 1:
        raise _refused(file, "does not say its version")
    if version > VERSION:
        raise _refused(file, f"was made by a newer station (version {version}; this one knows up to {VERSION})")
    try:
        return {name: str(told["members"][name]["sha256"]) for name in (RECIPE, MODEL)}
    except (TypeError, KeyError, IndexError):
        raise _refused(file, "does not say the hashes of what it holds") from None


def _check_hash(file: Path, name: str, content: bytes, hashes: dict[str, str]) -> None:
    if hashlib.sha256(content).hexdigest() != hashes[name]:
        raise _refused(file, f"has a {name} that was changed: its hash is another")


def _recipe(file: Path, told: dict[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(told)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])[:64] or "recipe"
        if fault["type"] == "extra_forbidden":
            why = f"has a setting that this station does not know ({where!r}); a newer station may have made it"
        else:
            why = f"has a recipe that cannot be ({where!r}: {' '.join(fault['msg'].split())[:120]})"
        raise _refused(file, why) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise _refused(file, "has a recipe that cannot be") from error


def _check_fit(file: Path, recipe: Recipe, network: MFRNet) -> None:
    if recipe.encoder != network.encoder.name:
        raise _refused(file, f"has a recipe for the encoder {recipe.encoder[:32]!r}, but a model with another")
    if lacking := sorted({look.size for look in recipe.broad_on} - network.broad.keys()):
        raise _refused(file, f"has a recipe with a broad look of size {lacking[0]}, which its model lacks")
    if recipe.long_on is not None:
        if not network.long:
            raise _refused(file, "has a recipe with a long look, which its model lacks")
        try:
            recipe.long_on.limits()
        except ValueError as error:
            raise _refused(file, f"has a recipe whose long look cannot be ({error})") from error


def _refused(file: Path, why: str) -> RecordsError:
    return RecordsError(f"The recipe bundle {file} {why}; nothing was imported.")
