"""Encoders: what they return, that they stay frozen, and what is said of bad weight files."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from model import weightfiles
from model.encoder import LIGHT_FILE, VGG16, Encoder, Light, encoder_from_state, load_encoder
from model.errors import ModelError
from tests.rigs.places import ROOT

WIDTHS, OUT = (4, 6, 8), 5


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def vgg() -> VGG16:
    torch.manual_seed(0)
    return VGG16(convs=5)


@pytest.fixture
def light() -> Light:
    torch.manual_seed(0)
    return Light(WIDTHS, OUT)


def one_sentence(caught: pytest.ExceptionInfo[ModelError], *words: str) -> None:
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    for word in words:
        assert word in said


@pytest.mark.parametrize("kind", ["vgg", "light"])
def test_maps_have_the_promised_channels_and_strides(kind: str, images: Tensor, request: pytest.FixtureRequest) -> None:
    encoder: Encoder = request.getfixturevalue(kind)
    maps = encoder(images)
    assert [one.shape[1] for one in maps] == list(encoder.channels)
    assert [(64 // one.shape[2], 96 // one.shape[3]) for one in maps] == [(s, s) for s in encoder.strides]


@pytest.mark.parametrize("kind", ["vgg", "light"])
def test_a_frozen_trunk_stays_frozen(kind: str, images: Tensor, request: pytest.FixtureRequest) -> None:
    encoder: Encoder = request.getfixturevalue(kind)
    before = [one.clone() for one in encoder(images)]
    around = torch.nn.Sequential(encoder).train()
    assert not encoder.training
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in around.parameters())
    for one, again in zip(before, encoder(images), strict=True):
        assert torch.equal(one, again)


def test_depth_of_vgg16_follows_the_weights() -> None:
    whole = VGG16()
    assert whole.channels == (64, 128, 256, 256, 512)
    assert whole.strides == (1, 2, 4, 4, 8)
    state = {key: value for key, value in whole.state_dict().items() if int(key.split(".")[1]) <= 14}
    shallow = encoder_from_state("vgg16", state)
    assert shallow.channels == (64, 128, 256, 256)


def test_vgg16_is_taken_to_conv2_2_unless_more_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(VGG16(convs=7).state_dict(), path)
    assert load_encoder("vgg16", path).channels == (64, 128)
    assert load_encoder("vgg16", path, depth=10).channels == (64, 128, 256, 256)


def test_vgg16_computes_what_its_layout_says(vgg: VGG16, images: Tensor) -> None:
    """Against the plain chain of torch layers in torchvision's order."""
    plain = torch.nn.Sequential(
        torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(64, 128, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(128, 128, 3, padding=1),
        torch.nn.ReLU(),
    )  # fmt: skip
    state = {key.removeprefix("features."): value for key, value in vgg.state_dict().items()}
    plain.load_state_dict({key: value for key, value in state.items() if int(key.split(".")[0]) <= 7})
    with torch.no_grad():
        wanted = plain((images - vgg.mean) / vgg.std)
    torch.testing.assert_close(vgg(images)[1] * 180.0, wanted)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_come_back_from_a_file(suffix: str, vgg: VGG16, images: Tensor, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    state = {key: value.contiguous() for key, value in vgg.state_dict().items()}
    if suffix == ".pth":
        torch.save({**state, "classifier.0.weight": torch.zeros(2, 2)}, path)
    else:
        save_file(state, path)
    for one, again in zip(vgg(images), load_encoder("vgg16", path, depth=5)(images), strict=True):
        assert torch.equal(one, again)


def test_light_reads_its_widths_from_half_precision_weights(light: Light, images: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "light.safetensors"
    save_file({k: v.half() for k, v in light.state_dict().items() if v.is_floating_point()}, path)
    again = load_encoder("light", path)
    assert again.channels == (OUT,)
    torch.testing.assert_close(light(images)[0], again(images)[0], atol=2e-2, rtol=2e-2)
    assert all(value.dtype != torch.float16 for value in again.state_dict().values())


def test_a_state_carried_elsewhere_makes_the_same_encoder(light: Light, images: Tensor) -> None:
    again = encoder_from_state("light", light.state_dict())
    assert torch.equal(light(images)[0], again(images)[0])


def test_unknown_name() -> None:
    with pytest.raises(ModelError) as caught:
        load_encoder("resnet")
    one_sentence(caught, "resnet", "light, vgg16")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_encoder("vgg16", tmp_path / "no.pth")
    one_sentence(caught, "no.pth", "check the path")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_damaged_file(suffix: str, damage: str, light: Light, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(light.state_dict(), path)
    else:
        save_file(light.state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "garbage": b"not weights " * 99, "empty": b""}[damage])
    with pytest.raises(ModelError) as caught:
        load_encoder("light", path)
    one_sentence(caught, path.name)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(marker), "w")

    path = tmp_path / "trap.pth"
    torch.save({"features.0.weight": Trap()}, path)
    with pytest.raises(ModelError) as caught:
        load_encoder("vgg16", path)
    one_sentence(caught, "trap.pth")
    assert not marker.exists()


@pytest.mark.parametrize("held", [[1, 2], {}, {"a": 3}, torch.zeros(3)])
def test_a_file_that_holds_no_state(held: object, tmp_path: Path) -> None:
    path = tmp_path / "held.pth"
    torch.save(held, path)
    with pytest.raises(ModelError) as caught:
        load_encoder("vgg16", path)
    one_sentence(caught, "held.pth", "not a plain state dict")


@pytest.mark.parametrize("name", ["vgg16", "light"])
def test_the_other_encoders_weights(name: str, vgg: VGG16, light: Light) -> None:
    foreign = light.state_dict() if name == "vgg16" else vgg.state_dict()
    with pytest.raises(ModelError) as caught:
        encoder_from_state(name, foreign, source="file.pth")
    one_sentence(caught, "file.pth")


def test_wrong_shape_missing_layer_and_no_number(light: Light) -> None:
    for change, word in (
        ({"trunk.2.0.weight": torch.zeros(6, 6, 5, 5)}, "trunk.2.0.weight"),
        ({"trunk.2.1.bias": None}, "trunk.2.1.bias is missing"),
        ({"trunk.5.bias": torch.full((OUT,), float("nan"))}, "trunk.5.bias"),
        ({"trunk.5.bias": torch.full((OUT,), 1e300, dtype=torch.float64)}, "trunk.5.bias"),
        ({"trunk.5.bias": torch.zeros(OUT, dtype=torch.int64)}, "torch.int64 where torch.float32 is needed"),
        ({"trunk.5.bias": torch.zeros(OUT, dtype=torch.bool)}, "torch.bool where torch.float32 is needed"),
        ({"trunk.5.bias": torch.zeros(OUT, dtype=torch.complex64)}, "torch.complex64 where torch.float32 is needed"),
    ):
        state = {key: value for key, value in {**light.state_dict(), **change}.items() if value is not None}
        with pytest.raises(ModelError) as caught:
            encoder_from_state("light", state)
        one_sentence(caught, word)


@pytest.mark.parametrize("width", [0, 4097])
def test_a_width_no_light_trunk_has(width: int) -> None:
    with pytest.raises(ModelError) as caught:
        encoder_from_state("light", {f"trunk.{at}.weight": torch.zeros(width, 1) for at in ("0.0", "1.0", "3.0", "5")})
    one_sentence(caught, "impossible width")


def test_a_claimed_width_gets_no_memory_before_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []

    def noting(*sizes: object) -> Light:
        devices.append(torch.get_default_device().type)
        return Light((1, 1, 1), 1)

    monkeypatch.setattr("model.encoder.Light", noting)
    with pytest.raises(ModelError) as caught:
        encoder_from_state("light", {f"trunk.{at}.weight": torch.zeros(4096, 1) for at in ("0.0", "1.0", "3.0", "5")})
    one_sentence(caught, "trunk.0.0.weight is [4096, 1]")
    assert devices == ["meta"]


def test_published_weights_are_fetched_once_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served = tmp_path / "served.pth"
    served.write_bytes(b"weights")
    cache = tmp_path / "cache"
    monkeypatch.setattr(weightfiles, "PUBLISHED_VGG16_URL", served.as_uri())
    with pytest.raises(ModelError) as caught:
        weightfiles.published_vgg16(cache)
    one_sentence(caught, "not the published VGG16 file")
    assert list(cache.iterdir()) == []
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(weightfiles, "PUBLISHED_VGG16_SHA256", digest[:8] + "0" * 56)  # as the name has it, no further
    with pytest.raises(ModelError):
        weightfiles.published_vgg16(cache)
    monkeypatch.setattr(weightfiles, "PUBLISHED_VGG16_SHA256", digest)
    assert weightfiles.published_vgg16(cache).read_bytes() == b"weights"
    served.unlink()
    assert weightfiles.published_vgg16(cache).read_bytes() == b"weights"


@pytest.mark.field("r14")
def test_the_published_weights_are_known_by_their_whole_hash(record_property: Callable[[str, object], None]) -> None:
    digest = weightfiles.PUBLISHED_VGG16_SHA256
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest.startswith(weightfiles.PUBLISHED_VGG16_URL.rpartition("-")[2].removesuffix(".pth"))
    record_property("now", f"VGG16's download is checked by all {4 * len(digest)} bits of its SHA-256.")


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weightfiles, "PUBLISHED_VGG16_URL", "http://127.0.0.1:9/vgg16.pth")
    with pytest.raises(ModelError) as caught:
        weightfiles.published_vgg16(tmp_path / "cache")
    one_sentence(caught, "could not be downloaded", "name a weights file")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_real_vgg16_file(shared_weights: Path, images: Tensor) -> None:
    encoder = load_encoder("vgg16", next((shared_weights / "vgg16").glob("*.pth")), depth=10)
    assert encoder.channels == (64, 128, 256, 256)
    for one in encoder(images):
        assert 0.1 < float(one.mean()) < 10


def test_the_shipped_light_encoder(images: Tensor) -> None:
    assert LIGHT_FILE.stat().st_size <= 4_000_000
    (grid,) = load_encoder("light")(images)
    assert grid.shape[2:] == (8, 12)
    assert torch.isfinite(grid).all()
    assert 0.05 < float(grid.var()) < 20


@pytest.mark.slow
@pytest.mark.parametrize(("fabric", "left"), [("aitex_f01", 560), ("aitex_f03", 1200)])
def test_light_tells_flaws_from_real_cloth(fabric: str, left: int, shared_data: Path) -> None:
    """Crude nearest neighbour, so that a worthless trunk cannot hide behind the network above it."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.distil_judge",
        "--data",
        str(shared_data / fabric),
        "--left",
        str(left),
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=280).stdout
    tile, cell = (float(found) for found in re.findall(r"nearest neighbour: tile ([0-9.]+) cell ([0-9.]+)", said)[0])
    assert tile > 0.75
    assert cell > 0.8
