"""A small sample of the study of all fabrics: it goes on where it was, and its page says what came out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import styles
from benchmarks.styles import AREA, LINE_SCAN, Row, Settings
from benchmarks.styles_page import page_of


def row(style: str, strong_found: int, false_alarms: int = 0) -> Row:
    return Row(
        settings=Settings(style, LINE_SCAN, 5.0, 20.0, 35.0),
        metres=35.0,
        flaws=105,
        found=strong_found + 20,
        strong=60,
        strong_found=strong_found,
        false_alarms=false_alarms,
        strays=0,
        rejects_on_flaws=[1] * (strong_found + 20),
        looks={"fine": strong_found + 20},
        predicted=1.0,
        repeat="No pattern.",
        teach_seconds=280.0,
        inspect_seconds=60.0,
    )


def test_the_page_pools_what_is_woven_alone_and_says_which_goals_are_missed() -> None:
    page = page_of([row("plain", 60), row("check", 40, 5), row("fleece", 0, 90)], "By hand.")
    assert "| **woven, pooled** |  | 70 | 0.833 [0.76–0.89] (100/120) |" in page
    assert "| fleece | line-scan | 35 | 0.000" in page
    assert "**missed**: no row's interval wholly below 0.95: check (line-scan)" in page
    assert "**missed**: pooled false alarms within the budget's 95 % bound: 5 of 3 at most" in page
    assert "- met: ≤ 1.1 fragments: 1.00" in page


@pytest.mark.slow
def test_a_row_is_taught_and_inspected_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, page = tmp_path / "work", tmp_path / "styles.md"
    words = ["--only", "check", "--cameras", "area", "--minutes", "0.4", "--teach-metres", "2.5", "--metres", "2"]
    styles.main([*words, "--work", str(work), "--out", str(page)])
    kept = Row.of(json.loads((work / "check-area" / "row.json").read_text()))
    assert kept.settings == Settings("check", AREA, 0.4, 2.5, 2.0)
    assert kept.metres == pytest.approx(2.0, abs=0.01)
    assert kept.flaws > 0
    assert "repeats every 180 px" in kept.repeat

    def never(*_: object, **__: object) -> None:
        raise AssertionError("what is kept is not made again")

    monkeypatch.setattr(styles, "teach", never)
    monkeypatch.setattr(styles, "play", never)
    assert styles.made(kept.settings, work) == kept
    with pytest.raises(AssertionError, match="made again"):
        styles.made(replace(kept.settings, metres=3.0), work)
    assert "| check | area | 2 |" in page.read_text(encoding="utf-8")
