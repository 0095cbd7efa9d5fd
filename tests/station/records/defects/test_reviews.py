"""What people say of defects, alone, one after the other, many at once, and taken back."""

from __future__ import annotations

import pytest

from station.contract import DefectChanged, DefectKind, Ledger, RollEnded, Stretch, StretchClosed
from station.records.defects.marks import marks
from station.records.defects.words import Keep, Missed, Word
from station.records.history import History
from station.records.rows import DefectFilter, DefectRow, RecordsError, Verdict
from station.records.store import Store
from station.state.defect import DefectSeverity
from tests.rigs.records import make_defect, make_recipe, picture


@pytest.fixture
def roll(store: Store) -> str:
    """A roll of 400 lines with five rejects, ids 1 to 5."""
    name = store.begin_roll("a", make_recipe(), "cam")
    for number in range(1, 6):
        store.write(DefectChanged(make_defect(number)))
    store.write(StretchClosed(Stretch(0, 400)))
    store.write(RollEnded(name, Ledger(400, 400)))
    assert store.flush()
    return name


def listed(history: History) -> dict[int, DefectRow]:
    return {row.id: row for row in history.defects(DefectFilter(1))}


def audit(store: Store) -> list[tuple[str, str, str, str, str]]:
    with store.read_engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT action, old, new, who, why FROM event ORDER BY id")
        return [tuple(row) for row in rows]


def test_many_are_reviewed_at_once_as_one_act_on_what_was_shown(store: Store, history: History, roll: str) -> None:
    store.reviews.say([2], Word(Verdict.CONFIRMED), "bob")
    store.reviews.say([1, 2, 3], Word(Verdict.FALSE_ALARM, note="lamp"), "ann")
    verdicts = {number: row.verdict for number, row in listed(history).items()}
    assert verdicts == {**dict.fromkeys((1, 2, 3), Verdict.FALSE_ALARM), 4: None, 5: None}
    old = "defect 1, 3: nothing; defect 2: confirmed"
    assert audit(store)[-1] == ("defect reviewed", old, "defect 1–3: false alarm", "ann", "lamp")


def test_a_defect_that_is_not_there_keeps_all_from_being_reviewed(store: Store, history: History, roll: str) -> None:
    rows = len(audit(store))
    with pytest.raises(RecordsError, match=r"^There is no defect number 77–78; load the list again\.$"):
        store.reviews.say([1, 77, 78], Word(Verdict.CONFIRMED), "ann")
    assert listed(history)[1].verdict is None
    assert len(audit(store)) == rows


@pytest.mark.parametrize(
    ("ids", "word", "by", "says"),
    [
        ([1], Word(), "ann", "Nothing was said"),
        ([1], Word(note="  "), "ann", "Nothing was said"),
        ([1], Word(severity="awful"), "ann", "'awful' is no severity; the severities are minor, major, critical"),
        ([1], Word(Verdict.CONFIRMED), "  ", "needs the name of the person"),
        ([], Word(Verdict.CONFIRMED), "ann", "0 defects cannot be reviewed at once"),
        (list(range(10_001)), Word(Verdict.CONFIRMED), "ann", "10001 defects cannot be reviewed at once"),
    ],
)
def test_what_makes_no_review_is_refused_in_a_sentence(
    store: Store, roll: str, ids: list[int], word: Word, by: str, says: str
) -> None:
    with pytest.raises(RecordsError, match=says):
        store.reviews.say(ids, word, by)


def test_what_people_said_of_a_defect_goes_on_to_the_one_it_is_a_part_of(store: Store, history: History) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    for number in (1, 2, 3):
        store.write(DefectChanged(make_defect(number, closed=False)))
    assert store.flush()
    store.reviews.say([1, 2], Word(Verdict.CONFIRMED, kind=DefectKind.HOLE), "ann")
    store.reviews.keep(Keep(defect_id=1), "ann")
    store.write(DefectChanged(make_defect(1, merged_into=2)))
    store.write(DefectChanged(make_defect(2, merged_into=3)))
    store.write(DefectChanged(make_defect(3)))
    assert store.flush()
    (row,) = listed(history).values()
    assert (row.id, row.verdict, row.kind, row.keep, row.needs_review) == (
        3, Verdict.CONFIRMED, DefectKind.HOLE, True, False,
    )  # fmt: skip
    roll = history.roll("a")
    assert (roll.defects, roll.confirmed) == (1, 1)
    assert store.reviews.undo("ann") == [3]
    (row,) = listed(history).values()
    assert (row.verdict, row.kind, row.needs_review) == (None, make_defect(3).kind, True)


