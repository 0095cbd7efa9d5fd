"""A backup comes back whole, or the home stays as it was."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.commands.session import open_records
from station.records import audit
from station.records.history import History
from station.records.locks import FileLock
from station.records.moving import restore as module
from station.records.moving.manifest import FILE, listed, read_header, safe_parts
from station.records.moving.restore import restore, resume_restore, settle_restore
from station.records.rows import DefectFilter, RecordsError
from station.records.schema import HEAD, EventTable
from station.records.store import Store
from tests.station.records.moving.conftest import content


def events(home: Path) -> list[tuple[str, str]]:
    with Store.open(home) as store:
        assert audit.verify(store.read_engine).ok
        with store.read_engine.connect() as connection:
            return [tuple(row) for row in connection.execute(EventTable.__table__.select().with_only_columns(
                EventTable.action, EventTable.new
            ))]  # fmt: skip


def test_on_another_home_all_is_as_it_was_to_the_byte(backup: Path, tmp_path: Path) -> None:
    moved = restore(backup, tmp_path / "other" / "home")
    made = content(tmp_path / "other" / "home")
    there = content(backup)
    del there[FILE]
    assert made == there
    assert (moved.files, moved.bytes, moved.rolls) == (len(made), sum(map(len, made.values())), 2)
    with Store.open(tmp_path / "other" / "home") as store:
        history = History(store)
        assert history.fabrics() == ["linen"]
        rows = history.defects(DefectFilter(history.roll("a").id))
        assert all(row.crop_file is not None and row.crop_file.is_file() for row in rows)


def test_the_next_start_puts_on_record_that_the_home_was_restored_once(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "other")
    for _ in range(2):
        with open_records(tmp_path / "other") as records:
            assert records.history.fabrics() == ["linen"]
    told = [json.loads(new) for action, new in events(tmp_path / "other") if action == "home restored"]
    assert [one["rolls"] for one in told] == [2]
    assert told[0]["from"] == str(backup)


def test_a_home_with_records_is_refused_unless_asked_and_then_kept_aside(backup: Path, used_home: Path) -> None:
    before = content(used_home)
    with pytest.raises(RecordsError, match=r"has records already \(station.db\)"):
        restore(backup, used_home)
    assert content(used_home) == before
    (note,) = restore(backup, used_home, replace=True).notes
    (aside,) = used_home.glob("before-restore-*")
    assert str(aside) in note
    assert content(aside) == before
    with Store.open(used_home) as store:
        assert History(store).fabrics() == ["linen"]


def test_a_home_in_use_is_refused_even_if_no_roll_is_open(backup: Path, used_home: Path) -> None:
    with Store.open(used_home), pytest.raises(RecordsError, match="A station runs on the home"):
        restore(backup, used_home, replace=True)
    with Store.open(used_home) as store:
        assert History(store).fabrics() == ["own"]


def spoil_picture(backup: Path) -> None:
    file = next((backup / "images").rglob("*.png"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def lose_model(backup: Path) -> None:
    next((backup / "models").iterdir()).unlink()


def link_out(backup: Path) -> None:
    file = next((backup / "models").iterdir())
    file.rename(backup.parent / "secret")
    file.symlink_to(backup.parent / "secret")


def cut_list(backup: Path) -> None:
    lines = (backup / FILE).read_bytes().splitlines(keepends=True)
    (backup / FILE).write_bytes(b"".join(lines[:-1]))


def lose_list(backup: Path) -> None:
    (backup / FILE).unlink()


def relist(backup: Path, change: dict[str, object], row: int = 0) -> None:
    """Change a row of the list and seal it again, as somebody who means ill would."""
    rows = [json.loads(line) for line in (backup / FILE).read_bytes().splitlines()]
    rows[row] |= change
    body = b"".join(json.dumps(one, sort_keys=True).encode() + b"\n" for one in rows[:-1])
    end = {"files": len(rows) - 2, "sha256": hashlib.sha256(body).hexdigest()}
    (backup / FILE).write_bytes(body + json.dumps(end, sort_keys=True).encode() + b"\n")


def climb(backup: Path) -> None:
    relist(backup, {"path": "../../secret"}, 2)


def newer_format(backup: Path) -> None:
    relist(backup, {"version": 99})


def newer_records(backup: Path) -> None:
    relist(backup, {"revision": "9999"})


def lock_listed(backup: Path) -> None:
    relist(backup, {"path": "Locks/x.lock"}, 2)


def log_listed(backup: Path) -> None:
    relist(backup, {"path": "station.db-wal"}, 2)


def no_database(backup: Path) -> None:
    relist(backup, {"path": "other.db"}, 1)
    (backup / "station.db").rename(backup / "other.db")


def not_ours(backup: Path) -> None:
    relist(backup, {"format": "zip"})


HARM = {
    spoil_picture: "is damaged or was changed",
    lose_model: "lacks the file models/",
    link_out: "lacks the file models/",
    cut_list: "was cut off",
    lose_list: "holds no whole backup",
    lock_listed: "which no backup has",
    log_listed: "which no backup has",
    climb: "leads out of its folder",
    newer_format: "made by a newer station",
    newer_records: f"newer station .revision 9999; this one knows up to {HEAD}",
    no_database: "has no database",
    not_ours: "is none of a station's",
}


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_a_backup_that_is_not_whole_is_refused_in_a_sentence_and_the_home_stays(
    backup: Path, used_home: Path, tmp_path: Path, harm: object
) -> None:
    harm(backup)  # type: ignore[operator]
    before = content(used_home)
    with pytest.raises(RecordsError, match=HARM[harm]) as told:  # type: ignore[index]
        restore(backup, used_home, replace=True)
    assert str(told.value).endswith(".")
    assert content(used_home) == before
    with pytest.raises(RecordsError):
        restore(backup, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_a_disk_that_fills_up_half_way_leaves_the_old_home_untouched(
    backup: Path, used_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, copy, done = content(used_home), module.copy_file, []

    def burst(source: Path, target: Path) -> tuple[int, str, int]:
        if len(done) == 3:
            raise OSError(28, "No space left on device", str(target))
        done.append(source)
        return copy(source, target)

    monkeypatch.setattr(module, "copy_file", burst)
    with pytest.raises(RecordsError, match=r"is as it was: .*No space left on device"):
        restore(backup, used_home, replace=True)
    assert content(used_home) == before


@pytest.mark.parametrize("cut_after", range(0, 11, 2))
def test_a_restore_killed_at_any_renaming_is_undone_or_finished_by_the_next_start(
    backup: Path, used_home: Path, monkeypatch: pytest.MonkeyPatch, cut_after: int
) -> None:
    """Power goes after so many files have changed places."""
    before, there = content(used_home), content(backup)
    del there[FILE]
    rename, done = Path.rename, []

    class PowerCut(BaseException):
        pass

    def cut(self: Path, target: Path) -> Path:
        if len(done) == cut_after:
            raise PowerCut
        done.append(self)
        return rename(self, target)

    is_cut = True
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cut)
        patch.setattr(module, "resume_restore", lambda _home: "")  # nobody is there to put it right
        try:
            restore(backup, used_home, replace=True)
            is_cut = False
        except PowerCut:
            pass
    told = settle_restore(used_home)
    assert bool(told) == is_cut
    assert content(used_home) == (there if "as a whole now" in told or not is_cut else before)
    assert not (used_home / ".restoring").exists()
    assert resume_restore(used_home) == ""


def test_a_start_beside_a_restore_that_runs_is_refused(backup: Path, used_home: Path) -> None:
    (used_home / ".restoring").mkdir()
    lock = FileLock(used_home / module.LOCK)
    assert lock.take()
    with pytest.raises(RecordsError, match=r"is being restored to .* by another program"):
        settle_restore(used_home)
    lock.free()


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_bytes_in_place_of_the_list_are_more_than_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(data)
        with pytest.raises(RecordsError):
            read_header(Path(folder))


@given(st.text(max_size=40))
def test_a_path_that_is_let_pass_stays_in_its_folder(path: str) -> None:
    try:
        parts = safe_parts(path)
    except ValueError:
        return
    folder = Path("/home/x")
    assert Path(os.path.normpath(folder.joinpath(*parts))).is_relative_to(folder)
    assert not {"..", ".", ""} & set(parts)


def test_the_list_names_every_file_once(backup: Path) -> None:
    header = read_header(backup)
    paths = [one.path for one in listed(backup)]
    assert header.rolls == 2
    assert len(paths) == len(set(paths)) == len(content(backup)) - 1
