"""What is worth least goes first, in the order of the issue; what is kept and what is open never does."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from station.quality import report as reports
from station.records import audit
from station.records.defects.words import Keep
from station.records.history import History
from station.records.keeping import round as round_module
from station.records.keeping.choosing import Worth, pictured, worth_of_rolls
from station.records.keeping.dropping import DROPPED, drop_pictures
from station.records.keeping.settings import RetentionSettings
from station.records.keeping.table import EvidenceTable
from station.records.rows import DefectFilter, Verdict
from station.records.schema import EventTable
from station.records.store import Store
from tests.station.records.keeping.conftest import Look, pictures, record_cloth, review, weave

ALL = {"1-crop", "1-heat", "2-crop", "2-heat", "3-crop", "3-heat"}


def evidence(engine: Engine, roll_id: int) -> EvidenceTable:
    with Session(engine) as session:
        return session.get_one(EvidenceTable, roll_id)


def audited(store: Store) -> list[str]:
    assert audit.verify(store.read_engine).ok
    with Session(store.read_engine) as session:
        query = select(EventTable.new).where(EventTable.action == DROPPED).order_by(EventTable.id)
        return list(session.scalars(query))


def used(store: Store, home: Path) -> int:
    files = sum(file.stat().st_size for file in (home / "images").rglob("*.png"))
    with Session(store.read_engine) as session:
        return files + sum(session.scalars(select(EvidenceTable.profile_bytes)))


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of one defect, so that no more goes than has to."""
    monkeypatch.setattr(round_module, "BATCH", 1)
    monkeypatch.setattr(round_module, "PAUSE_S", 0.0)


def test_a_roll_is_measured_once_it_has_ended_and_again_if_more_came(store: Store, home: Path, look: Look) -> None:
    done = weave(store, "a", ".x")
    still = weave(store, "b", ".", is_open=True)
    assert look() == []
    row = evidence(store.read_engine, done)
    sizes = [file.stat().st_size for file in (home / "images" / str(done)).glob("*.png")]
    assert (row.pictures, row.picture_bytes) == (4, sum(sizes))
    assert row.profile_bytes == 24 + 50 * 4
    assert row.first_bytes == row.picture_bytes + row.profile_bytes
    with Session(store.read_engine) as session:
        assert session.get(EvidenceTable, still) is None


def test_on_a_large_disk_nothing_is_told_or_removed(store: Store, home: Path, look: Look) -> None:
    roll = weave(store, "a", ".x.")
    assert look() == []
    assert pictures(home, roll) == ALL
    assert audited(store) == []


def test_at_four_fifths_of_the_share_people_are_warned_with_the_days_left(store: Store, home: Path, look: Look) -> None:
    roll = weave(store, "a", ".x.")
    look()
    takes = used(store, home)
    ((kind, told),) = look(int(takes / 0.85 / 0.5))
    assert kind == "nearly Pictures and score profiles"
    assert told.startswith("warning: Pictures and score profiles take 0.")
    assert "that are theirs (50% of the disk). At the growth of the last 14 days" in told
    assert "that is full in 4 hours" in told, "a day's growth is what there is, and 15 % of the share are left"
    assert pictures(home, roll) == ALL


@pytest.mark.usefixtures("one_at_a_time")
def test_passes_go_before_false_alarms_and_these_before_the_rest_the_oldest_first(
    store: Store, home: Path, look: Look
) -> None:
    """Roll by roll the disk gets smaller; what has gone by then is in the order of its worth."""
    first, second = weave(store, "a", ".x."), weave(store, "b", "x.x")
    review(store, first, 2, Verdict.CONFIRMED)
    review(store, first, 3, Verdict.CONFIRMED)  # a pass that somebody looked at is no unreviewed one
    review(store, second, 1, Verdict.FALSE_ALARM)
    look()
    order: list[tuple[int, str]] = []
    there = {first: set(pictures(home, first)), second: set(pictures(home, second))}
    for _ in range(30):
        look(2 * used(store, home) - 2)
        for roll_id in (first, second):
            left = pictures(home, roll_id)
            order += [(roll_id, number) for number in sorted({name[0] for name in there[roll_id] - left})]
            there[roll_id] = left
        if not there[first] and not there[second]:
            break
    assert order == [(first, "1"), (second, "2"), (second, "1"), (first, "2"), (first, "3"), (second, "3")]


