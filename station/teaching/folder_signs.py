"""This module notices that a folder to be taught from is not good cloth all over, such as a data set's root.

Several signs are looked for, each by itself enough: what folders and files are called, and what pictures look like.
Folders by day, lot, loom or camera show none of them.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.images import read_image

LOOKED_AT, LOOKED_AT_EACH, LOOK_S = 120, 6, 10.0
"""So many pictures are looked at in all, so many of each folder, evenly, and no longer than this."""
FEW_LEVELS, NEAR_AN_END, MOST_AT_ENDS, PATCHY = 12, 0.08, 0.98, 0.03
"""A mask has a few levels, or nearly all its pixels near the darkest or brightest, and seldom changes from a pixel to
the next; yarns change all the time."""
NAMED = 4


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MASKS = _set(
    "mask masks label labels groundtruth annotation annotations segmentation segmentations "
    "maske masken masque masques mascara máscara máscaras mascaras maschera maschere maska maskeler"
)
_MASKS_ALONE = _set("gt gts seg segs truth annot annots")
_FLAWED = _set(
    "defect defects defective anomaly anomalies anomalous abnormal abnormals fault faults faulty flaw flaws flawed "
    "reject rejects rejected damaged defekt defekte fehler fehlerhaft ausschuss défaut défauts defaut defauts "
    "defecto defectos difetto difetti kusur kusurlu hata hatalı wada wady"
)
_FLAWED_ALONE = _set("bad ng nok ko fail failed scrap")
_NEUTRAL = _set("image images img imgs picture pictures photo photos cloth fabric fabrics sample samples")
_GOOD = _set("good ok okay normal normals golden faultless flawless gut bon buono bueno iyi pass passed 良品 正常 合格")
_MASKS_WITHIN, _FLAWED_WITHIN = (
    ("掩码", "掩膜", "标注", "标签"),
    ("缺陷", "不良", "瑕疵", "次品", "不合格", "异常", "異常", "ng品"),
)
_NOT_WITHIN = ("无", "無", "なし", "没有")
"""These are written without blanks between words."""
_NOT = _set("no non not without free zero 0 ohne kein keine sans sin senza bez")
_KINDS = _set(
    "hole holes stain stains spot spots scratch scratches cut cuts tear tears broken crack cracks oil slub slubs knot "
    "knots fold folds wrinkle wrinkles crease creases contamination bent poke squeeze "
    "missing foreign snag snags burn misprint dirt dirty fray frayed rub rubs float floats"
)
_PLAIN_KINDS = _set(
    "hole holes stain stains scratch scratches tear tears crack cracks slub slubs snag snags misprint dirt"
)
"""Two folders side by side with nothing else in their names are kinds of flaws without good cloth beside them."""
_TRAINS, _TESTS = _set("train training"), _set("test testing val valid validation")
_PARTNER = re.compile(r"[ _-](?:mask|label|gt|seg|annotation|ground[ _-]?truth)s?$", re.IGNORECASE)

Pixels = NDArray[np.uint8]
Picture = tuple[str, Path]
"""A picture is its POSIX path within the folder given, and its file."""


def folders_of(names: Iterable[str]) -> dict[str, int]:
    """Count pictures by folder, in the order met; '.' is the folder given."""
    return dict(Counter(PurePosixPath(name).parent.as_posix() for name in names))


def doubts(root: Path, pictures: Sequence[Picture]) -> list[str]:
    """Return in words what in a folder does not seem to be good cloth, a sign each; empty if all does.

    Args:
        root: the folder given; its own name counts as well.
    """
    names = [name for name, _ in pictures]
    folders = [PurePosixPath(folder) for folder in folders_of(names)]
    known = {
        "masks, by the folder's name": _named(folders, _is_masks) or _root(root, _is_masks),
        "flawed cloth, by the folder's name": _flawed(folders) or _root(root, _is_flawed),
        "masks, by the file's name": _partners(names),
    }
    found = {sign: places for sign, places in known.items() if places}
    if not found and (masks := _like_masks(pictures)):
        found["masks, by their look (few grey levels in large patches)"] = masks
    return [f"{sign}: {_listed(places)}" for sign, places in found.items()]


def _listed(places: Sequence[str]) -> str:
    more = len(places) - NAMED
    return ", ".join(places[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _words(name: str) -> list[str]:
    """Split a folder's name into words: ``Ground_Truth-2`` gives ground, truth; ``NODefect`` gives no, defect."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[^\W\d_]+|^0(?= (?:def|fault|flaw|fehler))", apart.lower())


def _is_masks(name: str) -> bool:
    words = _words(name)
    if any(sign in name for sign in _MASKS_WITHIN):
        return True
    return not _MASKS.isdisjoint(words) or "".join(words) in _MASKS or _alone(words, _MASKS_ALONE)


def _is_flawed(name: str) -> bool:
    words = _words(name)
    if any(sign in name.lower() for sign in _FLAWED_WITHIN):
        return not any(sign in name for sign in _NOT_WITHIN)
    if not _NOT.isdisjoint(words):
        return not _GOOD.isdisjoint(words)  # not good
    return not _FLAWED.isdisjoint(words) or _alone(words, _FLAWED_ALONE)


