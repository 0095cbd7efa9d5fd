"""What evaluation counts: tiles on the web, positive by a single true pixel; images of any width through the line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import CameraError, EndOfClothError
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.evaluation.at_threshold import Box
from station.evaluation.datasets.dataset import Sample
from station.evaluation.datasets.pictures import PicturesCamera
from station.evaluation.measure import JudgedImage, Tally, judge, share, tiles
from station.recipe import Recipe
from tests.rigs.made_up_data import cloth, save

WEB = np.ones((256, 512), bool)
HIGH = 200.0 / 255


class Brightness(TileScorer):
    """A scorer whose maps are the tiles' own brightness, so that what should come out can be said beforehand."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([cv2.resize(tile, (64, 64), interpolation=cv2.INTER_AREA) for tile in tiles]) / np.float32(255)


RECIPE = Recipe(fabric="f", version=1, model_sha256="0" * 64, encoder="light", threshold=HIGH, web="full")


def judged(sample: Sample, anomaly_map: NDArray[np.float32], truth: NDArray[np.bool_], rejects: int = 0) -> JudgedImage:
    return JudgedImage(sample, anomaly_map, np.ones(truth.shape, bool), truth, (Box(0, 8, 0, 8),) * rejects)


def test_tiles_are_256_px_and_one_true_pixel_makes_one_positive() -> None:
    score = np.linspace(0.1, 0.2, 256 * 600, dtype=np.float32).reshape(256, 600)
    truth = np.zeros(score.shape, bool)
    truth[255, 300] = True
    web = np.ones(score.shape, bool)
    web[:, :256] = False
    scores, positive = tiles(score, truth, web)
    assert positive.tolist() == [True, False]
    assert scores[1] == pytest.approx(score[:, 512:].max())


def test_tiles_wholly_off_the_web_are_left_out() -> None:
    truth = np.zeros((256, 768), bool)
    truth[0, 10] = truth[0, 300] = True
    web = np.ones((256, 768), bool)
    web[:, :310] = False
    _, positive = tiles(np.ones((256, 768), np.float32), truth, web)
    assert positive.tolist() == [True, False]


def test_share_of_nothing_is_none() -> None:
    assert share(np.array([], bool)) is None
    assert share(np.array([True, False, False, True])) == 0.5


def test_perfect_maps_get_perfect_figures(tmp_path: Path) -> None:
    truth = np.zeros((256, 512), bool)
    truth[40:60, 300:330] = True
    tally = Tally()
    tally.add(judged(Sample(tmp_path / "g.png", "good"), np.full(truth.shape, 0.1, np.float32), truth & False))
    bad = Sample(tmp_path / "b.png", "hole", (tmp_path / "mask.png",))
    tally.add(judged(bad, np.where(truth, 0.9, 0.1).astype(np.float32), truth, rejects=1))
    figures = tally.figures()
    assert figures["detection_rate"] == figures["located_rate"] == 1
    assert figures["false_alarm_rate"] == 0
    for name in ("image_auroc", "image_f1max", "tile_auroc", "pixel_auroc", "pixel_ap", "aupro"):
        assert figures[name] == pytest.approx(1.0), name


def test_a_reject_in_the_wrong_place_is_not_located(tmp_path: Path) -> None:
    truth = np.zeros((256, 512), bool)
    truth[40:60, 300:330] = True
    elsewhere = np.roll(truth, 200, axis=1).astype(np.float32)
    tally = Tally()
    tally.add(judged(Sample(tmp_path / "b.png", "hole", (tmp_path / "m.png",)), elsewhere, truth, rejects=1))
    figures = tally.figures()
    assert (figures["detection_rate"], figures["located_rate"]) == (1, 0)


def test_what_is_flawed_off_the_web_is_told(tmp_path: Path) -> None:
    """Of three flaws of 40, 20 and 40 px one lies on the web, one half off it, one beyond."""
    truth, web = np.zeros((256, 512), bool), np.zeros((256, 512), bool)
    web[:, 100:] = True
    for place in (np.s_[10:20, 200:204], np.s_[50:60, 99:101], np.s_[90:100, 0:4]):
        truth[place] = True
    bad = Sample(tmp_path / "b.png", "hole", (tmp_path / "m.png",))
    tally = Tally()
    for _ in range(2):
        tally.add(JudgedImage(bad, np.zeros(truth.shape, np.float32), web, truth, ()))
    figures = tally.figures()
    assert figures["true_px_off_web_share"] == 0.5
    assert figures["flaws_off_web"] == 2
    assert json.loads(json.dumps(figures)) == figures
    tally = Tally()
    tally.add(judged(Sample(tmp_path / "g.png", "good"), np.zeros(truth.shape, np.float32), truth & False))
    assert tally.figures()["true_px_off_web_share"] is None


