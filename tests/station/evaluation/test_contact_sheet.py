"""The contact sheet: what is small stays in sight, flawed images come first, pages are bounded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from station.evaluation import contact_sheet
from station.evaluation.at_threshold import Box
from station.evaluation.contact_sheet import (
    FOUND,
    HEADER,
    MARGIN,
    OFF_WEB,
    PAGE_LINES,
    PAGE_PX,
    TRUE,
    ContactSheet,
    colours,
    draw,
    highest,
)
from station.evaluation.datasets.dataset import Sample
from station.evaluation.measure import JudgedImage
from tests.rigs.made_up_data import save

BOX = Box(0, 8, 0, 8)


def image(
    path: Path, *, grey: int = 90, lines: int = 256, width: int = 256, flawed: bool = False, score: float = 0.2
) -> JudgedImage:
    """An even picture; if flawed, with a truth of 4 px at (40, 60) and a peak of the map there."""
    save(path, np.full((lines, width), grey, np.uint8))
    truth, heat = np.zeros((lines, width), bool), np.full((lines, width), score / 2, np.float32)
    if flawed:
        truth[40:42, 60:62] = True
        heat[40:44, 60:64] = score
    sample = Sample(path, "hole", (path,)) if flawed else Sample(path, "good")
    return JudgedImage(sample, heat, np.ones(truth.shape, bool), truth, (BOX,) * (score >= 0.5))


def read(file: Path) -> NDArray[np.uint8]:
    page = cv2.imread(str(file))
    assert page is not None
    return np.asarray(page[..., ::-1], np.uint8)


def has(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=-1).any())


def test_colours_jump_at_the_threshold() -> None:
    below, at, high, beyond = colours(np.array([[0.49, 0.5, 1.0, 7.0]], np.float32))[0].astype(int)
    assert np.abs(below - at).max() > 80
    np.testing.assert_array_equal(high, beyond)


@pytest.mark.parametrize(("lines", "width"), [(256, 4096), (4096, 256), (256, 256), (900, 1200), (640, 230), (64, 64)])
def test_a_flaw_of_two_px_stays_in_sight_at_any_size(tmp_path: Path, lines: int, width: int) -> None:
    drawn = draw(image(tmp_path / "a.png", lines=lines, width=width, flawed=True, score=0.9), "a.png")
    assert drawn.shape[1] <= PAGE_PX - 2 * MARGIN
    assert drawn.shape[0] < PAGE_LINES - HEADER
    assert has(drawn, FOUND)
    assert has(drawn, TRUE)
    assert has(drawn, tuple(colours(np.array([[0.9]], np.float32))[0, 0]))
    if max(lines, width) == 4096:
        assert drawn.shape[1] == PAGE_PX - 2 * MARGIN, "strips are as wide as the page, whichever way they lie"


@pytest.mark.parametrize("small", [1, 37, 90, 199, 200, 400])
def test_a_peak_of_one_px_is_kept_wherever_it_lies(small: int) -> None:
    for place in range(200):
        heat = np.zeros((3, 200), np.float32)
        heat[1, place] = 0.9
        shrunk = highest(heat, (small, 1))
        assert shrunk.shape == (1, small)
        assert shrunk.max() == np.float32(0.9), place
        assert abs(shrunk.argmax() + 0.5 - (place + 0.5) * small / 200) <= max(1, small / 200)


def test_nothing_is_outlined_where_nothing_is_found_or_flawed(tmp_path: Path) -> None:
    drawn = draw(image(tmp_path / "a.png"), "a.png")
    assert not has(drawn, FOUND)
    assert not has(drawn, TRUE)


def test_what_lies_off_the_web_is_not_shown_as_found(tmp_path: Path) -> None:
    shown = image(tmp_path / "a.png", flawed=True, score=0.9)
    web = shown.web.copy()
    web[:, :100] = False
    drawn = draw(JudgedImage(shown.sample, shown.anomaly_map * web, web, shown.truth, ()), "a.png")
    assert has(drawn, OFF_WEB)
    assert not has(drawn, FOUND)
    assert has(drawn, TRUE)


@pytest.mark.parametrize(
    ("flawed", "score", "words"),
    [(True, 0.9, "found"), (True, 0.3, "MISSED"), (False, 0.9, "FALSE ALARM"), (False, 0.3, "passed")],
)
def test_the_verdict_says_what_the_line_made_of_it(tmp_path: Path, flawed: bool, score: float, words: str) -> None:
    shown = image(tmp_path / "a.png", flawed=flawed, score=score)
    assert contact_sheet.verdict(shown).endswith(words)
    elsewhere = JudgedImage(shown.sample, np.zeros_like(shown.anomaly_map), ~shown.web, shown.truth, (BOX,))
    assert contact_sheet.verdict(elsewhere).endswith(("ELSEWHERE, NO CLOTH SEEN", "ALARM, NO CLOTH SEEN"))


def test_flawed_images_come_first_then_the_good_with_the_highest_scores(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path)
    kinds = [("g1", 40, False, 0.2), ("b", 80, True, 0.9), ("g2", 120, False, 0.4), ("a", 160, True, 0.1)]
    for name, grey, flawed, score in kinds:
        sheet.add(image(tmp_path / f"pictures/{name}.png", grey=grey, flawed=flawed, score=score), name)
    (tmp_path / "out").mkdir()
    files = sheet.save(tmp_path / "out", "title")
    column = np.concatenate([read(file)[HEADER:, MARGIN + 5, 0] for file in files])
    order = [grey for grey, after in pairwise(column) if grey != after]
    assert [grey for grey in order if grey in (40, 80, 120, 160)] == [160, 80, 120, 40]


def test_pages_are_bounded_and_every_image_is_on_one(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path)
    for number in range(23):
        size = (300, 200 + 10 * number) if number % 2 else (120, 1500)
        sheet.add(image(tmp_path / f"pictures/{number}.png", grey=30 + number * 5, lines=size[0], width=size[1]), "x")
    files = sheet.save(tmp_path, "title")
    assert [file.name for file in files] == [f"contact_sheet_{n:02}.png" for n in range(1, len(files) + 1)]
    assert len(files) > 1
    seen: set[int] = set()
    for file in files:
        page = read(file)
        assert page.shape[0] <= PAGE_LINES
        assert page.shape[1] == PAGE_PX
        seen |= set(np.unique(page[HEADER:, MARGIN:-MARGIN, 0]).tolist())
    assert {30 + number * 5 for number in range(23)} <= seen


def test_of_many_good_images_those_with_the_highest_scores_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "MOST_GOOD", 1)
    sheet = ContactSheet(tmp_path)
    for name, grey, flawed, score in (("a", 40, False, 0.2), ("b", 120, False, 0.4), ("c", 160, True, 0.1)):
        sheet.add(image(tmp_path / f"pictures/{name}.png", grey=grey, flawed=flawed, score=score), name)
    (file,) = sheet.save(tmp_path, "title")
    greys = set(read(file)[HEADER:, MARGIN + 5, 0].tolist())
    assert {120, 160} <= greys
    assert 40 not in greys


def test_long_names_and_titles_fit(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path)
    sheet.add(image(tmp_path / "a.png", lines=64, width=64), "größer/" + "x" * 400)
    (file,) = sheet.save(tmp_path, "title " * 200)
    assert read(file).shape[1] == PAGE_PX