def _is_good(name: str) -> bool:
    words = _words(name)
    if not _NOT.isdisjoint(words):
        return not _FLAWED.isdisjoint(words)  # defect-free
    return not _GOOD.isdisjoint(words) or any(word.startswith(("nodef", "nondef")) for word in words)


def _is_kind(name: str) -> bool:
    return not _KINDS.isdisjoint(_words(name))


def _alone(words: Sequence[str], wanted: frozenset[str]) -> bool:
    """Say whether a word that may mean many things stands by itself: ``NG images``, but not ``NG-500 loom``."""
    rest = [word for word in words if word not in _NEUTRAL]
    return len(rest) == 1 and rest[0] in wanted


def _named(folders: Sequence[PurePosixPath], is_meant: Callable[[str], bool]) -> list[str]:
    return [folder.as_posix() for folder in folders if any(map(is_meant, folder.parts))]


def _root(root: Path, is_meant: Callable[[str], bool]) -> list[str]:
    """Return the given folder's own name if it is meant and says nothing else."""
    name = root.resolve().name
    words = [word for word in _words(name) if word not in _NEUTRAL]
    return [name] if is_meant(name) and (len(words) == 1 or "".join(words) in _MASKS) else []


def _flawed(folders: Sequence[PurePosixPath]) -> list[str]:
    """Return folders called flawed, or kinds of flaws beside good cloth, or whatever else a data set's test part has
    beside good cloth or has where there is a part for training."""
    below: dict[PurePosixPath, set[str]] = {}
    for folder in folders:
        for part in (folder, *folder.parents):
            if part.name:
                below.setdefault(part.parent, set()).add(part.name)

    def is_flawed(part: PurePosixPath) -> bool:
        if _is_flawed(part.name):
            return True
        if _is_good(part.name):
            return False
        if part.name.lower() in _PLAIN_KINDS and len(_PLAIN_KINDS & set(map(str.lower, below[part.parent]))) > 1:
            return True
        beside_good = any(map(_is_good, below[part.parent]))
        in_test = not _TESTS.isdisjoint(_words(part.parent.name))
        return (beside_good and (in_test or _is_kind(part.name))) or (in_test and beside_training(part.parent))

    def beside_training(part: PurePosixPath) -> bool:
        return any(not _TRAINS.isdisjoint(_words(name)) for name in below[part.parent])

    def is_unsorted_test(folder: PurePosixPath) -> bool:
        return not _TESTS.isdisjoint(_words(folder.name)) and beside_training(folder)

    flawed = []
    for folder in folders:
        parts = [part for part in (folder, *folder.parents) if part.name]
        if any(map(is_flawed, parts)) or (parts and is_unsorted_test(folder)):
            flawed.append(folder.as_posix())
    return flawed


def _partners(names: Sequence[str]) -> list[str]:
    """Return files called like another with ``_mask``, ``_GT`` or the like behind it, such as ``12_GT.png``."""
    stems = {PurePosixPath(name).stem.lower() for name in names}
    ends = [(name, _PARTNER.split(PurePosixPath(name).stem)) for name in names]
    return [name for name, parts in ends if len(parts) == 2 and parts[0].lower() in stems]


def _like_masks(pictures: Sequence[Picture]) -> list[str]:
    """Return the pictures that look like masks, of those looked at, if others do not."""
    until = time.monotonic() + LOOK_S
    masks, others = [], 0
    for name, file in _sample(pictures):
        if time.monotonic() > until:
            break
        try:
            pixels = read_image(file, 3).max(axis=2)
        except CameraError:
            continue  # whoever plays the folder says it better
        if is_like_mask(pixels):
            masks.append(name)
        else:
            others += 1
    return masks if others else []


def is_like_mask(pixels: Pixels) -> bool:
    """Say whether a grey picture uint8 ``[h, w]`` has few levels in large patches, and is not of one level only."""
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        return False  # a black or white picture may be the gap between two pieces of cloth
    if np.count_nonzero(np.bincount(pixels.ravel(), minlength=256)) <= FEW_LEVELS:
        levels = pixels
    else:
        near = NEAR_AN_END * (high - low)
        if np.mean((pixels <= low + near) | (pixels >= high - near)) < MOST_AT_ENDS:
            return False
        levels = (pixels > (low + high) / 2).astype(np.uint8)
    changes = [np.mean(levels[1:] != levels[:-1]), np.mean(levels[:, 1:] != levels[:, :-1])]
    return bool(max(changes) < PATCHY)


def _sample(pictures: Sequence[Picture]) -> list[Picture]:
    """Choose pictures of every folder, evenly."""
    by_folder: dict[str, list[Picture]] = {}
    for name, file in pictures:
        by_folder.setdefault(PurePosixPath(name).parent.as_posix(), []).append((name, file))
    each = [some[at] for some in by_folder.values() for at in _even(len(some), LOOKED_AT_EACH)]
    return [each[at] for at in _even(len(each), LOOKED_AT)]


def _even(count: int, most: int) -> list[int]:
    return [int(at) for at in np.linspace(0, count - 1, min(count, most)).round()]
