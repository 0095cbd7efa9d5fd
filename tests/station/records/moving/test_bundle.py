"""A recipe goes to another station with its model; whatever else is in a bundle is refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from model.checkpoint import load, save, sealed
from model.encoder import Light
from model.mfrnet import MFRNet
from station.recipe import Recipe
from station.recipe.looks import BroadLook, LongLookLimits
from station.records import audit
from station.records.history import History
from station.records.model_files import checked_model, keep_model
from station.records.moving.bundle import LIST, MODEL, RECIPE, read_bundle, write_bundle
from station.records.moving.recipes import export_recipe, import_recipe
from station.records.rows import RecordsError
from station.records.schema import EventTable
from station.records.store import Store
from tests.rigs.records import make_recipe
from tests.rigs.woven_tiles import SMALL


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network as a file."""
    torch.manual_seed(5)
    file = tmp_path_factory.mktemp("model") / "small.safetensors"
    save(MFRNet(SMALL, Light((8, 16, 32), 48)), file, {"fabric": "linen"})
    return file


def recipe_of(model: Path, **changes: Any) -> Recipe:
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    return make_recipe(**({"model_sha256": sha256, "encoder": "light"} | changes))


@pytest.fixture(scope="module")
def bundle(model: Path) -> Path:
    """A whole bundle, never changed."""
    file = model.with_name("linen.recipe")
    write_bundle(file, recipe_of(model, note="Ä 漢"), model)
    return file


