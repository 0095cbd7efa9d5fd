"""This benchmark plays every situation met in the field and reports what the station does now.

    python -m benchmarks.field [--out docs/results/field.md] [--case f03 …]

Each situation is a test of the project, marked ``field("f03")``; the test says in a sentence what happens now
(``record_property("now", …)``), and counts only if it passes.  ``field_cases.toml`` says what happened before.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.study.setting import ROOT, provenance
from model.durable import write_whole

CASES = Path(__file__).with_name("field_cases.toml")


@dataclass(slots=True)
class Played:
    """What the tests of one case gave: their outcomes, and the sentences of those that passed."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0
    now: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """Give the outcome in words."""
        if self.failed:
            return f"FAILS: {', '.join(self.failed)}"
        if not self.passed:
            return "not played" if not self.skipped else "skipped here"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} test{'s' if self.passed > 1 else ''} pass{'' if self.passed > 1 else 'es'}{skipped}"


class Collector:
    """The collector is a plugin of pytest that keeps what each marked test gave."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.cases: dict[str, Played] = defaultdict(Played)
        self._wanted = wanted
        self._of_test: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests of the wanted cases only."""
        chosen = []
        for item in items:
            cases = [str(mark.args[0]) for mark in item.iter_markers("field")]
            if self._wanted.intersection(cases):
                self._of_test[item.nodeid] = cases
                chosen.append(item)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test."""
        for case in self._of_test.get(report.nodeid, []):
            played = self.cases[case]
            if report.failed:
                played.failed.append(report.nodeid.rpartition("::")[2])
            elif report.skipped:
                played.skipped += 1
            elif report.when == "call":
                played.passed += 1
                now = [str(value) for name, value in report.user_properties if name == "now"]
                played.now += [sentence for sentence in now if sentence not in played.now]


def files_of(wanted: frozenset[str]) -> list[Path]:
    """Return the test files that play any of the cases: to load all others would take longer than most cases."""
    marks = [f'field("{case}")' for case in wanted]
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [file for file in files if any(mark in file.read_text(encoding="utf-8") for mark in marks)]


def page(known: dict[str, dict[str, str]], played: dict[str, Played], about: str) -> str:
    """Return the page of results as Markdown."""
    lines = [
        "# Situations met in the field",
        "",
        "What people report of their own pictures, files, disks and days, and attacks on the records: what the station "
        "did at version 0.1, and what it does now.  Made by `make field`; tests marked with a case play it.",
        "",
        about,
        "",
        "| case | what | before | now | tests |",
        "|---|---|---|---|---|",
    ]
    for case, one in known.items():
        got = played.get(case, Played())
        now = " ".join(got.now) if not got.failed else ""
        cells = (case, one["kind"], one["before"], now or "–", got.outcome)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Play the cases and write the page; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "field.md")
    parser.add_argument("--case", nargs="*", help="only these")
    options = parser.parse_args()
    known = tomllib.loads(CASES.read_text(encoding="utf-8"))
    about = provenance("benchmarks.field", sys.argv[1:])
    wanted = frozenset(options.case or known)
    collector = Collector(wanted)
    files = map(str, files_of(wanted))
    pytest.main(
        ["-m", "field", "-q", "-p", "no:cacheprovider", "--timeout", "1800", "-o", "faulthandler_timeout=1830", *files],
        [collector],
    )
    write_whole(options.out, page(known, collector.cases, about))
    failed = [case for case, played in collector.cases.items() if played.failed]
    print(f"{options.out}: {len(known)} cases, {len(failed)} fail")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
