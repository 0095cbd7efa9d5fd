"""A home is backed up whole while its station runs, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from station.contract import DefectChanged
from station.records.history import History
from station.records.locks import EVIDENCE, FileLock
from station.records.moving import backup
from station.records.moving.backup import back_up
from station.records.moving.restore import restore
from station.records.rows import DefectFilter, RecordsError
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe, picture
from tests.station.records.moving.conftest import content


def test_a_backup_holds_database_pictures_models_and_all_else_with_their_hashes(old_home: Path, tmp_path: Path) -> None:
    moved = back_up(old_home, tmp_path / "backup")
    made = content(tmp_path / "backup")
    rows = [json.loads(line) for line in made.pop("backup.jsonl").splitlines()]
    assert {row["path"] for row in rows[1:-1]} == set(made)
    assert (moved.files, moved.bytes, moved.rolls) == (len(made), sum(map(len, made.values())), 2)
    lies = {path: data for path, data in content(old_home).items() if not path.startswith(("station.db", "recordings"))}
    assert {path: data for path, data in made.items() if path != "station.db"} == lies
    assert len([path for path in made if path.endswith(".png")]) == 6
    assert moved.notes == ("Recordings of cloth are not in the backup; --with-recordings takes them along.",)
    with sqlite3.connect(tmp_path / "backup" / "station.db") as database:
        assert database.execute("SELECT count(*) FROM defect").fetchone() == (6,)
    if os.name == "posix":
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "backup").rglob("*")}
        assert modes == {0o600, 0o700}


def test_recordings_come_along_where_asked_for(old_home: Path, tmp_path: Path) -> None:
    moved = back_up(old_home, tmp_path / "backup", with_recordings=True)
    assert (tmp_path / "backup" / "recordings" / "one" / "000000.cloth").stat().st_size == 5000
    assert moved.notes == ()


def test_a_roll_that_runs_meanwhile_is_in_the_backup_with_all_pictures_of_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, over = tmp_path / "home", threading.Event()
    with Store.open(home) as store:
        store.begin_roll("r", make_recipe(), "cam")

        def weave() -> None:
            number = 0
            while not over.is_set():
                number += 1
                store.write(DefectChanged(make_defect(number, crop=picture(20, 20))))
                store.flush()

        loom = threading.Thread(target=weave)
        loom.start()
        try:
            while not list(home.glob("images/*/3-crop.png")):
                over.wait(0.01)
            moved = back_up(home, tmp_path / "backup")
        finally:
            over.set()
            loom.join()
    assert moved.rolls == 1
    restore(tmp_path / "backup", tmp_path / "other")
    with Store.open(tmp_path / "other") as store:
        history = History(store)
        roll = history.roll("r")
        assert roll.broken_off, "what came after the backup nobody knows there"
        rows = history.defects(DefectFilter(roll.id, limit=100_000))
        pictures = {file for row in rows if (file := row.crop_file) is not None}
    assert len(rows) >= 2
    assert pictures == set((tmp_path / "other" / "images").rglob("*.png")), "no row without picture, none without row"


@pytest.mark.parametrize("where", ["home/inside", "home", "file", "used"])
def test_a_place_where_no_backup_can_be_is_refused_and_left_as_it_is(
    old_home: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").write_text("mine")
    with pytest.raises(RecordsError, match=r"lies in the home|is a file|is not empty"):
        back_up(old_home, tmp_path / where)
    assert (tmp_path / "used" / "thesis.txt").read_text() == (tmp_path / "file").read_text() == "mine"
    assert not (old_home / "inside").exists()


def test_a_backup_is_never_written_over(old_home: Path, tmp_path: Path) -> None:
    back_up(old_home, tmp_path / "backup")
    before = content(tmp_path / "backup")
    with pytest.raises(RecordsError, match="holds a backup already"):
        back_up(old_home, tmp_path / "backup")
    assert content(tmp_path / "backup") == before


def test_a_home_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="There are no records in"):
        back_up(tmp_path / "none", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    assert not (tmp_path / "none").exists()


def test_a_full_disk_is_told_before_anything_is_copied(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = namedtuple("Usage", "total used free")(10**9, 10**9, 0)
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: full)
    with pytest.raises(RecordsError, match=r"needs 0\.0\d GB, and the disk of .* has 0\.00 GB free"):
        back_up(old_home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_disk_that_fails_half_way_leaves_nothing_that_looks_like_a_backup(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounted").mkdir()

    def burst(source: Path, target: Path) -> tuple[int, str, int]:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(backup, "copy_file", burst)
    for place in ("new", "mounted"):
        with pytest.raises(RecordsError, match="No space left on device"):
            back_up(old_home, tmp_path / place)
    assert not (tmp_path / "new").exists()
    assert list((tmp_path / "mounted").iterdir()) == []


def test_a_disk_that_reads_back_otherwise_is_told(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil() -> None:
        file = next((tmp_path / "backup" / "images").rglob("*.png"))
        file.write_bytes(b"x" + file.read_bytes()[1:])

    monkeypatch.setattr(backup, "settle", spoil)
    with pytest.raises(RecordsError, match="reads back otherwise"):
        back_up(old_home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_damaged_database_is_not_backed_up(old_home: Path, tmp_path: Path) -> None:
    data = bytearray((old_home / "station.db").read_bytes())
    data[8192:16384] = bytes(b ^ 0x5A for b in data[8192:16384])
    (old_home / "station.db").write_bytes(data)
    with pytest.raises(RecordsError, match="damaged"):
        back_up(old_home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_retention_and_backup_wait_for_one_another(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PATIENCE_S", 0.1)
    lock = FileLock(old_home / EVIDENCE)
    assert lock.take()
    with pytest.raises(RecordsError, match="Old pictures are being removed"):
        back_up(old_home, tmp_path / "backup")
    lock.free()
    assert back_up(old_home, tmp_path / "backup").rolls == 2


def test_a_model_that_is_gone_or_elsewhere_is_told(old_home: Path, tmp_path: Path) -> None:
    shutil.rmtree(old_home / "models")
    with Store.open(old_home) as store:
        (tmp_path / "far.safetensors").write_bytes(b"far")
        store.add_model("cd" * 32, tmp_path / "far.safetensors", {})
    notes = " ".join(back_up(old_home, tmp_path / "backup").notes)
    assert ".safetensors is gone" in notes
    assert "far.safetensors lies outside the home" in notes


@pytest.mark.parametrize("when", ["copying the database", "3 files copied", "4 of"])
def test_a_backup_that_is_cancelled_leaves_nothing(old_home: Path, tmp_path: Path, when: str) -> None:
    def cancel(text: str) -> None:
        if text.startswith(when):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(old_home, tmp_path / "backup", progress=cancel)
    assert not (tmp_path / "backup").exists()
    assert back_up(old_home, tmp_path / "backup").rolls == 2