def parts(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(members: dict[str, bytes], file: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file


def resealed(members: dict[str, bytes], **told: Any) -> dict[str, bytes]:
    """Give the hashes that the members have now, as somebody who means ill would."""
    listed = json.loads(members[LIST]) | told
    for name in (RECIPE, MODEL):
        listed["members"][name] = {"bytes": len(members[name]), "sha256": hashlib.sha256(members[name]).hexdigest()}
    return members | {LIST: json.dumps(listed).encode()}


def with_recipe(members: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    body = json.loads(members[RECIPE]) | changes
    return resealed(members | {RECIPE: json.dumps(body).encode()})


def with_model(members: dict[str, bytes], content: bytes) -> dict[str, bytes]:
    sha256 = hashlib.sha256(content).hexdigest()
    return with_recipe(members | {MODEL: content}, model_sha256=sha256)


def reshaped(members: dict[str, bytes], change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, bytes]:
    """The model with a tensor changed, its own hash right."""
    content = members[MODEL]
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])["__metadata__"]
    tensors = from_bytes(content)
    name = min(name for name, value in tensors.items() if name.startswith("restoration.") and value.dim() > 1)
    tensors[name] = change(tensors[name]).contiguous()
    return with_model(members, sealed(to_bytes(tensors, header)))


def test_a_recipe_and_its_model_come_to_another_station_as_its_next_version(
    bundle: Path, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "linen.recipe"
    with Store.open(tmp_path / "here") as store:
        keep_model(store, model, {})
        for threshold in (2.0, 3.0):
            store.save_recipe(recipe_of(model, threshold=threshold), "ann", "tuned")
        sent = export_recipe(History(store), "linen", file)
        assert sent.version == 2
        assert export_recipe(History(store), "linen", tmp_path / "first.recipe", 1).threshold == 2.0
    with Store.open(tmp_path / "there") as store:
        history = History(store)
        own = store.save_recipe(make_recipe(threshold=9.0), "bob", "taught")
        came = import_recipe(store, file, "bob")
        again = import_recipe(store, file, "bob", fabric="flax")
        assert (came.fabric, came.version, came.threshold) == ("linen", 2, 3.0)
        assert (again.fabric, again.version) == ("flax", 1)
        assert history.recipe("linen", 1) == own, "nothing was written over"
        assert history.recipe("linen") == came == sent
        load(checked_model(history, came.model_sha256))
        why = history.recipes("linen")[0].why
        assert why == f"imported from linen.recipe: version 2 of linen, model {came.model_sha256}"
        assert audit.verify(store.read_engine).ok
        with store.read_engine.connect() as connection:
            rows = connection.execute(EventTable.__table__.select()).all()
        assert [row.who for row in rows if row.action == "recipe saved" and row.why == why] == ["bob", "bob"]
        assert not list((tmp_path / "there").glob(".import-*"))


def test_the_same_recipe_makes_the_same_bundle_and_a_full_disk_leaves_the_old_one(
    bundle: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again.recipe"
    write_bundle(again, recipe_of(model, note="Ä 漢"), model)
    assert again.read_bytes() == bundle.read_bytes()
    with Store.open(tmp_path / "home") as store:
        keep_model(store, model, {})
        store.save_recipe(recipe_of(model), "ann", "")

        def burst(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("station.records.moving.bundle.shutil.copyfileobj", burst)
        with pytest.raises(RecordsError, match="cannot be written: No space left on device"):
            export_recipe(History(store), "linen", again)
    assert again.read_bytes() == bundle.read_bytes()


def hostile(make: dict[str, Callable[[dict[str, bytes], Path], Path]]) -> Any:
    return pytest.mark.parametrize(("what", "make"), make.items(), ids=make.keys())


def link(members: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as target:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = ((stat.S_IFLNK if name == MODEL else stat.S_IFREG) | 0o777) << 16
            target.writestr(info, content)
    return file


def twice(members: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as target, warnings.catch_warnings(action="ignore"):
        for name, content in [*members.items(), *members.items()]:
            target.writestr(name, content)
    return file


def lying(members: dict[str, bytes], file: Path) -> Path:
    """The model claims a quarter of a GB."""
    data = packed(members, file).read_bytes()
    claim = len(members[MODEL]).to_bytes(4, "little")
    file.write_bytes(data.replace(claim, (250 << 20).to_bytes(4, "little")))
    return file


def written(content: bytes, file: Path) -> Path:
    file.write_bytes(content)
    return file


def nan_threshold(members: dict[str, bytes], file: Path) -> Path:
    return packed(with_recipe(members, threshold=float("nan")), file)


HOSTILE: dict[str, Callable[[dict[str, bytes], Path], Path]] = {
    r"leads out of its folder": lambda m, f: packed(m | {"../../station.db": b"x"}, f),
    r"leads out of its folder \('/etc": lambda m, f: packed(m | {"/etc/passwd": b"x"}, f),
    r"leads out of its folder \('C:": lambda m, f: packed(m | {"C:\\x": b"x"}, f),
    r"holds a link": link,
    r"holds model.safetensors twice|holds bundle.json twice": twice,
    r"holds 'extra.py', which no bundle has": lambda m, f: packed(m | {"extra.py": b"x"}, f),
    r"packed or locked": lambda m, f: packed(m | {MODEL: bytes(50 << 20)}, f, zipfile.ZIP_DEFLATED),
    r"claims a size|claims more bytes|cut off": lying,
    r"lacks model.safetensors": lambda m, f: packed({k: v for k, v in m.items() if k != MODEL}, f),
    r"or was cut off": lambda m, f: written(packed(m, f).read_bytes()[:-100], f),
    r"is no recipe bundle": lambda m, f: written(b"", f),
    r"is no recipe bundle, or": lambda m, f: written(b"PK\x03\x04" + bytes(100), f),
    r"made by a newer station \(version 7": lambda m, f: packed(resealed(m, version=7), f),
    r"does not say its version": lambda m, f: packed(resealed(m, version="new"), f),
    r"is none of a station": lambda m, f: packed(resealed(m, format="zip"), f),
    r"does not say the hashes": lambda m, f: packed(
        m | {LIST: json.dumps({"format": "station recipe", "version": 1}).encode()}, f
    ),
    r"bundle.json that cannot be read": lambda m, f: packed(m | {LIST: b"[" * 60_000}, f),
    r"recipe.json that was changed": lambda m, f: packed(m | {RECIPE: m[RECIPE] + b" "}, f),
    r"model.safetensors that was changed": lambda m, f: packed(m | {MODEL: m[MODEL] + b" "}, f),
    r"another model than its recipe": lambda m, f: packed(resealed(m | {MODEL: m[MODEL] + b" "}), f),
    r"number in recipe.json that is none": nan_threshold,
    r"number in recipe.json that is none \(NaN or": lambda m, f: packed(
        resealed(m | {RECIPE: m[RECIPE].replace(b'"threshold":2.0', b'"threshold":1e999')}), f
    ),
    r"'threshold': Input should be greater than 0": lambda m, f: packed(with_recipe(m, threshold=-1), f),
    r"setting that this station does not know \('glow'\)": lambda m, f: packed(with_recipe(m, glow=1), f),
    r"cannot be in a fabric's name": lambda m, f: packed(with_recipe(m, fabric="../x"), f),
    r"model that cannot be used .*where .* is needed": lambda m, f: packed(reshaped(m, lambda t: t[:1]), f),
    r"model that cannot be used .*not numbers": lambda m, f: packed(reshaped(m, lambda t: t * float("nan")), f),
    r"model that cannot be used .*damaged": lambda m, f: packed(with_model(m, b"\x80\x04pickle"), f),
    r"encoder 'vgg16', but a model with another": lambda m, f: packed(with_recipe(m, encoder="vgg16"), f),
    r"broad look of size 4": lambda m, f: packed(
        with_recipe(m, broad=[BroadLook(size=4, threshold=1.0).model_dump(mode="json")]), f
    ),
    r"long look, which its model lacks": lambda m, f: packed(
        with_recipe(m, long=LongLookLimits(warp=(5.0,), weft=(5.0,)).model_dump(mode="json")), f
    ),
}


@hostile(HOSTILE)
def test_a_hostile_bundle_is_refused_in_one_sentence(
    bundle: Path, tmp_path: Path, what: str, make: Callable[[dict[str, bytes], Path], Path]
) -> None:
    file = make(parts(bundle), tmp_path / "bad.recipe")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(RecordsError, match=what) as told:
        read_bundle(file, tmp_path / "scratch")
    assert str(told.value).endswith("; nothing was imported.")
    assert "\n" not in str(told.value)
    assert {one.name for one in tmp_path.iterdir()} == {"bad.recipe", "scratch"}


def test_a_refused_bundle_leaves_nothing_in_the_home(bundle: Path, tmp_path: Path) -> None:
    file = packed(with_recipe(parts(bundle), encoder="vgg16"), tmp_path / "bad.recipe")
    with Store.open(tmp_path / "home") as store:
        for bad in (file, tmp_path, tmp_path / "none"):
            with pytest.raises(RecordsError):
                import_recipe(store, bad, "ann")
        with pytest.raises(RecordsError, match="cannot be in a fabric's name"):
            import_recipe(store, bundle, "ann", fabric="a/b")
        assert History(store).fabrics() == []
    assert not (tmp_path / "home" / "models").exists()
    assert not list((tmp_path / "home").glob(".import-*"))


def refused_or_read(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "fuzz.recipe"
        file.write_bytes(content)
        (Path(folder) / "scratch").mkdir()
        with suppress(RecordsError):
            assert read_bundle(file, Path(folder) / "scratch").recipe.threshold > 0


UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@UNHURRIED
@given(data=st.data())
def test_no_change_of_bytes_gives_more_than_a_sentence(bundle: Path, data: st.DataObject) -> None:
    content = bytearray(bundle.read_bytes())
    ends = st.integers(0, 2000) | st.integers(len(content) - 400, len(content) - 1)  # where ZIP's own words are
    for place in data.draw(st.lists(ends | st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    refused_or_read(bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@UNHURRIED
@given(name=st.sampled_from(sorted(Recipe.model_fields)), value=JSON)
def test_no_value_in_a_recipe_whose_hash_is_right_gives_more_than_a_sentence(
    bundle: Path, name: str, value: object
) -> None:
    with TemporaryDirectory() as folder:
        content = packed(with_recipe(parts(bundle), **{name: value}), Path(folder) / "x").read_bytes()
    refused_or_read(content)


@UNHURRIED
@given(value=JSON)
def test_no_list_of_a_bundle_gives_more_than_a_sentence(bundle: Path, value: object) -> None:
    members = parts(bundle)
    told = json.loads(members[LIST])
    with TemporaryDirectory() as folder:
        for one in (value, {**told, "version": value}, {**told, "members": value}):
            body = json.dumps(one).encode()
            refused_or_read(packed(members | {LIST: body}, Path(folder) / "x").read_bytes())


@UNHURRIED
@given(data=st.data())
def test_no_model_whose_hashes_in_the_bundle_are_right_gives_more_than_a_sentence(
    bundle: Path, data: st.DataObject
) -> None:
    members = parts(bundle)
    content = bytearray(members[MODEL])
    size = int.from_bytes(content[:8], "little")
    for place in data.draw(st.lists(st.integers(0, size + 64), min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, part in with_model(members, bytes(content)).items():
            made.writestr(name, part)
    refused_or_read(target.getvalue())
