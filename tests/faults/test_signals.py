"""Signals at any moment from the first line on, once and twice: the process ends in time, by its code, in one voice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from station.commands.session import open_records
from station.shutdown import LEAVE_S
from tests.rigs.places import ROOT

START = """
import sys
from station.cli.start import main

class Teller:
    def find_spec(self, name, path, target=None):
        if name == "station.cli.app":  # what the first lines import
            print("first line", flush=True)

sys.meta_path.insert(0, Teller())
main()
"""
ON_TIME_S = 10.0
HANDS_S = 60.0
"""A machine full of other tests may need this much longer than an idle one; the slow tests have it to themselves."""

Record = Callable[[str, object], None]


@dataclass(frozen=True)
class End:
    """How a process ended, so many seconds after its (first) signal."""

    code: int
    seconds: float
    out: str
    err: str


@contextmanager
def started(script: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program whose first line has run."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "first line\n"
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], number: signal.Signals, after_s: float, *, twice: bool) -> End:
    time.sleep(after_s)
    began = time.monotonic()
    process.send_signal(number)
    if twice:
        time.sleep(0.2)
        process.send_signal(number)
    out, err = process.communicate(timeout=ON_TIME_S + HANDS_S)
    return End(process.returncode, time.monotonic() - began, out, err)


def signalled(home: Path, number: signal.Signals, after_s: float, *, twice: bool, words: tuple[str, ...] = ()) -> End:
    command = words or ("demo", "--headless", "--speed", "6", "--metres", "1000")
    with started(START, *command, "--home", str(home), "--json") as process:
        end = ended(process, number, after_s, twice=twice)
    assert end.code == 128 + number, (after_s, twice, end)
    assert "Traceback" not in end.err, (after_s, twice, end)
    return end


@pytest.mark.field("r08")
def test_a_signal_while_the_program_is_still_imported_ends_it(tmp_path: Path, record_property: Record) -> None:
    moments = (0.0, 0.02, 0.2, 0.5, 1.0, 1.5)
    ends = [
        signalled(tmp_path, (signal.SIGINT, signal.SIGTERM)[at % 2], after_s, twice=at % 3 == 2)
        for at, after_s in enumerate(moments)
    ]
    slowest = max(end.seconds for end in ends)
    record_property("now", f"{len(ends)} of {len(ends)} signals in the first 1.5 s end it, by {slowest:.1f} s.")


@pytest.mark.slow
@pytest.mark.study
@pytest.mark.field("r08")
def test_signals_at_every_moment_of_a_start_are_heard(tmp_path: Path, record_property: Record) -> None:
    ends = [
        signalled(tmp_path, (signal.SIGINT, signal.SIGTERM)[at % 2], float(after_s), twice=at % 4 >= 2)
        for at, after_s in enumerate(np.arange(0.02, 6.0, 0.1))
    ]
    slowest = max(end.seconds for end in ends)
    assert slowest < ON_TIME_S
    record_property("now", f"{len(ends)} of {len(ends)} signals in the first 6 s end it, by {slowest:.1f} s.")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("doctor",), ("demo",), ("bench", "--seconds", "30"), ("cameras",)],
    ids=lambda words: words[0],
)
def test_signals_end_the_other_commands_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    for at, after_s in enumerate((0.1, 1.0, 3.0, 5.0, 7.0)):
        with started(START, *words, "--home", str(tmp_path)) as process:
            end = ended(process, (signal.SIGINT, signal.SIGTERM)[at % 2], after_s, twice=False)
        # it may have ended before, by itself
        assert end.code in (0, 1, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM), end
        assert "Traceback" not in end.err, end
        assert end.seconds < ON_TIME_S


@contextmanager
def burning(programs: int) -> Iterator[None]:
    """Keep the processor busy meanwhile with so many programs, no nicer than the station."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.field("r13")
