"""The study of the looks runs from command line to page on a little rendered fabric in MVTec layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import looks
from station.recipe import Recipe
from station.recipe.looks import BroadLook, LongLookLimits
from station.recipe.looks_chosen import looks_of
from tests.rigs.little_fabric import little_fabric


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_fabric(tmp_path_factory.mktemp("data"), good=20)


@pytest.mark.slow
def test_each_variant_of_the_looks_has_its_rows(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "looks.md"
    assert looks.main([*f"--data {data} --fabrics little --minutes 0.6 --out".split(), str(page)]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines() if "|" in line]
    told = {row[1]: row for row in rows if row[0] == "little" and row[1] in looks.VARIANTS and "of" in row[2]}
    assert list(told) == list(looks.VARIANTS)
    assert all(row[2] == "2 of 2" for row in told.values())
    assert all(0 <= float(row[7]) <= 1 for row in told.values())
    changes = [row[0] for row in rows if row[0].endswith(f"− {looks.FINE}")]
    assert set(changes) == {f"{name} − {looks.FINE}" for name in looks.VARIANTS[:-1]}


def test_a_variant_switches_off_the_looks_it_goes_without() -> None:
    recipe = Recipe(
        fabric="x",
        version=1,
        model_sha256="0" * 64,
        encoder="light",
        threshold=1.0,
        broad=(BroadLook(size=2, threshold=1.0), BroadLook(size=4, threshold=1.0)),
        long=LongLookLimits(warp=(5.0,), weft=(5.0,)),
    )
    on = {
        name: [look for look, is_on in looks_of(looks.variant(recipe, name)).items() if is_on]
        for name in looks.VARIANTS
    }
    assert on == {
        looks.ALL: ["fine", "broad 2", "broad 4", "long"],
        looks.NO_BROAD: ["fine", "long"],
        looks.NO_LONG: ["fine", "broad 2", "broad 4"],
        looks.FINE: ["fine"],
    }
