"""What is kept of a PIN tells nothing of it, and no other PIN matches it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.records.people import pins
from station.records.people.pins import Cost, kept_of, matches
from station.records.rows import RecordsError

CHEAP = Cost(n=4, r=1, p=1)
fit_pins = (
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=4, max_size=20)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: 4 <= len(text) <= 128)
)


@settings(deadline=None)
@given(fit_pins, fit_pins)
def test_a_pin_matches_itself_and_no_other(pin: str, other: str) -> None:
    kept = kept_of(pin, CHEAP)
    assert matches(pin, kept)
    assert matches(unicodedata.normalize("NFD", pin), kept), "however a keyboard composes its letters"
    assert matches(other, kept) == (pin == other)


def test_the_same_pin_is_kept_differently_each_time_and_never_as_it_is() -> None:
    first, second = kept_of("482910", CHEAP), kept_of("482910", CHEAP)
    assert first != second
    assert "482910" not in first + second
    assert first.split("$")[:4] == ["scrypt", "4", "1", "1"]


def test_the_usual_cost_is_that_of_the_cheat_sheet_and_nobodys_pin_costs_as_much() -> None:
    assert Cost(1 << 14, 8, 5) == pins.COST
    assert pins.NOBODYS.split("$")[1:4] == ["16384", "8", "5"]
    assert not matches("0000", pins.NOBODYS)


@pytest.mark.parametrize("pin", ["", "123", "x" * 129, "12\t34", "12\n34"])
def test_an_unfit_pin_is_refused_in_a_sentence_that_does_not_say_it(pin: str) -> None:
    with pytest.raises(RecordsError) as told:
        kept_of(pin, CHEAP)
    assert str(told.value).endswith("choose another.")
    assert not pin or pin not in str(told.value)


@pytest.mark.parametrize(
    "kept",
    ["", "nonsense", "scrypt$4$1$1$!!$!!", "scrypt$3$1$1$AAAA$AAAA", "md5$4$1$1$AAAA$AAAA",
     "scrypt$99999999999999999999$1$1$AAAA$AAAA", f"scrypt${1 << 24}$8$1$AAAA$AAAA", "scrypt$-4$1$1$AAAA$AAAA"],
)  # fmt: skip
def test_a_spoilt_text_matches_nothing(kept: str) -> None:
    assert not matches("1234", kept)