def test_on_an_overloaded_machine_a_start_ends_in_ten_seconds(tmp_path: Path, record_property: Record) -> None:
    ends = []
    for after_s in (8.0, 25.0):
        with burning(4 * (os.cpu_count() or 1)):
            ends.append(signalled(tmp_path / str(after_s), signal.SIGTERM, after_s, twice=False))
    slowest = max(end.seconds for end in ends)
    assert slowest < ON_TIME_S
    record_property("now", f"With four busy programs on each core a start ends {slowest:.1f} s after SIGTERM.")


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.field("r13")
@pytest.mark.parametrize("words", [("--speed", "12"), ()], ids=["cloth that runs", "cloth that waits"])
def test_on_an_overloaded_machine_a_roll_ends_in_ten_seconds(
    tmp_path: Path, words: tuple[str, ...], record_property: Record
) -> None:
    command = ("demo", "--headless", "--metres", "1000", *words, "--home", str(tmp_path), "--json")
    with started(START, *command) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "m inspected" in line and not line.startswith("0.0 m"):
                break
        with burning(4 * (os.cpu_count() or 1)):
            end = ended(process, signal.SIGTERM, 5.0, twice=False)
    assert end.code == 128 + signal.SIGTERM, end
    assert "Traceback" not in end.err
    assert end.seconds < ON_TIME_S
    with open_records(tmp_path) as records:
        (roll,) = records.history.rolls()
        stretches = records.history.stretches(roll.id)
    assert roll.ledger.lines_in_flight == 0
    assert sum(stretch.end_line - stretch.first_line for stretch in stretches) == roll.ledger.lines_acquired > 0
    record_property("now", f"With four busy programs on each core a roll ends {end.seconds:.1f} s after SIGTERM.")


DEAF = """
print("first line", flush=True)
import threading, time
from pathlib import Path
from station import shutdown

shutdown.LEAVE_S = {limit_s}
shutdown.take_signals()
shutdown.before_leaving(Path({mark!r}).touch)
heard = 0
while heard < {most}:
    try:
        time.sleep(600)
    except BaseException as error:  # as code that is called from C swallows it
        heard += 1
        print(type(error).__name__, flush=True)
shutdown.end_process(0)
"""


@pytest.mark.field("r13")
@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "SystemExit")])
def test_a_program_that_does_not_end_by_itself_is_ended(
    tmp_path: Path, number: signal.Signals, name: str, record_property: Record
) -> None:
    mark = tmp_path / "safe"
    with started(DEAF.format(limit_s=0.5, mark=str(mark), most=99)) as process:
        end = ended(process, number, 0.5, twice=False)
    assert (end.code, end.out) == (128 + number, f"{name}\n")
    assert "what was under way had not ended" in end.err
    assert mark.exists()
    record_property("now", f"What is stuck is ended {LEAVE_S:g} s after the signal, with the outputs safe.")


def test_a_second_signal_ends_at_once_even_what_swallows_the_first(tmp_path: Path) -> None:
    mark = tmp_path / "safe"
    with started(DEAF.format(limit_s=500.0, mark=str(mark), most=99)) as process:
        end = ended(process, signal.SIGINT, 0.5, twice=True)
    assert end.code == 128 + signal.SIGINT
    assert "a second signal ended the program at once" in end.err
    assert mark.exists()


def test_what_ends_in_order_after_a_signal_has_its_number(tmp_path: Path) -> None:
    with started(DEAF.format(limit_s=500.0, mark=str(tmp_path / "safe"), most=1)) as process:
        end = ended(process, signal.SIGTERM, 0.5, twice=False)
    assert (end.code, end.err) == (128 + signal.SIGTERM, "")


IMPORTING = """
print("first line", flush=True)
import sys, threading, time
from station import shutdown

shutdown.take_signals()
sys.path.insert(0, {folder!r})
import slow_to_import
shutdown.end_process(0)
"""
SLOW = """
import time
try:
    time.sleep(2.0)
except BaseException:
    print("swallowed", flush=True)
print("whole", flush=True)
"""


def test_an_import_is_not_interrupted_in_its_middle(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    with started(IMPORTING.format(folder=str(tmp_path))) as process:
        end = ended(process, signal.SIGTERM, 0.7, twice=False)
    assert end.out == "whole\n"
    assert end.code == 128 + signal.SIGTERM


CLOSING = """
print("first line", flush=True)
import time
from station import shutdown

shutdown.take_signals()
with shutdown.closing():
    time.sleep(1.5)
    print("closed", shutdown.time_left(100.0) < 7.0, flush=True)
shutdown.end_process(0)
"""


def test_what_is_being_closed_is_closed_to_its_end() -> None:
    with started(CLOSING) as process:
        end = ended(process, signal.SIGINT, 0.7, twice=False)
    assert (end.code, end.out, end.err) == (128 + signal.SIGINT, "closed True\n", "")