def test_one_class_alone_gives_none_not_a_riddle(tmp_path: Path) -> None:
    tally = Tally()
    nothing = np.zeros(WEB.shape, bool)
    tally.add(judged(Sample(tmp_path / "g.png", "good"), np.full(WEB.shape, 0.1, np.float32), nothing))
    figures = tally.figures()
    assert figures["image_auroc"] is None
    assert figures["detection_rate"] is None
    assert figures["false_alarm_rate"] == 0


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Dark cloth of two widths, two with a bright flaw of 16 px, one of these at the right edge of the narrower."""
    made: list[Sample] = []
    for number, (width, left) in enumerate([(300, None), (400, 200), (300, 284), (400, None)]):
        picture, mask = np.full((320, width), 60, np.uint8), np.zeros((320, width), np.uint8)
        if left is not None:
            picture[100:116, left : left + 16] = mask[100:116, left : left + 16] = 255
            save(tmp_path / "truth" / f"{number}.png", mask)
        path = save(tmp_path / ("good" if left is None else "bad") / f"{number}.png", picture)
        made.append(Sample(path, "good") if left is None else Sample(path, "hole", (tmp_path / f"truth/{number}.png",)))
    return made


def test_images_of_several_widths_are_judged_each_at_its_own(samples: list[Sample]) -> None:
    images: dict[str, JudgedImage] = {}
    begun: list[tuple[int, int]] = []
    figures, playback = judge(
        samples,
        Brightness(),
        RECIPE,
        on_image=lambda image: images.update({image.sample.path.name: image}),
        progress=lambda now, of: begun.append((now, of)),
    )
    assert begun == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted(playback.pieces) == ["bad/1.png", "bad/2.png", "good/0.png", "good/3.png"]
    for sample, width in zip(samples, (300, 400, 300, 400), strict=True):
        image = images[sample.path.name]
        assert image.anomaly_map.shape == image.web.shape == image.truth.shape == (320, width)
        assert image.web.all()
        assert image.located is (not sample.is_good)
        assert image.score == pytest.approx(0.5 * (60 if sample.is_good else 255) / 200, rel=0.05)
    assert figures["image_auroc"] == figures["detection_rate"] == figures["located_rate"] == 1
    assert figures["false_alarm_rate"] == 0
    assert figures["pixel_auroc"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("edge_margin_mm", [0, 40])
def test_a_flaw_counts_once_though_its_mirror_image_is_rejected_too(tmp_path: Path, edge_margin_mm: float) -> None:
    """At columns 272 to 284 of 300: again at 315 to 327 of the camera's 400, and off any margin there."""
    picture, mask = np.full((320, 300), 60, np.uint8), np.zeros((320, 300), np.uint8)
    picture[100:116, 272:284] = mask[100:116, 272:284] = 255
    bad = Sample(save(tmp_path / "bad.png", picture), "hole", (save(tmp_path / "truth/bad.png", mask),))
    good = Sample(save(tmp_path / "good.png", np.full((320, 400), 60, np.uint8)), "good")
    images: dict[str, JudgedImage] = {}
    recipe = RECIPE.model_copy(update={"edge_margin_mm": edge_margin_mm})
    _, playback = judge([bad, good], Brightness(), recipe, on_image=lambda i: images.update({i.sample.path.name: i}))
    defects = playback.pieces["bad.png"].defects
    assert len(defects) == 2, "the mirror image is judged, but not counted"
    assert all(defect.crop is defect.crop_scores is None for defect in defects), "pictures are not kept"
    assert (len(images["bad.png"].rejects), images["bad.png"].located) == (1, True)
    assert images["good.png"].rejects == ()


def test_figures_do_not_depend_on_the_order_of_the_samples(samples: list[Sample]) -> None:
    assert judge(samples, Brightness(), RECIPE)[0] == judge(samples[::-1], Brightness(), RECIPE)[0]


def blocks(camera: PicturesCamera) -> dict[str, NDArray[np.uint8]]:
    """All pieces of a camera, put together; checks that line numbers run on."""
    camera.start()
    pieces: dict[str, list[NDArray[np.uint8]]] = {}
    line = 0
    while line < camera.total_lines:
        block = camera.read(0)
        assert block is not None
        assert block.first_line == line
        line = block.end_line
        assert camera.encoder().due_line == line
        pieces.setdefault(block.piece or "", []).append(block.pixels)
    with pytest.raises(EndOfClothError):
        camera.read(0)
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


def test_narrower_pictures_go_on_as_their_mirror_image(tmp_path: Path) -> None:
    wide, narrow = cloth(1, 100, 90), cloth(2, 70, 64)
    paths = [save(tmp_path / "a/x.png", wide), save(tmp_path / "b/x.png", narrow)]
    camera = PicturesCamera(paths, block_lines=32)
    assert (camera.width_px, camera.channels) == (90, 1)
    assert [(p.name, p.path, p.width_px) for p in camera.pictures] == [
        ("b/x.png", paths[1], 64),
        ("a/x.png", paths[0], 90),
    ]
    played = blocks(camera)
    np.testing.assert_array_equal(played["a/x.png"], wide)
    np.testing.assert_array_equal(played["b/x.png"], np.pad(narrow, ((0, 0), (0, 26)), "reflect"))


def test_grey_pictures_among_colour_are_played_in_colour(tmp_path: Path) -> None:
    grey, colour = cloth(1, 40, 90), np.dstack([cloth(seed, 40, 64) for seed in (2, 3, 4)])
    camera = PicturesCamera([save(tmp_path / "g.png", grey), save(tmp_path / "c.png", colour)])
    played = blocks(camera)
    np.testing.assert_array_equal(played["g.png"], np.dstack([grey] * 3))
    np.testing.assert_array_equal(played["c.png"][:, :64], colour[..., ::-1])


def test_unreadable_pictures_are_told_before_anything_is_played(tmp_path: Path) -> None:
    path = save(tmp_path / "g.png", cloth(1))
    (tmp_path / "b.png").write_bytes(path.read_bytes()[:50])
    with pytest.raises(CameraError, match=r"b\.png"):
        PicturesCamera([path, tmp_path / "b.png"])
