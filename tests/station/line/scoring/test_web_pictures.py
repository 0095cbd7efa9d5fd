"""The web's edges on drawn pictures and on simulated cloth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from station.contract import StationError
from station.line.scoring.web import WebEdges, WebFinder
from tests.rigs.web_edges import find_edges


def weave(lines: int, width: int, period: int = 6, contrast: float = 20, seed: int = 0) -> NDArray[np.uint8]:
    y, x = np.mgrid[:lines, :width]
    pattern = np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / (period + 1))
    noise = np.random.default_rng(seed).normal(0, 3, (lines, width))
    return np.clip(110 + contrast * pattern + noise, 0, 255).astype(np.uint8)


def table(lines: int, width: int, seed: int = 1) -> NDArray[np.uint8]:
    """Grey, noisy, with bright lines both ways."""
    picture = np.random.default_rng(seed).normal(115, 3, (lines, width))
    picture[lines // 3 : lines // 3 + 3] += 90
    picture[:, width // 2 : width // 2 + 4] += 90
    picture += np.linspace(-25, 25, width)
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_cloth_alone_reaches_both_borders() -> None:
    assert find_edges(weave(256, 1000)) == WebEdges(0, 1000)


@pytest.mark.parametrize("beside", [0, 255, -1], ids=["black", "white", "table"])
def test_what_lies_beside_is_left_out(beside: int) -> None:
    picture = weave(256, 1203)
    for part in (picture[:, :203], picture[:, 1003:]):
        part[:] = table(*part.shape) if beside < 0 else beside
    edges = find_edges(picture)
    assert edges is not None
    assert 203 <= edges.left_px <= 235
    assert 971 <= edges.right_px <= 1003


@settings(max_examples=25, deadline=None)
@given(left=st.integers(48, 400), right=st.integers(30, 400), lines=st.integers(32, 300), seed=st.integers(0, 99))
def test_edges_never_lie_outside_the_cloth(left: int, right: int, lines: int, seed: int) -> None:
    cloth = weave(lines, 700, seed=seed)
    picture = np.hstack([table(lines, left, seed), cloth, np.full((lines, right), 255, np.uint8)])
    edges = find_edges(picture)
    assert edges is not None
    assert left <= edges.left_px <= left + 40
    assert left + 660 <= edges.right_px <= left + 700


@settings(max_examples=25, deadline=None)
@given(pad_left=st.integers(0, 60), pad_right=st.integers(0, 60), shade=st.sampled_from([0, 255]))
def test_clipped_padding_of_any_width_is_left_out(pad_left: int, pad_right: int, shade: int) -> None:
    cloth = weave(128, 512)
    picture = np.pad(cloth, ((0, 0), (pad_left, pad_right)), constant_values=shade)
    edges = find_edges(picture)
    assert edges is not None
    assert pad_left <= edges.left_px <= pad_left + 40
    assert pad_left + 512 - 40 <= edges.right_px <= pad_left + 512


def test_colour_is_seen_as_grey() -> None:
    grey = np.hstack([np.full((128, 160), 255, np.uint8), weave(128, 800)])
    assert find_edges(np.repeat(grey[:, :, None], 3, axis=2)) == find_edges(grey)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_blank_picture_shows_no_cloth(shade: int) -> None:
    assert WebFinder().find(np.full((256, 1024), shade, np.uint8)) is None


def test_pure_noise_shows_no_cloth() -> None:
    noise = np.random.default_rng(0).normal(120, 3, (256, 1024)).astype(np.uint8)
    assert WebFinder().find(noise) is None


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((256, 1024), np.uint16),
        np.zeros((256, 1024, 4), np.uint8),
        np.zeros((0, 1024), np.uint8),
    ],
    ids=["type", "channels", "lines"],
)
def test_other_arrays_are_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(StationError, match=r"web's edges cannot be found .*; give "):
        WebFinder().find(pixels)


def test_a_few_lines_get_the_edges_of_the_last_blocks() -> None:
    good = np.hstack([np.full((64, 240), 255, np.uint8), weave(64, 800)])
    finder = WebFinder()
    usual = finder.find(good)
    assert finder.find(good[:3]) == usual
    finder.reset()
    assert finder.find(good[:3]) == WebEdges(240, 1040)
    assert finder.find(np.zeros((1, 1024), np.uint8)) is None


@settings(max_examples=60, deadline=None)
@given(lines=st.integers(1, 40), width=st.integers(1, 200), shade=st.sampled_from([0, 90, 255]), textured=st.booleans())
def test_pictures_of_every_size_get_an_answer(lines: int, width: int, shade: int, textured: bool) -> None:
    picture = weave(lines, width) if textured else np.full((lines, width), shade, np.uint8)
    edges = find_edges(picture)
    assert edges is None or 0 <= edges.left_px < edges.right_px <= width


def test_one_bad_block_lets_no_table_in() -> None:
    good = np.hstack([np.full((64, 240), 255, np.uint8), weave(64, 800)])
    finder = WebFinder()
    usual = finder.find(good)
    assert usual is not None
    finder.find(good)
    assert finder.find(weave(64, 1040)) == usual
    finder.reset()
    assert finder.find(weave(64, 1040)) == WebEdges(0, 1040)


def test_a_lasting_change_is_taken_over() -> None:
    finder = WebFinder()
    for _ in range(6):
        finder.find(np.hstack([np.full((64, 240), 255, np.uint8), weave(64, 800)]))
    answers = [finder.find(weave(64, 1040)) for _ in range(6)]
    assert answers[0] != WebEdges(0, 1040)
    assert answers[-1] == WebEdges(0, 1040)


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("mm_per_px", [0.2, 0.5])
def test_simulated_cloth_of_every_style(style: str, mm_per_px: float) -> None:
    cloth = Cloth(style, width_px=1024, mm_per_px=mm_per_px, seed=1, web_px=(120, 900))
    pixels, true = cloth.render(0, 256), cloth.web_edges(0, 256)
    edges = find_edges(pixels)
    assert edges is not None
    assert true[:, 0].max() - 4 <= edges.left_px <= true[:, 0].max() + 32
    assert true[:, 1].min() - 32 <= edges.right_px <= true[:, 1].min() + 4
    whole = Cloth(style, width_px=512, mm_per_px=mm_per_px, seed=1)
    assert find_edges(whole.render(0, 256)) == WebEdges(0, 512)


def test_the_demo_web_with_flaws_keeps_its_edges() -> None:
    cloth = Cloth("demo", width_px=2048, mm_per_px=0.5, seed=4, web_px=(24, 2024), flaws_per_m=5)
    finder = WebFinder()
    for row in range(8):
        edges = finder.find(cloth.render(256 * row, 256))
        true = cloth.web_edges(256 * row, 256)
        assert edges is not None
        assert true[:, 0].max() <= edges.left_px <= true[:, 0].max() + 24
        assert true[:, 1].min() - 24 <= edges.right_px <= true[:, 1].min()