def test_what_has_gone_is_counted_in_the_audit_and_the_rows_say_so(
    store: Store, home: Path, history: History, look: Look
) -> None:
    roll = weave(store, "a", ".xx")
    look()
    told = look(2)
    assert pictures(home, roll) == set()
    rows = history.defects(DefectFilter(roll))
    assert [(row.crop_file, row.heat_file, row.pictures_dropped) for row in rows] == [(None, None, True)] * 3
    said = audited(store)
    assert [line.split(",")[0] for line in said] == [
        "2 pictures of unreviewed passes", "4 pictures of others that nobody keeps", "score profile of roll a",
    ]  # fmt: skip
    assert all("roll a" in line for line in said)
    row = evidence(store.read_engine, roll)
    assert (row.pictures, row.picture_bytes, row.profile_bytes, row.pictures_dropped) == (0, 0, 0, 6)
    assert row.profile_dropped
    assert not row.is_removing
    assert [kind for kind, _ in told] == [""]
    assert "To make room, 6 pictures, 1 score profile (" in told[0][1]
    assert history.roll("a").defects == 3, "rows are kept for ever"


def test_open_and_kept_rolls_and_kept_defects_keep_everything(
    store: Store, home: Path, history: History, look: Look
) -> None:
    ended, kept = weave(store, "a", ".x."), weave(store, "b", ".x.")
    first = next(row for row in history.defects(DefectFilter(ended)) if row.number == 1)
    store.reviews.keep(Keep(roll="b"), "ann")
    store.reviews.keep(Keep(defect_id=first.id), "ann")
    still = weave(store, "c", ".x.", is_open=True)
    record_cloth(home / "recordings", "one", "b", 48, told=store)
    record_cloth(home / "recordings", "two", "c", 48, told=store)
    look()
    told = look(2)
    assert pictures(home, ended) == {"1-crop", "1-heat"}
    assert pictures(home, kept) == pictures(home, still) == ALL
    assert len(list((home / "recordings").glob("*/*.cloth"))) == 2
    assert len(history.profile(kept)[1]) == 50
    assert len(history.profile(ended)[1]) == 0
    assert [kind for kind, _ in told] == ["", "stuck Pictures, score profiles and recordings"]
    assert told[1][1].startswith("error: ")
    assert "all that is left is kept on purpose or belongs to open rolls" in told[1][1]
    assert look(2)[0][0].startswith("stuck"), "the next look finds nothing more"


