"""The doctor names the fastest precision that judges as float32 does."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from model.runtime import Runtime
from model.scorer import TileScorer
from station.commands.bench.measure import model_rate
from station.commands.bench.precisions import (
    LARGEST,
    PrecisionPace,
    Precisions,
    differences,
    measure_precisions,
)
from station.commands.doctor import precision_facts, precision_told
from station.line.pace import fastest_m_per_min
from tests.rigs.command_line import Station


def pace(name: str, rate: float, largest: float = 0.0) -> PrecisionPace:
    return PrecisionPace("openvino", name, largest, largest / 5, 0.0, rate, rate / 3)


def test_the_fastest_that_is_proven_is_named_not_the_fastest() -> None:
    found = Precisions((pace("f32", 100), pace("bf16", 180, LARGEST / 2), pace("f16", 300, 2 * LARGEST)), "bf16")
    assert found.fastest.precision == "bf16"
    told = precision_told(found)
    assert told.startswith("bf16 on openvino is the fastest proven: 180 tiles/s with all looks, up to 60 m/min")
    assert "for a web of 1.8 m at 0.5 mm" in told
    assert "f16 300 tiles/s, but scores differ from f32's by up to 0.2" in told
    assert "'auto' takes" not in told


def test_a_reduced_precision_that_is_slower_is_not_named_and_the_setting_is_told() -> None:
    found = Precisions((pace("f32", 100), pace("bf16", 23)), "bf16")
    assert found.fastest.precision == "f32"
    assert "'auto' takes bf16: set precision = \"f32\" in station.toml" in precision_told(found)


def test_json_has_the_named_precision_and_all_that_were_tried() -> None:
    facts = precision_facts(Precisions((pace("f32", 100), pace("bf16", 180, 2 * LARGEST)), "f32"))
    assert (facts["precision"], facts["tiles_per_second"], facts["m_per_min"]) == ("f32", 100, 100 / 3)
    tried = facts["precisions"]
    assert isinstance(tried, list)
    assert [(one["precision"], one["proven"]) for one in tried] == [("f32", True), ("bf16", False)]


@pytest.mark.parametrize("apart", [(0.2, 0.01, 0.0), (0.05, 0.04, 0.0), (0.05, 0.02, -0.02)])
def test_any_tolerance_that_is_missed_leaves_a_precision_unproven(apart: tuple[float, float, float]) -> None:
    assert not PrecisionPace("openvino", "bf16", *apart, 1.0, 1.0).is_proven


def test_differences_are_those_of_the_highest_scores_of_tiles() -> None:
    exact = np.zeros((2, 4, 4), np.float32)
    exact[:, 1, 1] = 1
    maps = exact.copy()
    maps[0, 1, 1] = 1.3
    maps[1, 1, 1] = 0.9
    assert differences(maps, exact) == pytest.approx((0.3, np.sqrt(0.05), 0.1), abs=1e-6)


class Looked(TileScorer):
    """A scorer that counts the tiles it is given."""

    def __init__(self, broad: tuple[int, ...] = ()) -> None:
        self.looks = {size: Looked() for size in broad}
        self.broad = self.looks
        self.seen = 0

    @property
    def tile_px(self) -> int:
        return 256

    @property
    def cell_px(self) -> int:
        return 4

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(tiles)
        return np.zeros((len(tiles), 64, 64), np.float32)


def test_the_pace_counts_the_work_of_every_look_for_the_same_cloth() -> None:
    scorer = Looked((2, 4))
    assert model_rate(cast("Runtime", scorer), 1, 0.0) > 0
    assert scorer.seen % 16 == 0
    calls = scorer.seen // 16
    assert scorer.looks[2].seen == 3 * calls, "a fourth of the tiles, with a narrower overlap"
    assert scorer.looks[4].seen == calls


@pytest.mark.slow
def test_on_this_machine_float32_is_always_measured_and_its_speed_is_the_line_s() -> None:
    found = measure_precisions(0.2, "cpu")
    exact = found.paces[0]
    assert (exact.precision, exact.largest, exact.is_proven) == ("f32", 0.0, True)
    for one in found.paces:
        assert one.m_per_min == pytest.approx(fastest_m_per_min(one.tiles_per_second, 3600, 32, 0.5))
    assert found.chosen in {one.precision for one in found.paces}


@pytest.mark.slow
def test_doctor_tells_precision_and_metres_a_minute(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.commands.doctor.PACE_S", 0.2)
    checks = {check["name"]: check for check in station("doctor", "--json").json["checks"]}
    found = checks["precision"]
    assert found["ok"]
    assert found["m_per_min"] > 0
    assert f"{found['precision']} on {found['device']} is the fastest proven" in found["detail"]
