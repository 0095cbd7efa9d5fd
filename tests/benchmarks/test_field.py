"""The study of situations met in the field: every case is played by tests, and the page says what they said."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks.field import CASES, Played, page
from tests.rigs.places import ROOT


def test_every_case_is_played_by_a_test() -> None:
    known = tomllib.loads(CASES.read_text(encoding="utf-8"))
    mark = re.compile(r'pytest\.mark\.field\("([fr]\d\d)"\)')
    marked = {case for file in (ROOT / "tests").rglob("test_*.py") for case in mark.findall(file.read_text("utf-8"))}
    assert marked == set(known)


def test_the_page_says_what_passed_and_what_fails() -> None:
    known = {case: {"kind": f"kind {case}", "before": "bad | worse"} for case in ("f01", "f02", "f03")}
    played = {"f01": Played(passed=2, now=["Good now."]), "f02": Played(passed=1, failed=["test_x"], now=["Good."])}
    rows = page(known, played, "By hand.").splitlines()[-3:]
    assert rows == [
        r"| f01 | kind f01 | bad \| worse | Good now. | 2 tests pass |",
        r"| f02 | kind f02 | bad \| worse | – | FAILS: test_x |",
        r"| f03 | kind f03 | bad \| worse | – | not played |",
    ]


@pytest.mark.slow
def test_a_sample_is_played(tmp_path: Path) -> None:
    out = tmp_path / "field.md"
    words = [sys.executable, "-m", "benchmarks.field", "--case", "r12", "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line for line in out.read_text(encoding="utf-8").splitlines() if line.startswith("| r12 ")]
    assert row.endswith("| 1 test passes |")
    assert "removed at the next start" in row
