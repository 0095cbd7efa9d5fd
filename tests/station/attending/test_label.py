"""The text of a label, as mills print it, splits into a roll's name and facts, or is refused in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from station.attending.label import LabelSettings, read_label
from station.contract import StationError
from station.state.roll import RollIdentity

SPLIT = LabelSettings(
    pattern=r"(?P<roll>[^;]*);(?P<fabric>[^;]*);(?P<order>[^;]*);(?P<lot>[^;]*);(?P<ticket_m>[^;]*);(?P<target_m>[^;]*)"
)


def test_a_label_gives_name_fabric_and_facts() -> None:
    label = read_label("R-2026/17;Köper 12;PO 7;3; 118,5 ;120", SPLIT, RollIdentity(loom="9"))
    assert (label.roll, label.fabric) == ("R-2026/17", "Köper 12")
    assert label.identity == RollIdentity(order="PO 7", lot="3", loom="9", ticket_m=118.5, target_m=120.0)


@pytest.mark.parametrize("text", ["R1;;;;;\r\n", "]C1R1;;;;;", "]Q3R1;;;;;\n", "  R1;;;;;  "])
def test_what_a_scanner_adds_is_no_part_of_it_and_empty_parts_say_nothing(text: str) -> None:
    label = read_label(text, SPLIT, RollIdentity(lot="usual"))
    assert (label.roll, label.fabric, label.identity) == ("R1", None, RollIdentity(lot="usual"))


def test_without_a_pattern_the_whole_text_is_the_rolls_name() -> None:
    label = read_label("卷 17", LabelSettings())
    assert (label.roll, label.fabric, label.identity) == ("卷 17", None, RollIdentity())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("\r\n", "empty"),
        ("R1", "does not fit the settings' label.pattern"),
        ("a;b;c;d;e;f;g", "does not fit"),
        ("R1;;;;many;", "The ticket_m is 'many', which is no number above 0"),
        ("R1;;;;-3;", "no number above 0"),
        ("R1;;;;nan;", "no number above 0"),
        ("R1;a/b;;;;", "'/' cannot be in a fabric's name"),
        ("-R1;;;;;", "cannot begin with '-'"),
        (f"R1;;{'x' * 65};;;", "at most 64 signs"),
        ("R1;;a\x1db;;;", "U\\+001D"),
        ("x" * 5000, "no code holds more"),
    ],
)
def test_a_text_that_does_not_fit_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(StationError, match=why) as told:
        read_label(text, SPLIT)
    assert str(told.value).endswith(".")
    assert str(told.value).isprintable()


@given(st.text(max_size=60))
def test_whatever_is_scanned_gives_a_label_or_a_sentence(text: str) -> None:
    refused = ""
    try:
        label = read_label(text, SPLIT)
    except StationError as error:
        refused = str(error)
    else:
        assert label.identity.ticket_m is None or label.identity.ticket_m > 0
    assert not refused or (refused.endswith(".") and "\n" not in refused)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?P<roll>", "no regular expression"),
        (r"(.*)", "names no group"),
        (r"(?P<roll>.*);(?P<colour>.*)", "it names colour; a label gives roll, fabric, order"),
        (r"(?P<roll>.*)(?P<roll>.*)", "no regular expression"),
    ],
)
def test_a_pattern_with_a_mistake_is_refused_where_the_settings_are_read(pattern: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        LabelSettings(pattern=pattern)
