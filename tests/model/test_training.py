"""Teach-in: it learns, repeats itself, keeps to its time, can be cancelled, and says what it cannot use."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import training
from model.encoder import Encoder
from model.errors import ModelError
from model.mfrnet import MFRNet, MFRNetConfig, blank
from model.time_budget import TimeBudget
from model.training import Progress, TeachingCancelled, fit, learn
from tests.rigs.woven_tiles import SMALL, woven

TINY = SMALL.model_copy(update={"steps": 3})


def maps(network: MFRNet, tiles: NDArray[np.uint8]) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.from_numpy(tiles).unsqueeze(1))


def test_a_flaw_outscores_good_cloth_where_it_lies(taught: MFRNet) -> None:
    good = woven(6, 50)
    flawed = good.copy()
    flawed[:, 96:112, 150:166] = 235
    good_maps, flawed_maps = maps(taught, good), maps(taught, flawed)
    assert flawed_maps.amax((1, 2)).min() > good_maps.amax((1, 2)).max()
    for one in flawed_maps:
        row, column = divmod(int(one.argmax()), 64)
        assert abs(row * 4 - 104) <= 24
        assert abs(column * 4 - 158) <= 24


def test_good_cloth_of_another_draw_lies_below_about_one(taught: MFRNet) -> None:
    scores = maps(taught, woven(8, 51))
    assert torch.isfinite(scores).all()
    assert scores.min() > 0
    assert scores.quantile(0.99) < 1.0


@pytest.mark.slow
def test_the_same_seed_teaches_the_same(small_encoder: Encoder, good_tiles: NDArray[np.uint8]) -> None:
    first, again, other = (
        maps(fit(good_tiles[:8], small_encoder, minutes=60, seed=seed, config=TINY), good_tiles) for seed in (1, 1, 2)
    )
    # matrix products round differently from one place in memory to the next
    apart = (first - again).abs().max()
    assert apart < 0.02
    assert (first - other).abs().max() > 2 * apart
    starts = [blank(TINY, small_encoder, seed).state_dict()["restoration.stem.weight"] for seed in (1, 1, 2)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_it_stops_when_the_time_is_over_and_tells_how_far_it_is(
    small_encoder: Encoder, good_tiles: NDArray[np.uint8]
) -> None:
    told: list[Progress] = []
    endless = SMALL.model_copy(update={"steps": 10**6})
    started = time.monotonic()
    network = fit(good_tiles, small_encoder, minutes=0.05, seed=0, config=endless, progress=told.append)
    assert time.monotonic() - started < 120  # an endless one would run for days
    assert torch.isfinite(maps(network, good_tiles[:2])).all()
    assert {one.stage for one in told} == {"reading cloth", "teaching", "calibrating", "done"}
    assert all(0 <= one.fraction <= 1 and one.seconds_left >= 0 for one in told)
    fractions = [one.fraction for one in told if one.stage == "teaching"]
    assert fractions == sorted(fractions)


@pytest.mark.parametrize("asked", [1, 20])
def test_cancel_stops_at_once(small_encoder: Encoder, good_tiles: NDArray[np.uint8], asked: int) -> None:
    questions = iter(range(10**6))
    with pytest.raises(TeachingCancelled):
        fit(good_tiles, small_encoder, minutes=5, config=SMALL, cancelled=lambda: next(questions) >= asked)
    assert next(questions) == asked + 1


def test_colour_tiles_are_taught_too(small_encoder: Encoder, good_tiles: NDArray[np.uint8]) -> None:
    colour = np.stack([good_tiles[:9], good_tiles[:9] // 2, 255 - good_tiles[:9]], axis=-1)
    network = fit(colour, small_encoder, minutes=5, config=TINY)
    batch = torch.from_numpy(colour[:2]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        assert torch.isfinite(network(batch)).all()


def test_a_wished_for_processor_is_used_although_there_is_a_card(
    small_encoder: Encoder, good_tiles: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # none is there: using it would fail
    for device in ("cpu", "torch"):
        network = fit(good_tiles[:8], small_encoder, minutes=5, device=device, config=TINY)
        assert network.centre.device.type == "cpu"
        assert torch.isfinite(maps(network, good_tiles[:2])).all()


def test_a_card_that_is_full_is_told_in_a_sentence(
    small_encoder: Encoder, good_tiles: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(training, "hybrid_loss", full)
    with pytest.raises(ModelError, match="choose the device 'cpu'"):
        fit(good_tiles[:8], small_encoder, minutes=5, device="torch", config=TINY)


def test_an_unknown_device_is_refused(small_encoder: Encoder, good_tiles: NDArray[np.uint8]) -> None:
    with pytest.raises(ModelError, match="no device 'tpu'"):
        fit(good_tiles[:8], small_encoder, minutes=5, device="tpu", config=TINY)


@pytest.mark.parametrize(
    ("tiles", "minutes", "word"),
    [
        (np.zeros((7, 256, 256), np.uint8), 1.0, "at least 8"),
        (np.zeros((9, 128, 128), np.uint8), 1.0, "256 px"),
        (np.zeros((9, 256, 256), np.float32), 1.0, "uint8"),
        (np.zeros((9, 256, 256), np.uint8), 0.0, "above 0"),
        (np.full((9, 256, 256), 77, np.uint8), 1.0, "structure"),
    ],
)
def test_what_cannot_be_taught_is_told(
    small_encoder: Encoder, tiles: NDArray[np.uint8], minutes: float, word: str
) -> None:
    with pytest.raises(ModelError, match=word):
        fit(tiles, small_encoder, minutes=minutes, config=TINY)


def test_scales_can_be_chosen_and_wrong_ones_are_refused(small_encoder: Encoder) -> None:
    assert MFRNet(MFRNetConfig(scales=(0,)), small_encoder).scales == (0,)
    with pytest.raises(ModelError, match="choose"):
        MFRNet(MFRNetConfig(scales=(1,)), small_encoder)


def test_flawed_cloth_among_what_is_held_out_hardly_moves_the_measure(small_encoder: Encoder) -> None:
    config = SMALL.model_copy(update={"steps": 1})
    good = torch.randn(56, config.channels, 32, 32, generator=torch.Generator().manual_seed(3))
    flawed = good.clone()
    flawed[50:53, :, 8:14, 8:14] += 6.0
    spreads = []
    for held in (good[16:], flawed[16:]):
        network = blank(config, small_encoder, 0)
        learn(network, good[:16], held, torch.Generator().manual_seed(0), TimeBudget(5, None, None))
        spreads.append(network.measure.spread.flatten())
    assert torch.allclose(*spreads, rtol=0.05)
