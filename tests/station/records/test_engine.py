"""Homes at any path: the database lies in its home, whatever signs the path has."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.quality import report as reports
from station.records.engine import MOST_PATH_BYTES, default_url, shown, sqlite_file
from station.records.history import History
from station.records.read_only import open_read_only
from station.records.reading.home import open_history
from station.records.rows import RecordsError
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record

SIGNS = st.characters(exclude_characters="/\x00", exclude_categories=["Cs"])
ODD = st.sampled_from(
    [
        "%20",
        "%2e%2e",
        "%2F",
        "?",
        "?mode=ro",
        "?timeout=abc",
        "#",
        "&",
        "=",
        "@",
        ":",
        "file:",
        "\n",
        "\\",
        "'",
        '"',
        " ",
    ]
)
NAMES = st.lists(st.one_of(ODD, st.text(SIGNS, max_size=8)), min_size=1, max_size=6).map("".join)


def is_a_folders_name(name: str) -> bool:
    return name not in ("", ".", "..") and len(os.fsencode(name)) < 200 and (os.name == "posix" or name.isalnum())


@pytest.mark.slow
@pytest.mark.field("r04")
def test_the_database_lies_in_its_home_whatever_the_path(record_property: Callable[[str, object], None]) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES.filter(is_a_folders_name), NAMES.filter(is_a_folders_name))
    def tried(outer: str, inner: str) -> None:
        base = Path(tempfile.mkdtemp())
        try:
            home = base / outer / inner
            with Store.open(home) as store:
                store.audit("tuned", "1", "2", "ann", "")
                assert History(store).fabrics() == []
            files = {file for file in base.rglob("*") if file.is_file()}
            assert home / "station.db" in files
            assert all(file.is_relative_to(home) for file in files)
            with open_read_only(home) as engine, engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM event").scalar() == 1
        finally:
            shutil.rmtree(base)

    tried()
    record_property(
        "now", "20 drawn pairs of folder names with %20, ?, #, quotes, line ends: the database lies in its home."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every path is text")
def test_a_roll_is_recorded_and_reported_in_a_home_whose_path_is_no_text(tmp_path: Path) -> None:
    home = tmp_path / os.fsdecode(b"m\xfchle\nNord")
    with Store.open(home) as store:
        record(store, "R1", recipe())
    with open_history(home) as history:
        made = reports.report(history, "R1")
    reports.to_csv(made, tmp_path / "r.csv")
    assert b"m\\udcfchle" in (tmp_path / "r.csv").read_bytes()
    assert len(made.defect_list) == 4


def test_the_address_is_shown_as_the_file_it_is(tmp_path: Path) -> None:
    home = tmp_path / "50% a?b#c"
    assert sqlite_file(default_url(home)) == home / "station.db"
    assert shown(default_url(home)) == str(home / "station.db")


@pytest.mark.skipif(os.name != "posix", reason="other systems have other limits")
def test_a_path_that_is_too_long_is_told_before_anything_is_made(tmp_path: Path) -> None:
    rest = MOST_PATH_BYTES - len(os.fsencode(tmp_path)) - 40
    Store.open(tmp_path / ("x" * (rest // 2)) / ("y" * (rest // 2))).close()
    too_long = tmp_path / ("é" * 120) / ("z" * 240)
    with pytest.raises(RecordsError, match=r"too long.*name another home folder"):
        Store.open(too_long)
    with pytest.raises(RecordsError, match="its path is too long; name another home folder"):
        Store.open(tmp_path / ("w" * 256))
    assert [path.name[0] for path in tmp_path.iterdir()] == ["x"]
