"""What evaluation counts: tiles on the web, positive by a single true pixel."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from model.datasets import Sample
from model.errors import ModelError
from station.evaluation import Judgement, share, tiles, true_mask
from station.playback import Piece, Playback
from tests.station.stand_ins import snapshot

WEB = np.ones((256, 512), bool)


def test_tiles_are_256_px_and_one_true_pixel_makes_one_positive() -> None:
    score = np.linspace(0.1, 0.2, 256 * 600, dtype=np.float32).reshape(256, 600)
    truth = np.zeros(score.shape, bool)
    truth[255, 300] = True
    web = np.ones(score.shape, bool)
    web[:, :256] = False
    scores, positive = tiles([score], [truth], [web])
    assert positive.tolist() == [True, False]
    assert scores[1] == pytest.approx(score[:, 512:].max())


def test_tiles_wholly_off_the_web_are_left_out() -> None:
    truth = np.zeros((256, 768), bool)
    truth[0, 10] = truth[0, 300] = True
    web = np.ones((256, 768), bool)
    web[:, :310] = False
    _, positive = tiles([np.ones((256, 768), np.float32)], [truth], [web])
    assert positive.tolist() == [True, False]


def test_share_of_nothing_is_none() -> None:
    assert share(np.array([], bool)) is None
    assert share(np.array([True, False, False, True])) == 0.5


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((10, 10), np.uint8))
    with pytest.raises(ModelError, match="agree"):
        true_mask(Sample(tmp_path / "i.png", "hole", tmp_path / "mask.png"), (20, 20))
    (tmp_path / "broken.png").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"broken\.png"):
        true_mask(Sample(tmp_path / "i.png", "hole", tmp_path / "broken.png"), (20, 20))


def test_perfect_maps_get_perfect_figures(tmp_path: Path) -> None:
    mask = np.zeros((256, 512), np.uint8)
    mask[40:60, 300:330] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    samples = {
        "good": Sample(tmp_path / "g.png", "good"),
        "bad": Sample(tmp_path / "b.png", "hole", tmp_path / "mask.png"),
    }
    judgement = Judgement(samples)
    judgement.take("good", np.full((256, 512), 0.1, np.float32), WEB)
    judgement.take("bad", np.where(mask > 0, 0.9, 0.1).astype(np.float32), WEB)
    figures = judgement.figures(Playback({name: Piece(name) for name in samples}, [], snapshot()))
    assert figures["detection_rate"] == 0
    assert figures["false_alarm_rate"] == 0
    for name in ("image_auroc", "image_f1max", "tile_auroc", "pixel_auroc", "pixel_ap"):
        assert figures[name] == pytest.approx(1.0), name


def test_one_class_alone_gives_none_not_a_riddle(tmp_path: Path) -> None:
    judgement = Judgement({"good": Sample(tmp_path / "g.png", "good")})
    judgement.take("good", np.full((256, 512), 0.1, np.float32), WEB)
    figures = judgement.figures(Playback({"good": Piece("good")}, [], snapshot()))
    assert figures["image_auroc"] is None
    assert figures["detection_rate"] is None
    assert figures["false_alarm_rate"] == 0
