"""Teach-in: what teaches and what is held out, suspects with pictures, progress, cancelling, the same again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from drivers.camera import Camera, EndOfClothError
from drivers.memory import MemoryCamera
from drivers.replay import ReplayCamera
from drivers.simulated.cloth import Cloth
from model.encoder import Encoder, Light
from model.mfrnet import MFRNetConfig
from model.time_budget import Progress, TeachingCancelled
from station.commands.teach import SUSPECTS_NAMED, figures_of, sentences, suspects_named, web_told
from station.contract import StationError
from station.playback import play
from station.recipe import Recipe
from station.recipe.camera_overrides import CameraOverrides
from station.recipe.looks_chosen import looks_of, with_looks
from station.recipe.overruled import kept_told
from station.recipe.web import FULL, WebRule
from station.records.history import History
from station.records.rows import RecordsError
from station.records.store import Store
from station.teaching.request import TeachRequest
from station.teaching.sampling import TEACHING_BLOCK_LINES, Place, Section, TileCollector, collect
from station.teaching.suspects import Suspect
from station.teaching.teach_in import ProgressSink, TeachInResult, teach

SMALL = MFRNetConfig(channels=24, width=32, steps=12)
SHORT = MFRNetConfig(channels=24, width=32, steps=2)
"""For teach-ins of which nothing is kept."""
DRAFT = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0)
WIDTH, BLOCKS = 768, 16


def lines_of(section: Section) -> list[int]:
    section.start()
    firsts: list[int] = []
    while True:
        try:
            block = section.read(0.0)
        except EndOfClothError:
            return firsts
        if block is not None:
            firsts.append(block.first_line)


def test_every_fourth_block_is_held_out_and_none_is_in_both() -> None:
    cloth = np.zeros((256 * 8 + 100, 64), np.uint8)
    teaching = lines_of(Section(MemoryCamera(cloth, lines=len(cloth)), held_out=False))
    held = lines_of(Section(MemoryCamera(cloth, lines=len(cloth)), held_out=True))
    assert held == [3 * 256, 7 * 256]
    assert teaching == [n * 256 for n in (0, 1, 2, 4, 5, 6)]


def test_the_collector_keeps_an_even_sample_within_its_bound() -> None:
    collector = TileCollector(seed=1, limit=50)
    for number in range(100):
        maps = collector.infer(np.full((10, 256, 256), number, np.uint8))
        assert maps.shape == (10, 64, 64)
    assert len(collector.tiles) == len(collector.places) == 50
    kept = np.array([tile[0, 0] for tile in collector.tiles])
    assert kept.mean() == pytest.approx(49.5, abs=15)


def test_collected_tiles_are_those_of_the_line_and_know_their_place(good_cloth: NDArray[np.uint8]) -> None:
    cloth = np.hstack([np.full((len(good_cloth), 60), 250, np.uint8), good_cloth])  # a lamp beside the web
    collected, shown = TileCollector(3, limit=40), TileCollector(3, limit=40)
    collect(Section(MemoryCamera(cloth, lines=len(cloth)), held_out=False), DRAFT, collected, lambda: False)
    play(Section(MemoryCamera(cloth, lines=len(cloth)), held_out=False), shown, DRAFT)
    assert all(np.array_equal(*pair) for pair in zip(collected.tiles, shown.tiles, strict=True))
    for tile, place in zip(collected.tiles, collected.places, strict=True):
        assert place is not None
        assert place.first_px >= place.left_px >= 60
        part = cloth[place.first_line : place.end_line, place.first_px : place.end_px]
        assert np.array_equal(tile[: part.shape[0], : part.shape[1]], part)


@pytest.fixture(scope="module")
def good_cloth() -> NDArray[np.uint8]:
    """Simulated good cloth that fills the picture, uint8 [4096, 768]."""
    return Cloth("demo", width_px=WIDTH, mm_per_px=0.5, seed=5).render(0, BLOCKS * 256)


@pytest.fixture(scope="module")
def small_encoder() -> Encoder:
    """A little random trunk with the light encoder's anatomy."""
    torch.manual_seed(3)
    return Light((8, 16, 32), 48).eval()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(tmp_path / "home")
    yield opened
    opened.close()