def test_what_was_decided_to_be_kept_in_the_last_moment_stays(
    store: Store, home: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll = weave(store, "a", ".x.")
    look()
    chosen = pictured(store.read_engine, None, (0, 0), None, 10)
    assert len(chosen) == 3
    store.reviews.keep(Keep(roll="a"), "ann")
    assert not drop_pictures(home, store.call, chosen, None, "why")
    assert pictures(home, roll) == ALL
    assert audited(store) == []


def test_what_is_too_old_goes_even_if_there_is_room(store: Store, home: Path, history: History, look: Look) -> None:
    roll = weave(store, "a", ".x.")
    record_cloth(home / "recordings", "old", "a", 48, told=store)
    settings = RetentionSettings(pictures_days=30, profiles_days=300, recordings_days=3)
    assert look(settings=settings) == []
    assert pictures(home, roll) == ALL
    look(settings=settings, days_later=31)
    assert pictures(home, roll) == set()
    assert not (home / "recordings" / "old").exists()
    assert len(history.profile(roll)[1]) == 50
    look(settings=settings, days_later=301)
    assert len(history.profile(roll)[1]) == 0
    assert [line.split(",")[0] for line in audited(store)] == [
        "6 pictures", "recording old of roll a", "score profile of roll a",
    ]  # fmt: skip


def test_by_age_each_roll_goes_by_its_own_end_whatever_its_number(
    store: Store, home: Path, history: History, look: Look
) -> None:
    first, dated = weave(store, "a", "."), weave(store, "b", ".")
    with sqlite3.connect(home / "station.db") as database:
        then = "2020-01-01 00:00:00.000000"
        database.execute("UPDATE roll SET started_at = ?1, touched_at = ?1, ended_at = ?1 WHERE name = 'b'", (then,))
    look(settings=RetentionSettings(pictures_days=30, profiles_days=30))
    assert (pictures(home, first), pictures(home, dated)) == ({"1-crop", "1-heat"}, set())
    assert [len(history.profile(roll)[1]) for roll in (first, dated)] == [50, 0]


def test_by_age_a_roll_that_was_written_to_lately_is_young(store: Store, home: Path, look: Look) -> None:
    roll = weave(store, "a", ".")
    with sqlite3.connect(home / "station.db") as database:
        database.execute("UPDATE roll SET ended_at = '2020-01-01 00:00:00.000000'")
    look(settings=RetentionSettings(pictures_days=30))
    assert pictures(home, roll) == {"1-crop", "1-heat"}


def test_recordings_go_by_their_rolls_and_never_while_they_are_made(store: Store, home: Path, look: Look) -> None:
    passed, bad = weave(store, "a", "."), weave(store, "b", "x")
    shelf = home / "recordings"
    of_bad = record_cloth(shelf, "1", "b", 90, told=store)
    of_passed = record_cloth(shelf, "2", "a", 60, told=store)
    stray = record_cloth(shelf, "3", None, 30)
    fresh = record_cloth(shelf, "4", None, 0.1)
    assert worth_of_rolls(store.read_engine, [passed, bad]) == {passed: Worth.PASS, bad: Worth.OTHER}
    look()
    cloth = sum(one.stat().st_size for one in shelf.rglob("*.cloth"))
    look(2 * (used(store, home) + cloth) - 2)
    assert [one.exists() for one in (of_passed, of_bad, stray, fresh)] == [False, True, True, True]
    look(2)
    assert [one.exists() for one in (of_passed, of_bad, stray, fresh)] == [False, False, False, True]


def test_recordings_on_a_disk_of_their_own_have_a_share_of_that_disk(
    store: Store, home: Path, tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll = weave(store, "a", ".x.")
    folder = record_cloth(tmp_path / "far", "1", "a", 90, told=store)
    monkeypatch.setattr(round_module, "is_one_disk", lambda *_: False)
    look(shelf=tmp_path / "far")
    look(4 * used(store, home), shelf=tmp_path / "far")
    assert pictures(home, roll) == ALL
    assert not folder.exists()


@pytest.mark.parametrize("cut", ["before the files", "between two files", "before the note"])
def test_a_kill_while_pictures_go_leaves_no_row_without_picture_and_the_next_start_no_picture_without_row(
    store: Store, home: Path, history: History, look: Look, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    class Killed(BaseException):
        pass

    roll = weave(store, "a", ".x.")
    look()
    unlink, done = Path.unlink, []

    def stop(self: Path, missing_ok: bool = False) -> None:
        if cut == "before the files" or len(done) == 3:
            raise Killed
        done.append(self)
        unlink(self, missing_ok)

    chosen = pictured(store.read_engine, None, (0, 0), None, 10)
    with monkeypatch.context() as patch:
        if cut != "before the note":
            patch.setattr(Path, "unlink", stop)
            with pytest.raises(Killed):
                drop_pictures(home, store.call, chosen, None, "why")
        else:
            drop_pictures(home, store.call, chosen, None, "why")
    rows = history.defects(DefectFilter(roll))
    assert all(row.crop_file is None or row.crop_file.is_file() for row in rows)
    assert evidence(store.read_engine, roll).is_removing
    assert store.recover() == [], "as the next start does"
    assert pictures(home, roll) == set()
    assert not evidence(store.read_engine, roll).is_removing


def test_a_row_that_another_program_spoilt_removes_no_file_elsewhere(
    store: Store, home: Path, tmp_path: Path, look: Look
) -> None:
    roll = weave(store, "a", "....")
    (tmp_path / "secret.png").write_text("mine")
    (home / "station.toml").write_text("mine")
    with sqlite3.connect(home / "station.db") as database:
        for number, path in ((1, "../secret.png"), (2, str(tmp_path / "secret.png")), (3, "station.toml")):
            database.execute("UPDATE defect SET crop_file = ?, heat_file = x'00' WHERE number = ?", (path, number))
    look()
    look(2)
    assert (tmp_path / "secret.png").read_text() == (home / "station.toml").read_text() == "mine"
    assert not {"4-crop", "4-heat"} & pictures(home, roll), "the rest goes"


def test_a_disk_that_does_not_let_go_is_told_and_tried_again(
    store: Store, home: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll = weave(store, "a", ".")
    look()

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        told = look(2)
    assert "unlink" in [kind for kind, _ in told]
    assert "could not be removed: " in told[0][1]
    look(10**12)
    assert pictures(home, roll) == set()


def test_a_report_marks_a_picture_that_is_no_longer_kept(
    store: Store, home: Path, history: History, look: Look, tmp_path: Path
) -> None:
    weave(store, "a", "x")
    look()
    look(2)
    made = reports.report(history, "a")
    assert [one.picture_dropped for one in made.defect_list] == [True]
    assert reports.to_pdf(made, tmp_path / "report.pdf") == []
    pypdf = pytest.importorskip("pypdf")
    text_of = " ".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "report.pdf").pages)
    assert "picture no longer kept" in " ".join(text_of.split())
