"""Which pictures a folder holds: links are followed, loops end, numbers count by value, junk is passed over."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.images import list_pictures, natural_key
from drivers.replay import ReplayCamera
from tests.rigs.picture_files import drawn_cloth, encoded, refusal, write

DATA = encoded("PNG", drawn_cloth(8, 12))


def names(folder: Path) -> list[str]:
    return [name for name, _ in list_pictures(folder).files]


@pytest.mark.field("f10")
def test_numbers_in_names_count_by_value(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    wanted = [f"day {day}/roll_{number}.png" for day in (2, 10) for number in (*range(1, 13), 100)]
    for name in sorted(wanted, key=hash):
        write(tmp_path / name, DATA)
    assert ReplayCamera(tmp_path).images == wanted
    assert [piece.name for piece in ReplayCamera([tmp_path / name for name in reversed(wanted)]).pieces] == wanted
    record_property("now", "1, 2 ... 10, 11, 100 are played in this order, in names of folders too: 26 of 26 in place.")


@given(
    st.lists(st.tuples(st.sampled_from("aB_-. /é"), st.integers(0, 999)), min_size=1, max_size=4), st.integers(0, 99)
)
def test_padded_numbers_keep_plain_order(parts: list[tuple[str, int]], other: int) -> None:
    one = "".join(f"{text}{number:03d}" for text, number in parts)
    two = "".join(f"{text}{number + other:03d}"[: len(text) + 3] for text, number in parts[::-1])
    assert (natural_key(one) < natural_key(two)) == (one < two)


@pytest.mark.field("f09")
def test_linked_folders_and_files_are_played(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    for name in ("store/day2/a.png", "store/day2/deep/b.png", "roll/day1/a.png"):
        write(tmp_path / name, DATA)
    (tmp_path / "roll/day2").symlink_to(tmp_path / "store/day2")
    (tmp_path / "roll/linked.png").symlink_to(tmp_path / "store/day2/a.png")
    assert names(tmp_path / "roll") == ["day1/a.png", "day2/a.png", "day2/deep/b.png", "linked.png"]
    (tmp_path / "only").mkdir()
    (tmp_path / "only/day2").symlink_to(tmp_path / "store/day2")
    assert names(tmp_path / "only") == ["day2/a.png", "day2/deep/b.png"]
    (tmp_path / "roll_link").symlink_to(tmp_path / "roll")
    assert len(names(tmp_path / "roll_link")) == 4
    record_property(
        "now", "Pictures behind linked folders and linked files are played: 4 of 4, and 2 of 2 behind links."
    )


@pytest.mark.field("f09")
def test_links_in_a_circle_end_and_no_picture_comes_twice(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for name in ("a/1.png", "b/2.png"):
        write(tmp_path / name, DATA)
    (tmp_path / "a/self").symlink_to(tmp_path)
    (tmp_path / "a/other").symlink_to(tmp_path / "b")
    (tmp_path / "b/other").symlink_to(tmp_path / "a")
    (tmp_path / "latest").symlink_to(tmp_path / "b")
    found = list_pictures(tmp_path)
    assert [name for name, _ in found.files] == ["a/1.png", "b/2.png"]
    assert any("latest is a link to" in note and "left out" in note for note in found.notes)
    record_property("now", "Of two folders that link to each other and to themselves, each picture comes once: 2.")


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.png", DATA)
    (tmp_path / "day2").symlink_to(tmp_path / "gone")
    told = refusal(partial(list_pictures, tmp_path))
    assert f"{tmp_path / 'day2'} is a link that leads nowhere ({tmp_path / 'gone'})" in told
    (tmp_path / "day2").unlink()
    (tmp_path / "b.png").symlink_to(tmp_path / "b.png")  # to itself
    assert "b.png is a link that leads nowhere" in refusal(partial(list_pictures, tmp_path))


def test_a_link_to_no_picture_may_lead_nowhere(tmp_path: Path) -> None:
    write(tmp_path / "a.png", DATA)
    for name in ("notes.txt", "ledger.CSV", "old.db"):
        (tmp_path / name).symlink_to(tmp_path / "gone")
    assert [name for name, _ in list_pictures(tmp_path).files] == ["a.png"]


def test_what_systems_and_archives_leave_behind_is_passed_over(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "__MACOSX/._a.png",
        "__MACOSX/a.png",
        ".DS_Store",
        "Thumbs.db",
        "@eaDir/a.png",
        ".trash/a.png",
    ):
        write(tmp_path / name, DATA)
    found = list_pictures(tmp_path)
    assert [name for name, _ in found.files] == ["a.png"]
    assert found.notes == []


def test_pictures_of_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.heic", "c.GIF", "d.jxl", "e.psd", "f.txt"):
        write(tmp_path / name, DATA)
    (note,) = list_pictures(tmp_path).notes
    assert "b.heic, c.GIF, d.jxl and 1 more" in note
    assert "b.heic" in ReplayCamera(tmp_path).take_notices()[0].text


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "a.png is no file" in refusal(partial(list_pictures, tmp_path))
    (tmp_path / "a.png").unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "b.png"))
    assert "b.png is no file" in refusal(partial(list_pictures, tmp_path))
