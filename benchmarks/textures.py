"""This module draws pictures for distillation: weaves, gratings, dead leaves, noise, with and without local flaws.

The light encoder learns from these what VGG16 answers to textures.  Nothing here was taken from photographs, and the
simulated rig draws nothing of it (the distilling script adds its cloth as a further source).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # [size, size] or [size, size, 3], about 0..1
Rng = np.random.Generator

# Interlacings: 1 where the warp lies on top.
_PLAIN = np.array([[1, 0], [0, 1]])
_BASKET = np.kron(_PLAIN, np.ones((2, 2), int))
_TWILL_22 = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]])
_TWILL_31 = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]])
_SATIN = np.array([[int((3 * i + j) % 5 != 0) for j in range(5)] for i in range(5)])
_SATIN_8 = np.array([[int((3 * i + j) % 8 == 0) for j in range(8)] for i in range(8)])
_HERRINGBONE = np.concatenate([np.tile(_TWILL_22, (1, 2)), np.tile(_TWILL_22, (1, 2))[:, ::-1]], axis=1)
_WEAVES = (_PLAIN, _PLAIN, _BASKET, _TWILL_22, _TWILL_31, _SATIN, _SATIN_8, _HERRINGBONE)


def _smooth_noise(rng: Rng, shape: tuple[int, int], scale_px: float, along: float = 1.0) -> Picture:
    """Draw noise of unit deviation with features of about ``scale_px`` (times ``along`` in the rows' direction)."""
    rows = max(2, int(shape[0] / (scale_px * along)) + 2)
    columns = max(2, int(shape[1] / scale_px) + 2)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _coordinates(rng: Rng, size: int) -> tuple[Picture, Picture]:
    """Return pixel coordinates across and along, turned, sheared and slightly bent."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.choice([0.0, 0.0, 0.5 * np.pi]) + rng.normal(0, 0.04) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    shear = rng.normal(0, 0.05)
    u = np.cos(angle) * x + np.sin(angle) * y
    v = -np.sin(angle) * x + np.cos(angle) * y + shear * x
    bend = rng.uniform(0, 1.5)
    return u + bend * _smooth_noise(rng, (size, size), size / 2), v + bend * _smooth_noise(rng, (size, size), size / 2)


def weave(rng: Rng, size: int) -> Picture:
    """Draw irregular yarns over and under each other by a random interlacing."""
    u, v = _coordinates(rng, size)
    pitch = float(np.exp(rng.uniform(np.log(1.8), np.log(16))))
    pitch_v = pitch * float(np.exp(rng.uniform(-0.5, 0.5)))
    irregular = rng.uniform(0.0, 0.25)
    u = u / pitch + irregular * _smooth_noise(rng, (size, size), pitch * 1.2, rng.uniform(2, 12))
    v = v / pitch_v + irregular * _smooth_noise(rng, (size, size), pitch_v * 1.2, rng.uniform(0.1, 0.5))
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    f, g = u - i - 0.5, v - j - 0.5
    pattern = _WEAVES[rng.integers(len(_WEAVES))]
    on_top = pattern[j % pattern.shape[0], i % pattern.shape[1]].astype(bool)
    roundness, dip = rng.uniform(0.3, 1.0), rng.uniform(0.0, 0.6)
    warp = 1 - roundness * (2 * f) ** 2 - dip * (2 * g) ** 2
    weft = 1 - roundness * (2 * g) ** 2 - dip * (2 * f) ** 2
    shade = np.where(on_top, warp * _yarns(rng, i, v), weft * _yarns(rng, j, u))
    return np.asarray(shade, np.float32)


def _yarns(rng: Rng, index: NDArray[np.int_], along: Picture) -> Picture:
    """Return the brightness of each yarn: its own tone, its slubs, perhaps a stripe repeat."""
    own = rng.normal(1, rng.uniform(0, 0.15), 4096)
    if rng.random() < 0.2:
        repeat = rng.uniform(0.3, 1.2, rng.integers(2, 24))
        own = own * np.repeat(repeat, rng.integers(1, 9))[np.arange(4096) % (repeat.size)]
    table = rng.normal(0, rng.uniform(0, 0.12), (256, 64)).astype(np.float32)
    table = np.asarray(cv2.GaussianBlur(table, (1, 5), sigmaX=0.1, sigmaY=1.0), np.float32)
    slub = table[index % 256, (along * rng.uniform(0.3, 2)).astype(int) % 64]
    return np.asarray(own[index % 4096] + slub, np.float32)


def gratings(rng: Rng, size: int) -> Picture:
    """Draw a few crossed waves of any pitch and angle with drifting phase; some squared."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    out = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(1, 4)):
        angle, pitch = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(2), np.log(64)))
        phase = rng.uniform(0, 1.5) * _smooth_noise(rng, (size, size), rng.uniform(8, size))
        wave = np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / pitch + phase)
        out += rng.uniform(0.2, 1) * (np.tanh(rng.uniform(1, 8) * wave) if rng.random() < 0.4 else wave)
    return out


