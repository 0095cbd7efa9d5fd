"""A picture of a defect that a person puts on record never lies about without its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.contract import DefectKind, Ledger, RollEnded, Stretch, StretchClosed
from station.records.defects import missed as module
from station.records.defects.missed import COMING
from station.records.defects.words import Missed
from station.records.history import History
from station.records.locks import FileLock
from station.records.rows import DefectFilter, RecordsError
from station.records.store import Store
from tests.rigs.records import make_recipe, picture, run_python

SEEN = Missed("a", 150.0, 22.0, 12.0, 3.0, DefectKind.WEFT_LINE, picture=picture())
KILLED = """
import os
from station.contract import *
from station.records.defects import missed
from station.records.defects.words import Missed
store = Store.open(home)
store.begin_roll("a", make_recipe(), "cam")
store.write(StretchClosed(Stretch(0, 400)))
store.write(RollEnded("a", Ledger(400, 400)))
assert store.flush()
missed.rate = lambda *_words: os._exit(9)
store.reviews.put_missed(Missed("a", 150.0, 22.0, 12.0, 3.0, DefectKind.WEFT_LINE, picture=picture()), "ann")
"""


def pictures(home: Path) -> list[str]:
    return sorted(file.relative_to(home).as_posix() for file in home.glob("images/**/*.png"))


def test_a_kill_between_picture_and_row_leaves_no_picture_in_the_roll(home: Path) -> None:
    assert run_python(KILLED, home, check=False).returncode == 9
    assert pictures(home) == ["images/1/-1-crop.png"]
    with Store.open(home) as store:
        assert pictures(home) == ["images/orphans/1/-1-crop.png"]
        store.reviews.put_missed(SEEN, "ann")
        assert pictures(home) == ["images/1/-1-crop.png", "images/orphans/1/-1-crop.png"]
    with Store.open(home):
        assert pictures(home) == ["images/1/-1-crop.png", "images/orphans/1/-1-crop.png"]


def test_one_that_the_database_refuses_leaves_none_once_the_next_is_put_there(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    store.write(StretchClosed(Stretch(0, 400)))
    store.write(RollEnded("a", Ledger(400, 400)))
    assert store.flush()

    def refuse(*_words: object) -> None:
        raise RecordsError("no")

    with monkeypatch.context() as patched:
        patched.setattr(module, "rate", refuse)
        with pytest.raises(RecordsError):
            store.reviews.put_missed(SEEN, "ann")
    number = store.reviews.put_missed(SEEN, "ann")
    [row] = History(store).defects(DefectFilter(1))
    assert (row.id, row.crop_file) == (number, home / "images" / "1" / "-1-crop.png")
    assert pictures(home) == ["images/1/-1-crop.png", "images/orphans/1/-1-crop.png"]


def test_what_another_program_is_putting_there_is_left_alone(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    other = FileLock(home / COMING)
    assert other.take()
    other.write(b"1")
    folder = home / "images" / "1"
    folder.mkdir(parents=True)
    (folder / "-1-crop.png").touch()
    assert store.recover() == []
    assert pictures(home) == ["images/1/-1-crop.png"]
    with pytest.raises(RecordsError, match="Another program puts a missed defect on record just now"):
        store.reviews.put_missed(SEEN, "ann")
    other.free()
