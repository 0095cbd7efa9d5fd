"""The table of faults: what it says of a roll is what happened in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fault_table import HEAD, Row, page
from benchmarks.fault_watch import Watched, Witness
from benchmarks.faults import law_holds, one_of_two, simulated
from drivers.simulated.faults import FAULT_NAMES
from station.contract import Ledger, Notice, RollEnded, Severity, Stretch, StretchClosed, UninspectedReason
from station.demo import open_demo_camera

pytestmark = pytest.mark.usefixtures("unhurried")


def row(holds: bool) -> Row:
    return Row("unplug", 2, "camera gone", 0.5, None, 1.0, 1.0, holds)


def test_a_broken_law_stands_out() -> None:
    text = page([row(True), row(False)], "By hand.", "5 m")
    assert text.count("holds |") == 1
    assert text.count("**BROKEN** |") == 1
    assert all(line.count(" | ") == HEAD.count(" | ") for line in text.splitlines() if line.startswith("| unplug"))


def test_what_was_told_before_the_fault_is_no_word_of_it() -> None:
    watched = Watched(Witness(open_demo_camera(0, 1.0, None)))
    watched.events += [(1.0, Notice(Severity.WARNING, "exposure refused")), (2.0, Notice(Severity.INFO, "hello"))]
    watched.events += [(3.0, Notice(Severity.WARNING, "unplugged")), (4.0, RollEnded("faults", Ledger()))]
    assert watched.seen(1.5) == "“unplugged”"
    assert watched.seen() == "“exposure refused”"


def test_a_fault_is_timed_and_its_metres_agree() -> None:
    lost = simulated("lost-lines", metres=3.0, speed=60.0)
    assert lost.holds
    assert lost.strikes > 0
    assert lost.declared_m == lost.true_m > 0
    assert lost.seen_s is not None
    assert "lost" in lost.seen


def test_the_law_is_not_said_to_hold_where_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bool] = []

    def check(watched, missing, repeated, returns, due_line) -> bool:  # type: ignore[no-untyped-def]
        for wrong in (
            (missing | {watched.origin_line}, repeated, returns, due_line),
            (set(), repeated, returns, due_line),
            (missing, repeated + 1, returns, due_line),
            (missing, repeated, returns, due_line + 1),
        ):
            checked.append(law_holds(watched, *wrong))
        return law_holds(watched, missing, repeated, returns, due_line)

    monkeypatch.setattr("benchmarks.faults.law_holds", check)
    assert simulated("short-block", metres=3.0, speed=60.0).holds
    assert checked == [False] * 4


@pytest.mark.slow
def test_too_little_cloth_between_two_losses_is_declared_and_no_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    late = simulated("late-block", metres=3.0, speed=60.0)
    assert late.holds
    assert late.declared_m > late.true_m
    monkeypatch.setattr(Watched, "too_short", lambda _: set())
    assert not simulated("late-block", metres=3.0, speed=60.0).holds


@pytest.mark.parametrize(("lines", "reason"), [(255, None), (256, UninspectedReason.TOO_SHORT)])
def test_the_law_is_broken_where_a_tiles_height_is_not_judged_or_less_is(
    lines: int, reason: UninspectedReason | None
) -> None:
    def holds(end: int) -> bool:
        watched = Watched(Witness(open_demo_camera(0, 1.0, None)))
        ledger = Ledger(end, end, 0) if reason is None else Ledger(end, 0, end)
        watched.events = [(0.0, StretchClosed(Stretch(0, end, reason))), (0.0, RollEnded("r", ledger))]
        return law_holds(watched, set(), 0, 0, None)

    assert not holds(lines)
    assert holds(511 - lines)


@pytest.mark.slow
def test_one_of_two_cameras_is_lost_and_the_law_asks_for_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost in the first half second of sixteen, so that it is back in time also where all is slow."""
    monkeypatch.setattr(Watched, "judged", lambda _: set())
    lost = one_of_two(metres=8.0, speed=30.0)
    assert not lost.holds, "nobody looked at the other camera's cloth"
    assert lost.strikes > 0
    assert "Camera right is gone" in lost.seen
    assert lost.seen_s is not None
    assert lost.again_s is not None
    assert lost.declared_m >= lost.true_m > 0


@pytest.mark.slow
def test_the_whole_table(tmp_path: Path) -> None:
    out = tmp_path / "faults.md"
    words = [sys.executable, "-m", "benchmarks.faults", "--out", str(out)]
    assert subprocess.run(words, check=False).returncode == 0
    text = out.read_text(encoding="utf-8")
    assert text.count("| holds |") == len(FAULT_NAMES) + 3
