"""The speed of the bare model: what is measured, and the ratios taken round by round."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import model_speed
from benchmarks.model_speed import Subject, light_beside, measure, network_of


class Still:
    """An engine that does nothing but tell what it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def prepare(self, channels: int) -> None:
        assert channels == 1

    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        assert len(pictures) == len(out)
        self.given.append(len(pictures))

    def close(self) -> None:
        pass


def of(name: str, *rates: float, run: Callable[[], None] = lambda: None) -> Subject:
    return Subject(name, run, 8, rates=list(rates))


@pytest.mark.parametrize(("encoder", "maps"), [("vgg16", 2), ("vgg16-conv3_3", 4), ("light", 1)])
def test_each_network_is_as_deep_as_it_says(encoder: str, maps: int) -> None:
    assert len(network_of(encoder).encoder.channels) == maps


def test_a_call_has_as_many_tiles_as_its_row_says() -> None:
    engine = Still()
    subjects = model_speed.subjects_of("light", engine, model_speed.MAP_CELLS, (1, 128))
    for subject in subjects:
        subject.run()
    assert engine.given == [subject.tiles for subject in subjects] == [1, 128]


def test_all_are_measured_by_turns_in_every_round() -> None:
    diary: list[str] = []
    subjects = [of(name, run=partial(diary.append, name)) for name in "ab"]
    measure(subjects, 1e-9)
    assert [len(subject.rates) for subject in subjects] == [model_speed.ROUNDS] * 2
    assert "".join(diary) == "ab" + "abba" * (model_speed.ROUNDS // 2)


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that is ten times slower in one round is so for all."""
    subjects = [of("light", 100, 10, 100), of("vgg16", 20, 2, 25), of("vgg16-conv3_3", 10, 1, 10)]
    assert light_beside(subjects) == "`light` at 8 tiles a call: 5.0 × vgg16, 10.0 × vgg16-conv3_3. "
    assert light_beside(subjects[:1]) == light_beside(subjects[1:]) == ""