def folder_of(cloth: NDArray[np.uint8], folder: Path) -> Callable[[], Camera]:
    """Pictures of four blocks each, and what opens them."""
    folder.mkdir()
    for number in range(BLOCKS // 4):
        cv2.imwrite(str(folder / f"{number}.png"), cloth[number * 1024 : (number + 1) * 1024])
    return lambda: ReplayCamera(folder, block_lines=TEACHING_BLOCK_LINES)


def dirty(cloth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cloth with a stain in two tiles that teach and one in the cloth held out (line 1664)."""
    made = cloth.copy()
    for x, y in ((300, 400), (610, 2688), (150, 1664)):
        cv2.circle(made, (x, y), 12, 20, -1)
    return made


def taught(
    cloth: Callable[[], Camera],
    encoder: Encoder,
    store: Store,
    seed: int = 0,
    progress: ProgressSink | None = None,
    cancelled: Callable[[], bool] | None = None,
    config: MFRNetConfig = SMALL,
) -> TeachInResult:
    request = TeachRequest("f", mm_per_px=0.5, minutes=20, seed=seed, device="torch", config=config)
    return teach(request, cloth, encoder, store, progress=progress, cancelled=cancelled)[0]


@pytest.mark.slow
def test_dirty_cloth_is_suspect_named_and_shown(
    good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store, tmp_path: Path
) -> None:
    cloth = dirty(good_cloth)
    result = taught(folder_of(cloth, tmp_path / "cloth"), small_encoder, store)
    stains = {("0.png", 400, 300, False), ("2.png", 2688 - 2048, 610, False), ("1.png", 1664 - 1024, 150, True)}
    seen = set()
    for number, suspect in enumerate(result.suspects, start=1):
        place = suspect.place
        for picture, line, px, held_out in stains:
            line_apart, px_apart = place.first_line + suspect.line - line, place.first_px + suspect.px - px
            if (place.piece, suspect.held_out) == (picture, held_out) and max(abs(line_apart), abs(px_apart)) <= 24:
                seen.add((picture, line, px, held_out))
        assert result.pictures == store.home / "suspects" / "f-v1"
        shown = cv2.imread(str(result.pictures / f"{number:03d}.png"))
        first = int(place.piece[0]) * 1024 + place.first_line
        original = cloth[first : first + shown.shape[0], place.first_px : place.first_px + shown.shape[1]]
        assert (shown[:, :, 0] == original).mean() > 0.9  # but for the frame around the highest score
    assert seen == stains
    assert len(result.suspects) <= 12  # tiles overlap, so that a stain may lie in four
    told = figures_of(result)
    assert [Path(str(row["picture"])).is_file() for row in told["suspects"]] == [True] * len(result.suspects)
    assert any(str(result.pictures) in sentence and "take such cloth out" in sentence for sentence in told["warnings"])
    named = [SAID_OF_A_SUSPECT.fullmatch(line) for line in suspects_named(result)]
    assert len(named) == len(result.suspects)
    for said in named:
        assert said is not None
        file, picture, *numbers = said.groups()
        x, y, width, height = map(int, numbers)
        first = int(picture[0]) * 1024 + y
        shown = cv2.imread(str(result.pictures / file))
        assert shown.shape == (height, width, 3)
        assert (shown[:, :, 0] == cloth[first : first + height, x : x + width]).mean() > 0.9, "it is found by the words"


SAID_OF_A_SUSPECT = re.compile(r"(\d{3}\.png): (\d\.png), column (\d+), line (\d+), (\d+) × (\d+) px")


@dataclass(frozen=True)
class Course:
    """A teach-in, and what was told on its way."""

    result: TeachInResult
    home: Path
    told: list[Progress]


@pytest.fixture(scope="module")
def clean(good_cloth: NDArray[np.uint8], small_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Clean cloth taught with seed 1."""
    folder = tmp_path_factory.mktemp("clean")
    told: list[Progress] = []
    store = Store.open(folder / "home")
    try:
        cloth = folder_of(good_cloth, folder / "cloth")
        return Course(taught(cloth, small_encoder, store, seed=1, progress=told.append), store.home, told)
    finally:
        store.close()


def test_clean_cloth_leaves_no_pictures_but_that_of_the_web_and_says_that_it_is_little(clean: Course) -> None:
    result = clean.result
    assert len(result.suspects) <= 1
    pictures = {file.name for file in (clean.home / "suspects" / "f-v1").iterdir()}
    assert pictures == {"web.png"} | {f"{number:03d}.png" for number, _ in enumerate(result.suspects, start=1)}
    cloth = result.recipe.cloth
    assert cloth is not None
    assert (cloth.width_px, cloth.channels, cloth.white) == (WIDTH, 1, 255)
    assert (cloth.web_left_px, cloth.web_right_px) == (0, WIDTH)
    assert web_told(result).startswith("Columns 0 to 767 of 768 were taken for cloth.  Drawn in ")
    little, extrapolated = sentences(result)[:2]
    assert "about 200 tiles would be good" in little
    suspects = sum(suspect.held_out for suspect in result.suspects)
    assert 16 - 3 * suspects <= result.threshold.patches <= 16 - suspects, "they and what lies beside them set none"
    assert f"{result.tiles + result.threshold.patches} tiles" in little
    assert f"extrapolated {result.threshold.extrapolation:.0f} times beyond the cloth seen" in extrapolated
    told = figures_of(result)
    low, high = told["predicted_false_alarms_per_100_m_interval"]
    assert 0 <= low < told["predicted_false_alarms_per_100_m"] < high


def test_the_looks_taught_are_named_with_their_shares_of_the_false_alarms(clean: Course) -> None:
    looks, told = clean.result.looks, figures_of(clean.result)
    assert told["looks"] == list(looks.shares) == list(looks_of(clean.result.recipe))
    assert told["looks"][0] == "fine"
    assert {*looks.shares, *looks.left_off} == {"fine", "broad 2", "broad 4", "long"}
    assert all(f"{name} {share:.0%}" in told["looks_told"] for name, share in looks.shares.items())
    assert all(f"{name} ({why})" in told["looks_told"] for name, why in looks.left_off.items())


@pytest.mark.slow
def test_the_same_seed_makes_the_same_model_and_threshold(
    clean: Course, good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store, tmp_path: Path
) -> None:
    cloth = folder_of(good_cloth, tmp_path / "cloth")
    again = taught(cloth, small_encoder, store, seed=1).recipe
    bright = CameraOverrides(exposure_us=80.0)
    store.save_recipe(again.model_copy(update={"camera": bright}), "me", "dark yarn")
    other = taught(cloth, small_encoder, store, seed=2).recipe
    assert (again.camera, other.camera) == (CameraOverrides(), bright), "a new teach-in keeps the camera's settings"
    one = clean.result.recipe
    assert one.model_sha256 == again.model_sha256
    assert one.threshold == again.threshold
    assert one.model_sha256 != other.model_sha256


def test_progress_never_goes_back_and_spans_the_whole(clean: Course) -> None:
    told = clean.told
    assert list(dict.fromkeys(one.stage for one in told)) == STAGES
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert told[-1].seconds_left == 0
    assert all(0 <= one.seconds_left <= 20 * 60 for one in told)


STAGES = ["reading cloth", "teaching", "calibrating", "setting the threshold", "looking for suspect cloth", "done"]


def test_of_many_suspects_the_first_are_named_and_the_others_counted(clean: Course) -> None:
    places = [Place("a.png", n, n + 256, 8, 264, 0, 768) for n in range(SUSPECTS_NAMED + 3)]
    suspects = tuple(Suspect(place, 0, 0, 2.0, False) for place in places)
    *named, rest = suspects_named(replace(clean.result, suspects=suspects, pictures=None))
    assert named == [f"no picture: a.png, column 8, line {n}, 256 × 256 px" for n in range(SUSPECTS_NAMED)]
    assert rest == "and 3 more"
    assert suspects_named(replace(clean.result, suspects=suspects[:SUSPECTS_NAMED], pictures=None)) == named
    assert not suspects_named(replace(clean.result, suspects=()))


@pytest.mark.parametrize("stage", [STAGES[0], *(pytest.param(stage, marks=pytest.mark.slow) for stage in STAGES[1:-1])])
def test_cancelled_at_any_stage_nothing_is_left(
    stage: str, good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store, tmp_path: Path
) -> None:
    cloth = folder_of(dirty(good_cloth), tmp_path / "cloth")
    reached: list[str] = []
    with pytest.raises(TeachingCancelled):
        taught(
            cloth,
            small_encoder,
            store,
            progress=lambda progress: reached.append(progress.stage),
            cancelled=lambda: stage in reached,
            config=SHORT,
        )
    assert reached[-1] == stage
    assert not list(store.home.glob("models/*"))
    assert not list(store.home.glob("suspects*"))
    with pytest.raises(RecordsError):
        History(store).recipe("f")


@pytest.mark.slow
def test_a_disk_without_room_for_pictures_leaves_nothing(
    good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store, tmp_path: Path
) -> None:
    (store.home / "suspects").write_text("a file where the folder should be")
    with pytest.raises(StationError, match="make room"):
        taught(folder_of(dirty(good_cloth), tmp_path / "cloth"), small_encoder, store, config=SHORT)
    assert not list(store.home.glob("models/*"))


def test_too_little_cloth_is_told(good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store) -> None:
    some = good_cloth[: 5 * 256]
    with pytest.raises(StationError, match="Too little cloth: 4 patches"):
        taught(lambda: MemoryCamera(some, lines=len(some)), small_encoder, store)
    with pytest.raises(StationError, match="No cloth was found"):
        taught(lambda: MemoryCamera(good_cloth, lines=100), small_encoder, store)


@pytest.mark.slow
def test_pictures_without_yarns_are_asked_about_and_full_confirms(small_encoder: Encoder, store: Store) -> None:
    felt = np.clip(np.random.default_rng(0).normal(120, 4, (12 * 256, WIDTH)), 0, 255).astype(np.uint8)

    def cloth() -> Camera:
        return MemoryCamera(felt, lines=len(felt))

    request = TeachRequest("f", minutes=20, device="torch", config=SMALL)
    with pytest.raises(StationError, match=r"no yarns.*is that cloth\?.*--web full"):
        teach(request, cloth, small_encoder, store)
    blank = np.full_like(felt, 255)
    with pytest.raises(StationError, match="No cloth was found in the pictures"):
        teach(request, lambda: MemoryCamera(blank, lines=len(blank)), small_encoder, store)
    result, _ = teach(replace(request, web=FULL), cloth, small_encoder, store)
    assert result.recipe.web_look is None
    assert result.recipe.web == FULL


def test_the_recipe_keeps_what_lies_beside_the_cloth(clean: Course) -> None:
    look = clean.result.recipe.web_look
    assert look is not None
    assert look.fills
    assert Recipe.model_validate_json(clean.result.recipe.model_dump_json()).web_look == look
    assert look.told() in web_told(clean.result)


@pytest.mark.slow
def test_what_people_set_in_the_recipe_outlives_the_next_teach_in(
    good_cloth: NDArray[np.uint8], small_encoder: Encoder, store: Store, tmp_path: Path
) -> None:
    cloth = folder_of(good_cloth, tmp_path / "cloth")
    first = taught(cloth, small_encoder, store)
    assert first.kept == ()
    assert kept_told(first.recipe, first.kept) == ""
    columns = WebRule.of("64:704")
    changed = first.recipe.model_copy(update={"min_length_mm": 7.0, "tells_differing": False, "web": columns})
    assert all(looks_of(changed).values())
    assert "broad 2" in looks_of(changed)
    changed = with_looks(changed, ",".join(looks_of(changed).keys() - {"broad 2"}))
    store.save_recipe(changed, "ann", "settings by command")
    again = taught(cloth, small_encoder, store)
    assert (again.recipe.min_length_mm, again.recipe.tells_differing, again.recipe.web) == (7.0, False, columns)
    assert again.recipe.cloth is not None
    assert (again.recipe.cloth.web_left_px, again.recipe.cloth.web_right_px) == (64, 704)
    assert "least size 7 mm" in figures_of(again)["kept_told"]
    assert [name for name, is_on in looks_of(again.recipe).items() if not is_on] == ["broad 2"]
    assert "broad 2 look off (--looks)" in figures_of(again)["kept_told"]
