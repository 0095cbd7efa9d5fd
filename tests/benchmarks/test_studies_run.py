"""The studies from command line to page, with the light encoder on a little rendered fabric in MVTec layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import ablation, bench_model
from benchmarks.baselines.autoencoder import Autoencoder
from benchmarks.baselines.gaussian import Gaussian
from benchmarks.baselines.nearest import Nearest
from model.encoder import VGG16
from tests.rigs.little_fabric import little_fabric


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_fabric(tmp_path_factory.mktemp("data"), good=5)


def words(data: Path, page: Path) -> list[str]:
    return [*f"--data {data} --fabrics little --seeds 1 --steps 3 --out".split(), str(page)]


def rows(page: Path) -> list[list[str]]:
    """The cells of every table's rows."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines() if "|" in line]


@pytest.mark.slow
def test_mfrnet_beside_its_baselines(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    little = {
        "nearest": lambda seed: Nearest(seed, candidates=2000, share=0.1),
        "gaussian": lambda _seed: Gaussian(),
        "autoencoder": lambda seed: Autoencoder(seed, latent=8, steps=20),
    }
    monkeypatch.setattr(bench_model, "BASELINES", little)
    page = tmp_path / "model.md"
    assert bench_model.main([*words(data, page), "--encoders", "light"]) == 0
    told = {(row[0], row[1]): row[2:] for row in rows(page)}
    methods = [f"{name}, light" for name in (bench_model.OURS, *little)]
    for method in methods:
        image_auroc, tile_auroc, *others = map(float, told[method, "little"])
        assert image_auroc == 1.0  # a plain stain
        assert tile_auroc > 0.9
        assert all(0 <= one <= 1 for one in others)
        assert told[method, "pooled"] == told[method, "little"]
    for name in little:
        assert (f"{bench_model.OURS} − {name}, light", "pooled") in told
    speeds = {row[0]: float(row[1]) for row in rows(page) if len(row) == 3 and row[0] in methods}
    assert set(speeds) == set(methods)
    assert min(speeds.values()) > 0
    assert str(tmp_path) not in page.read_text()


@pytest.mark.slow
def test_ablation(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {name: ablation.VARIANTS[name] for name in (ablation.WHOLE, "subsets n = 2")}
    monkeypatch.setattr(ablation, "VARIANTS", variants)
    page = tmp_path / "ablation.md"
    assert ablation.main([*words(data, page), "--encoder", "light"]) == 0
    methods = {row[0] for row in rows(page) if row[1] == "little"}
    assert methods == {*variants, *ablation.SCORINGS}


@pytest.mark.slow
def test_ablation_of_vgg16s_scales(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scales = {name: ablation.SCALES[name] for name in ("scales: conv1_2 alone", "scales: conv3_1, conv3_3 alone")}
    monkeypatch.setattr(ablation, "VARIANTS", {ablation.WHOLE: {}})
    monkeypatch.setattr(ablation, "SCALES", scales)
    torch.manual_seed(0)
    torch.save(VGG16(ablation.TO_CONV3_3).state_dict(), tmp_path / "any.pth")
    page = tmp_path / "ablation.md"
    assert ablation.main([*words(data, page), "--vgg16", str(tmp_path / "any.pth")]) == 0
    methods = {row[0] for row in rows(page) if row[1] == "little"}
    assert methods == {ablation.WHOLE, *ablation.SCORINGS, *scales}


@pytest.mark.parametrize("study", [bench_model, ablation])
def test_a_missing_fabric_is_told_in_a_sentence(
    study: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study.main(words(tmp_path, tmp_path / "page.md")) == 1  # type: ignore[attr-defined]
    assert "There is no fabric" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()
