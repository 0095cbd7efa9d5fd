"""The report as a table: what any Excel reads of it."""

from __future__ import annotations

import csv
import io
import locale
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.quality import report as reports
from station.quality.report_csv import MARK, CsvStyle, cell, heading, region_decimal
from station.records.history import History
from station.records.rows import RollMeasures
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def test_csv_lists_every_defect_and_defuses_formulas(store: Store, tmp_path: Path) -> None:
    record(store, "=1+1", recipe(), measures=RollMeasures(0.5, 0.5, ""))
    made = reports.report(History(store), "=1+1")
    reports.to_csv(made, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["length_mm"] for row in rows] == ["20.0", "100.0", "300.0", "10.0"]
    assert rows[0]["roll"] == "'=1+1"
    assert rows[0]["found_at"].startswith("20")
    assert [(row["parts"], row["look"], row["threshold"]) for row in rows] == [("1", "fine", "2.0")] * 4


def kind_of(value: str) -> str:
    """The type that pandas takes a cell for."""
    if value in ("True", "False"):
        return "bool"
    for kind, read in (("number", float), ("time", datetime.fromisoformat)):
        try:
            read(value)
        except ValueError:
            continue
        return kind
    return "text"


def test_every_column_is_of_one_type_for_who_reads_it_as_pandas_does(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe(), measures=RollMeasures(0.5, 0.5, ""))
    reports.to_csv(reports.report(History(store), "R1"), tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    kinds = {name: {kind_of(row[name]) for row in rows if row[name]} for name in rows[0]}
    assert all(len(found) <= 1 for found in kinds.values()), kinds
    assert {name for name, found in kinds.items() if found == {"time"}} == {"found_at"}
    assert {name for name, found in kinds.items() if found == {"bool"}} == {"is_reject", "counts", "picture_dropped"}
    numbers = {"number", "position_mm", "across_mm", "length_mm", "width_mm", "score", "threshold", "points", "parts"}
    assert {name for name, found in kinds.items() if found == {"number"}} == numbers
    assert {row["found_at_zone"][:3] for row in rows} == {"UTC"}


@pytest.mark.field("f18")
def test_the_file_is_marked_as_utf8_rounded_and_in_the_style_that_was_chosen(
    store: Store, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record(store, "Jürgens Köper", recipe())
    made = reports.report(History(store), "Jürgens Köper")
    odd = replace(
        made, defect_list=tuple(replace(d, position=d.position * 0.2, score=10 / 3) for d in made.defect_list)
    )
    file = tmp_path / "r.csv"
    for style in (CsvStyle(), CsvStyle(";", ","), CsvStyle("\t", ","), CsvStyle(";", ".")):
        reports.to_csv(odd, file, style)
        data = file.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\r\n") == data.count(b"\n") == 5
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=style.separator))
        assert {len(row) for row in rows} == {len(heading(made))}
        assert rows[1][0] == "Jürgens Köper"
        assert rows[2][2] == f"1800{style.decimal}0"
        assert rows[2][7] == f"3{style.decimal}3333"
    record_property(
        "now",
        "The CSV begins with the UTF-8 mark; lengths have at most 2 decimals, scores 4; --separator and --decimal "
        "choose its signs, the default is the region of the computer it is made on.",
    )


@pytest.mark.field("f18")
@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A1",
        "+1",
        "-2",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "－1",
        "a;=1",
        "a,=1",
        "a\t=1",
        'a";=1',
        "x|=1",
    ],
)
def test_no_name_becomes_a_formula_whatever_separates_cells_for_the_reader(text: str) -> None:
    for style in (CsvStyle(), CsvStyle(";", ","), CsvStyle("\t", ".")):
        written = cell(text, style)
        for separator in (",", ";", "\t"):
            for read in next(csv.reader(io.StringIO(written, newline=""), delimiter=separator)):
                assert read.lstrip()[:1] not in set("=+-@＝＋－＠"), (text, separator, read)


@given(st.text(max_size=20), st.text(max_size=20))
def test_cells_are_read_again_as_they_were(first: str, second: str) -> None:
    row = f"{cell(first, CsvStyle())},{cell(second, CsvStyle())}\r\n"
    read = next(csv.reader(io.StringIO(row, newline="")))
    assert [text.removeprefix("'") for text in read] == [first.removeprefix("'"), second.removeprefix("'")]


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (333.20000000000005, 2, "333.2"),
        (0.125, 2, "0.12"),
        (float("nan"), 2, ""),
        (float("inf"), 4, ""),
        (True, None, "True"),
    ],
)
def test_numbers_are_rounded_and_those_that_are_none_are_left_empty(value: object, digits: int, shown: str) -> None:
    assert cell(value, CsvStyle(), digits) == shown


def test_what_is_not_chosen_goes_with_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": ","})
    assert CsvStyle.chosen(None, None) == CsvStyle(";", ",")
    assert CsvStyle.chosen(",", None) == CsvStyle(",", ".")
    assert CsvStyle.chosen(None, ".") == CsvStyle(",", ".")
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": "."})
    assert CsvStyle.chosen(None, None) == CsvStyle(",", ".")
    assert CsvStyle.chosen(None, ",") == CsvStyle(";", ",")
    assert CsvStyle.chosen(";", None) == CsvStyle(";", ".")
    with pytest.raises(ValueError, match="are the same"):
        CsvStyle.chosen(",", ",")


def test_a_region_that_is_not_installed_counts_as_one_with_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_NOWHERE")
    before = locale.setlocale(locale.LC_NUMERIC)
    assert region_decimal() == "."
    assert locale.setlocale(locale.LC_NUMERIC) == before
    assert MARK.encode() == b"\xef\xbb\xbf"