def leaves(rng: Rng, size: int) -> Picture:
    """Draw dead leaves: discs, boxes and strokes of all sizes on top of each other, with statistics of photographs."""
    out = np.full((size, size, 3), rng.uniform(0, 1, 3), np.float32)
    for _ in range(rng.integers(20, 400)):
        radius = int(np.clip(2 / rng.random() ** 0.7, 1, size / 2))
        x, y = (int(c) for c in rng.integers(-radius, size + radius, 2))
        colour = tuple(float(c) for c in np.clip(rng.uniform(0, 1) + rng.normal(0, 0.12, 3), 0, 1))
        kind = rng.integers(4)
        if kind == 0:
            cv2.circle(out, (x, y), radius, colour, -1, cv2.LINE_AA)
        elif kind == 1:
            corners = cv2.boxPoints(((x, y), (2 * radius, rng.uniform(0.3, 2) * radius), rng.uniform(0, 180)))
            cv2.fillConvexPoly(out, corners.astype(np.int32), colour, cv2.LINE_AA)
        elif kind == 2:
            cv2.ellipse(
                out, (x, y), (radius, max(1, radius // 3)), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA
            )
        else:
            end = (int(x + rng.normal(0, 3 * radius)), int(y + rng.normal(0, 3 * radius)))
            cv2.line(out, (x, y), end, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    return out


def noise(rng: Rng, size: int) -> Picture:
    """Draw noise with a power-law spectrum, perhaps with a preferred direction, grey or coloured."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    stretch = np.exp(rng.normal(0, 0.7))
    radius = np.hypot(fy * stretch, fx / stretch) + 1 / size
    spectrum = radius ** -rng.uniform(0, 2.2)
    if rng.random() < 0.4:  # a band: cloth without a clear repeat
        centre = np.exp(rng.uniform(np.log(0.02), np.log(0.4)))
        spectrum = spectrum * (0.05 + np.exp(-((np.log(radius / centre) / rng.uniform(0.1, 0.6)) ** 2)))
    layers = 3 if rng.random() < 0.3 else 1
    planes = []
    for _ in range(layers):
        white = rng.standard_normal(spectrum.shape) + 1j * rng.standard_normal(spectrum.shape)
        planes.append(np.fft.irfft2(white * spectrum, s=(size, size)))
    stack = np.stack(planes, -1)
    stack = (stack - stack.mean()) / (stack.std() + 1e-9)
    return np.asarray(stack[..., 0] if layers == 1 else stack + stack.mean(-1, keepdims=True), np.float32)


def slopes(rng: Rng, size: int) -> Picture:
    """Draw a nearly flat picture: a gradient, a slow change of light, a little noise, sometimes an edge."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    out = rng.normal() * x + rng.normal() * y + rng.normal() * _smooth_noise(rng, (size, size), rng.uniform(32, size))
    if rng.random() < 0.5:
        angle, place = rng.uniform(0, np.pi), rng.uniform(-0.3, 1.2)
        steepness = rng.uniform(10, 200)
        out += rng.normal(0, 1) * (1 + np.tanh((np.cos(angle) * x + np.sin(angle) * y - place) * steepness))
    return np.asarray(out + rng.uniform(0, 0.3) * rng.standard_normal((size, size)), np.float32)


_SOURCES: tuple[tuple[Callable[[Rng, int], Picture], float], ...] = (
    (weave, 0.52), (gratings, 0.1), (leaves, 0.16), (noise, 0.14), (slopes, 0.08),
)  # fmt: skip


def _colour(picture: Picture) -> Picture:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _spread(picture: Picture) -> Picture:
    return np.asarray((picture - picture.mean()) / (picture.std() + 1e-3), np.float32)


def _streak(rng: Rng, size: int) -> tuple[Picture, Picture]:
    """Draw a line across the picture or a part of it: broken end, missing or double pick, scratch, loose thread."""
    mask = np.zeros((size, size), np.float32)
    width = int(rng.integers(1, 7))
    points = rng.uniform(0, size, 2)
    straight = rng.random() < 0.6
    length = np.exp(rng.uniform(np.log(8), np.log(size)))
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.03) if straight else rng.uniform(0, np.pi)
    steps = np.linspace(-length / 2, length / 2, 24)
    wander = np.zeros(24) if straight else np.cumsum(rng.normal(0, rng.uniform(0, 3), 24))
    path = points + np.stack(
        [np.cos(angle) * steps - np.sin(angle) * wander, np.sin(angle) * steps + np.cos(angle) * wander], 1
    )
    cv2.polylines(mask, [np.round(path).astype(np.int32)], False, 1.0, width, cv2.LINE_AA)
    return mask, np.full((size, size), rng.normal(0, 2), np.float32)


def _blob(rng: Rng, size: int) -> tuple[Picture, Picture]:
    """Draw a round or ragged spot: nep, knot, hole, stain, local wear."""
    mask = np.zeros((size, size), np.float32)
    radius = np.exp(rng.uniform(np.log(1.5), np.log(size / 4)))
    centre = tuple(int(c) for c in rng.uniform(0, size, 2))
    axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.3, 1))))
    cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, radius / 2 + 0.6)), np.float32)
    filling = np.full((size, size), rng.normal(0, 2.5), np.float32)
    if rng.random() < 0.3:
        filling = filling + _smooth_noise(rng, (size, size), rng.uniform(1.5, 6))
    return mask, filling