def test_persons_at_odds_leave_a_defect_to_be_reviewed_until_one_gives_in(
    store: Store, history: History, roll: str
) -> None:
    store.reviews.say([1], Word(Verdict.CONFIRMED), "ann")
    assert not listed(history)[1].needs_review
    store.reviews.say([1], Word(Verdict.FALSE_ALARM), "bob")
    row = listed(history)[1]
    assert (row.verdict, row.reviewed_by, row.disputed, row.needs_review) == (Verdict.FALSE_ALARM, "bob", True, True)
    store.reviews.say([1], Word(Verdict.FALSE_ALARM), "ann")
    row = listed(history)[1]
    assert (row.reviewed_by, row.disputed, row.needs_review) == ("ann", False, False)


def test_doubt_leaves_a_defect_to_be_reviewed(store: Store, history: History, roll: str) -> None:
    store.reviews.say([1], Word(Verdict.UNSURE), "ann")
    assert (listed(history)[1].verdict, listed(history)[1].needs_review) == (Verdict.UNSURE, True)


def test_what_was_said_last_is_taken_back_and_what_was_said_before_counts_again(
    store: Store, history: History, roll: str
) -> None:
    store.reviews.say([1, 2], Word(Verdict.CONFIRMED, DefectKind.AREA, "major"), "ann")
    store.reviews.say([2, 3], Word(Verdict.FALSE_ALARM, DefectKind.WEFT_LINE), "ann")
    assert store.reviews.undo("ann") == [2, 3]
    second, third = listed(history)[2], listed(history)[3]
    assert (second.verdict, second.kind, second.kind_found) == (Verdict.CONFIRMED, DefectKind.AREA, DefectKind.SPOT)
    assert (third.verdict, third.kind, third.kind_found) == (None, DefectKind.SPOT, None)
    before = "defect 2: false alarm, kind weft-wise line, severity major; defect 3: false alarm, kind weft-wise line"
    after = "defect 2–3: false alarm taken back"
    assert audit(store)[-1][:4] == ("review taken back", before, after, "ann")
    assert store.reviews.undo("ann") == [1, 2]
    assert {row.verdict for row in listed(history).values()} == {None}
    with pytest.raises(RecordsError, match="ann has said nothing that is not taken back"):
        store.reviews.undo("ann")


def test_only_who_said_it_takes_it_back(store: Store, history: History, roll: str) -> None:
    act = store.reviews.say([1], Word(Verdict.CONFIRMED), "ann")
    with pytest.raises(RecordsError, match="Only ann can take back what ann said"):
        store.reviews.undo("bob", act)
    assert store.reviews.undo("ann", act) == [1]
    with pytest.raises(RecordsError, match=f"nothing to take back under number {act}"):
        store.reviews.undo("ann", act)


def test_a_note_alone_says_nothing_of_the_verdict(store: Store, history: History, roll: str) -> None:
    store.reviews.say([1], Word(note="look at the reed"), "ann")
    row = listed(history)[1]
    assert (row.verdict, row.reviewed_by, row.needs_review) == (None, None, True)


def test_defects_are_chosen_by_the_severity_that_a_person_said(store: Store, history: History, roll: str) -> None:
    store.reviews.say([1], Word(severity="critical"), "ann")
    of = {one: [row.id for row in history.defects(DefectFilter(1, severity=one))] for one in DefectSeverity}
    assert of[DefectSeverity.CRITICAL] == [1]
    assert of == {one: [row.id for row in history.defects(DefectFilter(1)) if row.severity is one] for one in of}


def test_another_kind_outlives_the_defect_growing(store: Store, history: History) -> None:
    store.begin_roll("a", make_recipe(), "cam")
    store.write(DefectChanged(make_defect(1, closed=False)))
    assert store.flush()
    store.reviews.say([1], Word(kind=DefectKind.AREA, severity="critical"), "ann")
    store.write(DefectChanged(make_defect(1, kind=DefectKind.WARP_LINE, end_line=90)))
    assert store.flush()
    row = listed(history)[1]
    assert (row.kind, row.kind_found, row.end_line) == (DefectKind.AREA, DefectKind.WARP_LINE, 90)
    assert row.said_severity == "critical"
    store.reviews.undo("ann")
    assert (listed(history)[1].kind, listed(history)[1].kind_found) == (DefectKind.WARP_LINE, None)


