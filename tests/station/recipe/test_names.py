"""Names in any script: what is kept, what is refused and named, what files are called after them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from station.recipe import FabricName
from station.recipe.names import RESERVED, NameFault, fabric_name, file_name, person_name, roll_name, tidy


@pytest.mark.parametrize(
    "name",
    [
        "denim-12",
        "Köper 7",
        "斜纹布 十二",
        "لفة قماش",
        "می‌شود",
        "कपड़ा",
        "Łódź_7.b",
        "Рулон 7",
        "綾織り",
        "두루마리 3",
        "1.5",
    ],
)
def test_names_of_fabrics_rolls_and_people_may_be_in_any_script(name: str) -> None:
    assert fabric_name(name) == unicodedata.normalize("NFC", name)
    assert roll_name(name) == person_name(name) == fabric_name(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Köper/7", r"'/' cannot be in a fabric's name; use letters"),
        ("a\\b", r"'\\' cannot be in"),
        ("twill:2", "':' cannot"),
        ("a\tb", r"U\+0009 \(a control character\) cannot"),
        ("a\u202eb", r"U\+202E \(right-to-left override\) cannot"),
        ("a\u200bb", r"U\+200B \(zero width space\) cannot"),
        ("a \u200db", r"U\+200D \(zero width joiner\) cannot"),
        ("roll \U0001f9f5", "'\U0001f9f5' cannot"),
        ("-x", "cannot begin with '-'"),
        ("..", r"cannot begin with '\.'"),
        ("\u0301a", r"cannot begin with U\+0301 \(combining acute accent\)"),
        ("", "cannot be empty"),
        (" \u3000", "cannot be empty"),
        ("x" * 65, "at most 64 signs, and xxxxxxxxxxxxxxxx… has 65"),
        ("a\udcffb", r"U\+DCFF"),
    ],
)
def test_what_is_refused_in_a_fabrics_name_is_named(name: str, said: str) -> None:
    with pytest.raises(NameFault, match=said) as told:
        fabric_name(name)
    assert "\n" not in str(told.value)


def test_rolls_take_all_that_can_be_seen() -> None:
    assert roll_name("order 12/7: \U0001f9f5 =1+1") == "order 12/7: \U0001f9f5 =1+1"
    for name, said in (("a\nb", r"U\+000A"), ("a\u2066b", "left-to-right isolate"), ("-1", "cannot begin with '-'")):
        with pytest.raises(NameFault, match=said):
            roll_name(name)


def test_one_name_is_kept_in_one_spelling() -> None:
    assert fabric_name(unicodedata.normalize("NFD", "Köper")) == "Köper"
    assert fabric_name(" blue\u3000 twill\u00a0") == "blue twill"
    adapter = TypeAdapter(FabricName)
    assert adapter.validate_python("Ko\u0308per") == "Köper"
    with pytest.raises(ValidationError, match="'/' cannot be in a fabric's name"):
        adapter.validate_python("a/b")


@pytest.mark.parametrize("name", ["denim-12", "linen", "a.b_c"])
def test_plain_names_are_the_names_of_their_files(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize("name", ["con", "NUL.2", "Denim", "denim", "köper", "koper", "布", "a.", "a ", "aux", "../x"])
def test_other_names_get_safe_files_of_their_own(name: str) -> None:
    made = file_name(name)
    assert made.isascii()
    assert made == made.lower()
    assert made.split(".")[0] not in RESERVED
    assert not set(made) & set('/\\:*?"<>| ')
    assert not made.startswith(".")
    assert not made.endswith(".")


@given(st.lists(st.text(min_size=1, max_size=64), min_size=2, max_size=8, unique_by=tidy))
def test_no_two_names_share_a_file_even_where_capitals_count_as_small(names: list[str]) -> None:
    assert len({file_name(name).casefold() for name in names}) == len(names)


@given(st.text(max_size=70))
def test_a_name_is_kept_as_it_is_told_again_or_refused(name: str) -> None:
    for check in (fabric_name, roll_name, person_name):
        try:
            kept = check(name)
        except NameFault:
            continue
        assert check(kept) == kept
        assert 0 < len(kept) <= 128
        assert kept.encode()
