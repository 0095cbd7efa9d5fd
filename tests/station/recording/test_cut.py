"""Pictures cut out of recorded cloth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.recording.format import What
from station.contract import Ledger, Notice, RollEnded, Severity
from station.recording import cut
from station.recording.cut import picture_of
from station.records.history import History
from station.records.store import Store
from tests.rigs.recordings import came, look, pixels, record
from tests.rigs.records import make_recipe


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A roll of which lines 0 to 16 and 24 to 32 are recorded, from encoder line 100 on."""
    monkeypatch.setattr(cut, "AROUND_PX", 2)
    looks = (look(What.START, 100), came(100), came(108), came(124), look(What.END, 132))
    folder = record(tmp_path / "home" / "recordings" / "r", *looks)
    with Store.open(tmp_path / "home") as store:
        store.begin_roll("a", make_recipe(), "cam")
        store.write(Notice(Severity.INFO, f"Roll a is recorded in {folder}."))
        store.write(RollEnded("a", Ledger()))
        store.begin_roll("b", make_recipe(), "cam")
        store.write(RollEnded("b", Ledger()))
        assert store.flush()
        yield History(store)


def test_a_picture_is_cut_over_the_joint_of_blocks_and_black_where_nothing_was_recorded(recorded: History) -> None:
    made = picture_of(recorded, "a", (6, 20), (10, 12))
    assert made is not None
    cloth = np.concatenate([pixels(8, 100), pixels(8, 108)])
    assert made.shape == (18, 6)
    assert np.array_equal(made[:12], cloth[4:16, 8:14])
    assert not made[12:].any()


def test_a_picture_ends_at_the_edges_of_the_camera_and_the_roll(recorded: History) -> None:
    made = picture_of(recorded, "a", (0, 3), (0, 64))
    assert made is not None
    assert np.array_equal(made, pixels(8, 100)[:5])


@pytest.mark.parametrize(("roll", "lines"), [("a", (60, 70)), ("a", (18, 22)), ("b", (0, 5))])
def test_where_nothing_was_recorded_there_is_no_picture(recorded: History, roll: str, lines: tuple[int, int]) -> None:
    assert picture_of(recorded, roll, lines, (3, 9)) is None


def test_a_recording_that_is_gone_or_damaged_gives_no_picture(recorded: History) -> None:
    folder = recorded.recording("a")
    assert folder is not None
    for segment in folder.iterdir():
        segment.write_bytes(b"x")
    assert picture_of(recorded, "a", (0, 5), (3, 9)) is None
    for segment in folder.iterdir():
        segment.unlink()
    folder.rmdir()
    assert picture_of(recorded, "a", (0, 5), (3, 9)) is None