def test_a_missed_defect_is_on_record_but_never_found(store: Store, history: History, roll: str) -> None:
    missed = Missed("a", 150.0, 22.0, 12.0, 3.0, DefectKind.WEFT_LINE, "seen at the table", picture())
    number = store.reviews.put_missed(missed, "ann")
    row = listed(history)[number]
    assert (row.missed, row.label, row.number, row.is_reject, row.score) == (True, "M1", -1, True, 0.0)
    assert (row.first_line, row.end_line, row.first_px, row.end_px) == (300, 324, 41, 47)
    assert (row.verdict, row.reviewed_by, row.needs_review) == (Verdict.CONFIRMED, "ann", False)
    assert row.crop_file is not None
    assert row.crop_file.is_file()
    counts = history.roll("a")
    assert (counts.defects, counts.rejects, counts.confirmed, counts.missed) == (5, 5, 0, 1)
    assert store.reviews.put_missed(missed, "ann") == number + 1
    assert {row.label for row in listed(history).values() if row.missed} == {"M1", "M2"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"roll": "b"}, "There is no roll 'b' on record"),
        ({"position": 200.0}, "Roll a ends at 200 mm, so nothing was missed at 200"),
        ({"length": 0.0}, "The length of a missed defect cannot be 0; measure it"),
        ({"across": float("nan")}, "The across of a missed defect cannot be nan"),
        ({"width": -3.0}, "cannot be -3"),
    ],
)
def test_a_missed_defect_that_cannot_be_is_refused(
    store: Store, history: History, roll: str, change: dict[str, object], says: str
) -> None:
    values = {"roll": "a", "position": 5.0, "across": 5.0, "length": 5.0, "width": 5.0, "kind": DefectKind.SPOT}
    with pytest.raises(RecordsError, match=says):
        store.reviews.put_missed(Missed(**(values | change)), "ann")  # type: ignore[arg-type]
    assert len(listed(history)) == 5


def test_a_missed_defect_put_in_by_mistake_is_taken_back_and_nowhere_counts(
    store: Store, history: History, roll: str
) -> None:
    def standing() -> tuple[object, ...]:
        return history.roll("a"), list(listed(history)), list(tallied(store)), marks(store.read_engine, 1)

    missed = Missed("a", 150.0, 22.0, 12.0, 3.0, DefectKind.HOLE)
    before = standing()
    number = store.reviews.put_missed(missed, "ann")
    assert standing() != before
    store.reviews.say([number], Word(kind=DefectKind.SPOT), "ann")
    assert store.reviews.undo("ann") == [number]
    assert listed(history)[number].kind is DefectKind.HOLE, "what was said later goes first, and alone"
    assert store.reviews.undo("ann") == [number]
    assert standing() == before
    assert [one.undone_at is None for one in history.reviews(number)] == [False, False]
    last = audit(store)[-1]
    assert (last[0], last[1], last[2], last[3]) == (
        "missed defect taken back", "confirmed", f"defect {number}: missed taken back", "ann",
    )  # fmt: skip
    again = store.reviews.put_missed(missed, "ann")
    assert listed(history)[again].label == "M2", "a number is not given twice"


def test_only_the_act_that_put_a_missed_defect_there_withdraws_it(store: Store, history: History, roll: str) -> None:
    number = store.reviews.put_missed(Missed("a", 150.0, 22.0, 12.0, 3.0, DefectKind.SPOT), "ann")
    store.reviews.say([number], Word(Verdict.FALSE_ALARM), "bob")
    store.reviews.undo("bob")
    assert listed(history)[number].is_reject
    store.reviews.undo("ann")
    assert number not in listed(history)


def tallied(store: Store) -> list[tuple[object, ...]]:
    with store.read_engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind, verdict, is_reject, missed, count FROM tally ORDER BY 1, 2")
        return [tuple(row) for row in rows]


def test_rolls_defects_and_recordings_are_kept_for_ever_until_somebody_says_otherwise(
    store: Store, history: History, roll: str
) -> None:
    folder = store.home / "recordings" / "r1"
    folder.mkdir(parents=True)
    for what in (Keep(roll="a"), Keep(defect_id=2), Keep(recording=folder)):
        store.reviews.keep(what, "ann", "claim 17")
    assert history.roll("a").keep
    assert [row.id for row in listed(history).values() if row.keep] == [2]
    assert history.kept_recordings() == [folder]
    store.reviews.keep(Keep(roll="a", defect_id=2, recording=folder), "ann", keep=False)
    assert not history.roll("a").keep
    assert history.kept_recordings() == []
    assert [row[:1] + row[2:] for row in audit(store)[-6:-3]] == [
        ("kept for ever", "roll a", "ann", "claim 17"),
        ("kept for ever", "defect 2", "ann", "claim 17"),
        ("kept for ever", "recording recordings/r1", "ann", "claim 17"),
    ]
    with pytest.raises(RecordsError, match="There is no recording"):
        store.reviews.keep(Keep(recording=folder / "x"), "ann")


def test_reviews_of_a_defect_are_read_with_who_and_when_and_whether_taken_back(
    store: Store, history: History, roll: str
) -> None:
    store.reviews.say([1], Word(Verdict.CONFIRMED, note="hm"), "ann")
    store.reviews.undo("ann")
    store.reviews.say([1], Word(severity="minor"), "bob")
    first, second = history.reviews(1)
    assert (first.who, first.word, first.undone_at is not None) == ("ann", Word(Verdict.CONFIRMED, note="hm"), True)
    assert (second.who, second.word, second.undone_at) == ("bob", Word(severity="minor"), None)