def _patch(rng: Rng, size: int, other: Picture) -> tuple[Picture, Picture]:
    """Draw a region in which another texture shows."""
    mask = (_smooth_noise(rng, (size, size), rng.uniform(12, size / 2)) > rng.uniform(0.3, 1.5)).astype(np.float32)
    return mask, other


def _flawed(rng: Rng, picture: Picture) -> Picture:
    """Add one to three local disturbances: something laid over, something moved, something blurred."""
    size = picture.shape[0]
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(5)
        if kind == 3:
            shift = rng.uniform(1, 5) * _smooth_noise(rng, (size, size), rng.uniform(16, 64))
            y, x = np.mgrid[0:size, 0:size].astype(np.float32)
            place = _blob(rng, size)[0]
            picture = np.asarray(
                cv2.remap(picture, x + shift * place, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            )
            continue
        if kind == 4:
            mask, laid = _patch(rng, size, cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3)).astype(np.float32))
        else:
            mask, laid = _streak(rng, size) if kind < 2 else _blob(rng, size)
        strength = rng.uniform(0.15, 1)
        cover = strength * (mask[..., None] if picture.ndim == 3 else mask)
        laid = _colour(laid) if picture.ndim == 3 else laid
        picture = picture * (1 - cover) + cover * (laid if rng.random() < 0.5 else picture + laid)
    return np.asarray(picture, np.float32)


def _photographed(rng: Rng, picture: Picture) -> NDArray[np.uint8]:
    """Add focus, light, contrast, tint and noise of a camera."""
    size = picture.shape[0]
    picture = _colour(picture)
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), np.exp(rng.uniform(np.log(0.3), np.log(1.8)))).astype(np.float32)
    picture = _spread(picture)
    if rng.random() < 0.3:
        tint = np.eye(3) + rng.normal(0, 0.35, (3, 3))
        picture = (picture @ tint + rng.normal(0, 0.5, 3)).astype(np.float32)
    contrast = np.exp(rng.uniform(np.log(0.02), np.log(0.3)))
    level = rng.uniform(0.15, 0.8)
    light = 1 + rng.uniform(0, 0.15) * _smooth_noise(rng, (size, size), size)[..., None]
    picture = (level + contrast * picture) * light
    grain = rng.uniform(0, 0.03) * rng.standard_normal((size, size, 1))
    return np.clip((picture + grain) * 255, 0, 255).astype(np.uint8)


def render(rng: Rng, size: int) -> NDArray[np.uint8]:
    """Draw a random picture, RGB uint8 ``[size, size, 3]``; half of them have local flaws, some have two textures."""
    makers, weights = zip(*_SOURCES, strict=True)

    def one() -> Picture:
        return _spread(makers[rng.choice(len(makers), p=weights)](rng, size))

    picture = one()
    if rng.random() < 0.15:
        mask, other = _patch(rng, size, one())
        picture = _colour(picture) * (1 - mask[..., None]) + _colour(other) * mask[..., None]
    elif rng.random() < 0.15:
        picture = _colour(picture) + rng.uniform(0.1, 1) * _colour(one())
    if rng.random() < 0.5:
        picture = _flawed(rng, picture)
    return _photographed(rng, picture)
