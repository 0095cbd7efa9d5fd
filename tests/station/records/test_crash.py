"""A program that dies loses nothing that was acknowledged; a roll it left open is closed honestly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from station.contract import UninspectedReason
from station.records.audit import verify
from station.records.history import History
from station.records.rows import DefectFilter, StretchRow
from station.records.store import Store
from tests.rigs.records import PREAMBLE, make_recipe, run_python

WRITING = """
store = Store.open(home)
store.begin_roll("doomed", make_recipe(), "cam")
for number in range(1, 100000):
    store.write(DefectChanged(make_defect(number, crop=picture(), crop_scores=np.ones((8, 12), np.float32))))
    peaks = np.full(3, number, np.float32)
    store.write(RowJudged(10 * number - 10, 10 * number, peaks, width_px=900, cloth_px=900 - number))
    store.write(StretchClosed(Stretch(10 * number - 10, 10 * number)))
    if number % 3 == 0:
        assert store.flush()
        print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledgements", [1, 12])
def test_kill_9_loses_nothing_acknowledged(home: Path, acknowledgements: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", PREAMBLE + WRITING, home], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child, child.stdout as told:
        heard = [int(told.readline()) for _ in range(acknowledgements)]
        child.kill()
        heard += [int(line) for line in told if line.endswith("\n")]
    last = heard[-1]

    with Store.open(home) as store:
        history = History(store)
        roll = history.roll("doomed")
        assert roll.broken_off
        assert roll.ended_at is not None
        rows = history.defects(DefectFilter(roll.id, limit=100_000))
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) >= last
        for row in rows:
            assert row.crop_file is not None
            assert row.heat_file is not None
            assert cv2.imread(str(row.crop_file)) is not None
            assert cv2.imread(str(row.heat_file)) is not None
        first_lines, peaks = history.profile(roll.id)
        assert len(first_lines) == len(peaks) >= 3 * last
        widths = history.width(roll.id)
        assert sum(row.judged_lines for row in widths) == 10 * len(first_lines) // 3
        assert min(row.least_px or 900 for row in widths) == 900 - len(first_lines) // 3
        assert roll.ledger.lines_in_flight == 0
        assert roll.ledger.lines_inspected >= 10 * last
        assert sum(s.end_line - s.first_line for s in history.stretches(roll.id)) == roll.ledger.lines_acquired
        assert verify(store.read_engine).ok
        assert not list(home.glob("images/*/*.tmp"))
        assert not list(home.glob("locks/roll-*"))
        assert store.begin_roll(None, make_recipe(), "cam")


JUDGED_ONLY = """
import os
store = Store.open(home)
store.begin_roll("doomed", make_recipe(), "cam")
store.write(StretchClosed(Stretch(0, 100)))
for first, end in ((0, 100), (100, 200), (150, 300), (340, 400), (400, 450)):
    store.write(RowJudged(first, end, np.ones(2, np.float32)))
assert store.flush()
os._exit(1)
"""


def test_cloth_judged_but_not_told_as_a_stretch_counts_except_the_last_row(home: Path) -> None:
    run_python(JUDGED_ONLY, home, check=False)
    with Store.open(home) as store:
        roll = History(store).roll("doomed")
        aborted = UninspectedReason.ABORTED
        assert History(store).stretches(roll.id) == [
            StretchRow(0, 300, None),
            StretchRow(300, 340, aborted),
            StretchRow(340, 400, None),
            StretchRow(400, 450, aborted),
        ]
        assert (roll.ledger.lines_inspected, roll.ledger.lines_uninspected) == (360, 90)


def test_a_roll_that_runs_elsewhere_is_left_alone(home: Path) -> None:
    with Store.open(home) as running:
        name = running.begin_roll(None, make_recipe(), "cam")
        outcome = run_python(
            "store = Store.open(home); print(History(store).rolls()[0].broken_off); store.close()", home
        )
        assert outcome.stdout.strip() == "False"
        with Store.open(home) as second:
            assert second.recover() == []
            assert History(second).roll(name).ended_at is None
            other = second.begin_roll(None, make_recipe(), "cam 2")
            assert other != name
        assert not History(running).roll(name).broken_off
        assert History(running).roll(other).broken_off


SAVING = """
from station.records import engine
engine.BUSY_MS = 60_000  # on a loaded machine the other one may stand for long with the lock in hand
store = Store.open(home)
for i in range(15):
    store.save_recipe(make_recipe(note=f"{sys.argv[2]} {i}"), sys.argv[2], "race")
store.close()
"""


@pytest.mark.slow
def test_several_programs_write_one_chain_and_distinct_versions(home: Path) -> None:
    words = [sys.executable, "-c", PREAMBLE + SAVING, home]
    children = [subprocess.Popen([*words, name], stderr=subprocess.PIPE, text=True) for name in ("ann", "bob")]
    for child in children:
        _, told = child.communicate(timeout=120)
        assert child.returncode == 0, told
    with Store.open(home) as store:
        rows = History(store).recipes("linen")
        assert [row.recipe.version for row in rows] == list(range(30, 0, -1))
        assert {row.created_by for row in rows} == {"ann", "bob"}
        assert verify(store.read_engine) == (30, True, None)
