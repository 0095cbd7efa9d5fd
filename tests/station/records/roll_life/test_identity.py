"""A roll's name and what a mill knows of it: begun with it, changed while it is open, audited, found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from station.contract import Ledger, Notice, RollEnded, Severity
from station.records.history import History
from station.records.roll_life.identity import checked_identity
from station.records.rows import RecordsError, RollFilter
from station.records.schema import EventTable
from station.records.store import Store
from station.state.roll import MEASURES, WORDS, RollIdentity
from tests.rigs.records import make_recipe

KNOWN = RollIdentity("PO-7", "Köper 12", "lot 3", "loom 9", "Ayşe", 120.0, 118.5, 1500.0)


def audited(store: Store, action: str) -> list[tuple[str, str, str, str]]:
    query = select(EventTable.old, EventTable.new, EventTable.who, EventTable.why).where(EventTable.action == action)
    with Session(store.read_engine) as session:
        return [tuple(row) for row in session.execute(query.order_by(EventTable.id))]


def test_a_roll_is_begun_with_what_is_known_of_it(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam", identity=KNOWN)
    assert history.roll("R1").identity == KNOWN
    ((_, told, _, _),) = audited(store, "roll begun")
    assert all(word in told for word in ("order PO-7", "loom loom 9", "operator Ayşe", "target_m 120"))


def test_nothing_need_be_known_of_a_roll(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    assert history.roll("R1").identity == RollIdentity()


def test_an_open_roll_is_renamed_and_all_that_comes_after_belongs_to_it(store: Store, history: History) -> None:
    store.begin_roll("wrong", make_recipe(), "cam")
    number = history.roll("wrong").id
    assert store.rolls.rename("  right  ", "ann") == "right"
    store.write(Notice(Severity.WARNING, "dust"))
    store.write(RollEnded("right", Ledger()))
    assert store.flush()
    assert history.roll("right").id == number
    assert history.warnings(number) == ["dust"]
    assert audited(store, "roll renamed") == [("wrong", "right", "ann", f"roll number {number}")]
    with pytest.raises(RecordsError, match="no roll 'wrong'"):
        history.roll("wrong")


def test_a_name_that_is_taken_or_unfit_renames_nothing(store: Store, history: History) -> None:
    store.begin_roll("first", make_recipe(), "cam")
    store.write(RollEnded("first", Ledger()))
    store.begin_roll("second", make_recipe(), "cam")
    for name, why in (
        ("first", "already a roll first"),
        ("", "cannot be empty"),
        ("a\nb", "cannot be in a roll's name"),
    ):
        with pytest.raises(RecordsError, match=why):
            store.rolls.rename(name, "ann")
    assert {roll.name for roll in history.rolls()} == {"first", "second"}
    assert store.rolls.rename("second", "ann") == "second"
    assert audited(store, "roll renamed") == []


def test_a_correction_leaves_old_and_new_of_each_fact_that_changed(store: Store, history: History) -> None:
    store.begin_roll("R1", make_recipe(), "cam", identity=KNOWN)
    mended = replace(KNOWN, lot=" lot 4 ", ticket_m=None)
    assert store.rolls.correct(mended, "ann", "read from the ticket").lot == "lot 4"
    assert history.roll("R1").identity == replace(mended, lot="lot 4")
    assert audited(store, "roll corrected") == [
        ("R1: lot lot 3, ticket_m 118.5", "R1: lot lot 4, ticket_m none", "ann", "read from the ticket")
    ]
    store.rolls.correct(replace(mended, lot="lot 4"), "ann", "again")
    assert len(audited(store, "roll corrected")) == 1, "what changes nothing leaves no row"


@pytest.mark.parametrize(
    ("fact", "value", "why"),
    [
        ("order", "x" * 65, "at most 64 signs"),
        ("loom", "a\tb", "cannot be in the loom of a roll"),
        ("target_m", float("nan"), "above 0"),
        ("ticket_m", -1.0, "above 0"),
        ("ticket_width_mm", 0.0, "above 0"),
        ("target_m", 1e9, "at most"),
    ],
)
def test_an_unfit_fact_is_refused_in_a_sentence_and_changes_nothing(
    store: Store, history: History, fact: str, value: object, why: str
) -> None:
    with pytest.raises(RecordsError, match=why):
        store.begin_roll("R1", make_recipe(), "cam", identity=replace(KNOWN, **{fact: value}))
    assert history.rolls() == []
    store.begin_roll("R1", make_recipe(), "cam", identity=KNOWN)
    with pytest.raises(RecordsError, match=why):
        store.rolls.correct(replace(KNOWN, **{fact: value}), "ann", "")
    assert history.roll("R1").identity == KNOWN


def test_what_has_ended_is_neither_renamed_nor_corrected(store: Store) -> None:
    store.begin_roll("R1", make_recipe(), "cam")
    store.write(RollEnded("R1", Ledger()))
    assert store.flush()
    with pytest.raises(RecordsError, match="No roll is open"):
        store.rolls.rename("R2", "ann")
    with pytest.raises(RecordsError, match="No roll is open"):
        store.rolls.correct(KNOWN, "ann", "")


def test_rolls_are_found_by_each_word_of_their_identity_and_by_state(store: Store, history: History) -> None:
    store.begin_roll("other", make_recipe(), "cam", identity=RollIdentity(order="PO-8"))
    store.write(RollEnded("other", Ledger()))
    store.begin_roll("mine", make_recipe(), "cam", identity=KNOWN)
    for word in WORDS:
        chosen = RollFilter(**{word: getattr(KNOWN, word).upper()})
        assert [roll.name for roll in history.rolls(chosen)] == ["mine"], word
    assert [roll.name for roll in history.rolls(RollFilter(state="open"))] == ["mine"]
    assert [roll.name for roll in history.rolls(RollFilter(state="ended"))] == ["other"]
    assert history.rolls(RollFilter(state="broken off")) == []


texts = st.text(max_size=70)
numbers = st.none() | st.floats()


@given(st.builds(RollIdentity, *[texts] * len(WORDS), *[numbers] * len(MEASURES)))
def test_whatever_is_said_of_a_roll_is_kept_tidy_or_refused_in_a_sentence(identity: RollIdentity) -> None:
    refused: list[str] = []
    try:
        kept = checked_identity(identity)
    except RecordsError as error:
        refused.append(str(error))
    if refused:
        assert refused[0].endswith(".")
        return
    assert checked_identity(kept) == kept
    assert all(len(getattr(kept, word)) <= 64 and "\n" not in getattr(kept, word) for word in WORDS)
    assert all(getattr(kept, name) is None or 0 < getattr(kept, name) <= 1e6 for name in MEASURES)
