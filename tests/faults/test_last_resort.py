"""A bug is never silent: what nobody caught is told once, counted after that, logged and kept in the audit."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.machine.signals import LinkError
from station import last_resort
from station.bugs import is_bug, reason
from station.commands.session import open_records
from station.contract import Fault, StationError
from station.last_resort import LastResort
from station.records.audit import verify
from station.records.store import Store
from tests.rigs.places import ROOT

LONG = 60.0
FLOOD = 1000


class Hooks:
    """The hooks from before, and what they were called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.met: list[str] = []
        monkeypatch.setattr(sys, "excepthook", lambda kind, _error, _trace: self.met.append(kind.__name__))
        monkeypatch.setattr(threading, "excepthook", lambda met: self.met.append(met.exc_type.__name__))
        monkeypatch.setattr(sys, "unraisablehook", lambda met: self.met.append(met.exc_type.__name__))
        self.before = (sys.excepthook, threading.excepthook, sys.unraisablehook)

    @property
    def are_back(self) -> bool:
        return (sys.excepthook, threading.excepthook, sys.unraisablehook) == self.before


class Clock:
    """Seconds moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Hooks:
    return Hooks(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resort(hooks: Hooks, clock: Clock) -> Iterator[LastResort]:
    made = LastResort(clock)
    made.install()
    yield made
    made.close()
    assert not made._thread.is_alive()


def uncaught(call: Callable[[], object], name: str = "plain") -> None:
    """Make the call in a thread of its own, which it may end."""
    thread = threading.Thread(target=call, name=name)
    thread.start()
    thread.join(LONG)


def divide() -> None:
    raise ZeroDivisionError("division by zero")


def hooked(call: Callable[[], object]) -> None:
    """Make the call; what it raises goes the way of an exception that nobody caught."""
    try:
        call()
    except BaseException:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        assert error is not None
        sys.excepthook(kind, error, trace)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def audit_of(home: Path) -> list[tuple[str, str, str, str]]:
    """The audit's faults and errors: action, who, what, why."""
    connection = sqlite3.connect(home / "station.db")
    rows = connection.execute(
        "SELECT action, who, new, why FROM event WHERE action IN ('fault', 'notice: error') ORDER BY id"
    ).fetchall()
    connection.close()
    return rows


# ---------------------------------------------------------------------- one fault


def test_an_uncaught_exception_of_a_thread_is_told_in_one_sentence(
    resort: LastResort, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        uncaught(divide)
    text = (
        "A fault in thread plain (ZeroDivisionError: division by zero). What it did is not done any more; "
        "tell the maintainer, the log has details."
    )
    assert told == [Fault("thread plain", "ZeroDivisionError", text)]
    assert errors(caplog) == [text]
    assert "in divide" in caplog.text, "with its traceback"
    assert hooks.met == ["ZeroDivisionError"], "who heard it before hears it still"


def test_the_main_thread_is_the_window_while_one_is_open(resort: LastResort) -> None:
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        with resort.reporting_to(told.append, last_resort.WINDOW):
            hooked(divide)
        hooked(lambda: {}["key"])
    assert [(fault.where, fault.kind) for fault in told] == [
        ("the window", "ZeroDivisionError"),
        ("the program", "KeyError"),
    ]
    assert "The line goes on" in told[0].text
    assert "The line goes on" not in told[1].text, "nobody knows"


def test_a_destructor_that_fails_is_told(resort: LastResort, hooks: Hooks) -> None:
    class Fragile:
        def __del__(self) -> None:
            divide()

    told: list[Fault] = []
    with resort.reporting_to(told.append):
        made = Fragile()
        del made
        gc.collect()
    assert [(fault.where, fault.kind) for fault in told] == [("the background", "ZeroDivisionError")]
    assert hooks.met == ["ZeroDivisionError"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_person_or_an_exit_is_no_fault(resort: LastResort, hooks: Hooks, kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind

    told: list[Fault] = []
    with resort.reporting_to(told.append):
        hooked(leave)
    assert told == []
    assert hooks.met == [kind.__name__]


def test_what_a_failed_call_held_is_let_go_at_once(resort: LastResort) -> None:
    class Painter:
        pass

    held: list[weakref.ref[Painter]] = []
    kept: list[BaseException] = []

    def paint() -> None:
        painter = Painter()
        held.append(weakref.ref(painter))
        try:
            divide()
        except ZeroDivisionError as error:
            kept.append(error)
            raise

    hooked(paint)
    assert kept[0].__traceback__ is not None, "as the interpreter keeps the last one"
    assert held[0]() is None


def test_long_words_and_words_that_fail_make_one_line(resort: LastResort) -> None:
    class SpeechlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def raise_it(error: Exception) -> None:
        raise error

    told: list[Fault] = []
    with resort.reporting_to(told.append):
        uncaught(lambda: raise_it(SpeechlessError()))
        uncaught(lambda: raise_it(ValueError("many\nlines " * 1000)))
    assert "SpeechlessError: it cannot say what it is" in "".join(fault.text for fault in told)
    assert all("\n" not in fault.text and len(fault.text) < 400 for fault in told)


def test_the_hooks_are_given_back(hooks: Hooks) -> None:
    with last_resort.installed():
        assert not hooks.are_back
    assert hooks.are_back


def test_a_hook_put_over_ours_stays_and_ends_at_the_one_from_before(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    resort = LastResort()
    resort.install()
    ours = sys.excepthook
    monkeypatch.setattr(sys, "excepthook", lambda *met: ours(*met))
    theirs = sys.excepthook
    resort.close()
    resort.close()
    assert sys.excepthook is theirs
    hooked(divide)
    assert hooks.met == ["ZeroDivisionError"]


# ---------------------------------------------------------------------- many


def test_a_flood_is_told_once_and_then_how_often(
    resort: LastResort, hooks: Hooks, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        for _ in range(FLOOD):
            hooked(divide)
        wait_for(lambda: len(told) == 1)
        hooked(divide)
        clock.now += last_resort.FIRST_INTERVAL_S
        resort._jobs.put(last_resort._wake)  # it sleeps by another clock
        wait_for(lambda: len(told) == 2)
        clock.now += last_resort.FIRST_INTERVAL_S  # the next interval is longer
        for _ in range(FLOOD):
            hooked(divide)
        assert len(told) == 2
    assert [fault.text.partition(" more")[0] for fault in told[1:]] == [str(FLOOD), str(FLOOD)]
    assert len(errors(caplog)) == 3
    assert hooks.met == ["ZeroDivisionError"]


def test_many_different_faults_are_told_as_one_beyond_some(resort: LastResort) -> None:
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        for number in range(10 * last_resort.MOST_KINDS):
            resort.tell_text("KeyError", "x" * number, "the program")
    assert len(told) == last_resort.MOST_KINDS + 2
    assert "different faults" in told[-2].text
    assert told[-1].text.startswith(f"{9 * last_resort.MOST_KINDS - 1} more")


def test_numbers_in_a_message_and_in_threads_without_a_name_make_no_new_fault(resort: LastResort) -> None:
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        for number in range(20):
            resort.tell_text("Qt critical", f"pipe {number} is broken", "the window")
            uncaught(divide, f"Thread-{number} (run)")
        wait_for(lambda: len(told) == 2)
    assert [fault.text.partition(" ")[0] for fault in told] == ["A", "A", "19", "19"]


def test_many_threads_fail_at_once(resort: LastResort) -> None:
    def fail_often() -> None:
        for _ in range(FLOOD // 10):
            hooked(divide)

    told: list[Fault] = []
    with resort.reporting_to(told.append):
        threads = [threading.Thread(target=fail_often, name="same") for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
    assert len(told) == 2
    assert told[1].text.startswith(f"{FLOOD - 1} more")


# ---------------------------------------------------------------------- what may go wrong in here


def test_whoever_fails_to_be_told_makes_no_new_fault(
    resort: LastResort, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Fault] = []

    def broken(fault: Fault) -> None:
        heard.append(fault)
        raise RuntimeError("no room")

    with resort.reporting_to(broken):
        hooked(divide)
    assert len(heard) == 1
    assert errors(caplog)[1:] == ["A fault could not be told: RuntimeError: no room"]
    assert hooks.met == ["ZeroDivisionError"]


def test_a_fault_while_a_fault_is_logged_ends_there(resort: LastResort, hooks: Hooks) -> None:
    class Faulty(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            hooked(divide)

    handler = Faulty()
    told: list[Fault] = []
    last_resort.log.addHandler(handler)
    try:
        with resort.reporting_to(told.append):
            hooked(lambda: {}["key"])
    finally:
        last_resort.log.removeHandler(handler)
    assert [fault.kind for fault in told] == ["KeyError"]
    assert hooks.met == ["ZeroDivisionError", "KeyError"]


def test_whoever_hangs_when_told_holds_nobody_up(resort: LastResort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort, "PATIENCE_S", 0.1)
    monkeypatch.setattr(LastResort.settle, "__defaults__", (0.1,))
    go = threading.Event()
    before = time.monotonic()
    with resort.reporting_to(lambda _fault: go.wait(LONG)):
        hooked(divide)
        hooked(lambda: {}["key"])
    assert time.monotonic() - before < LONG / 2
    go.set()
    assert resort.settle(LONG)


def test_a_hook_from_before_that_fails_is_held(resort: LastResort) -> None:
    resort._before = (lambda *_met: divide(), lambda _met: divide(), lambda _met: divide())
    told: list[Fault] = []
    with resort.reporting_to(told.append):
        hooked(lambda: {}["key"])
        uncaught(lambda: [][0])
    assert [fault.kind for fault in told] == ["KeyError", "IndexError"]


def test_without_a_last_resort_a_bug_is_in_the_log_at_least(caplog: pytest.LogCaptureFixture) -> None:
    last_resort.tell(ValueError("odd"), "the window")
    last_resort.tell_text("Qt critical", "no screen", "the window")
    with last_resort.reporting_to(lambda _fault: None):
        last_resort.settle()
    assert ["odd" in errors(caplog)[0], "no screen" in errors(caplog)[1]] == [True, True]


# ---------------------------------------------------------------------- the records


def test_a_fault_is_kept_in_the_audit(hooks: Hooks, tmp_path: Path) -> None:
    with last_resort.installed():
        with open_records(tmp_path) as records:
            uncaught(divide)
        with open_records(tmp_path) as records:
            assert verify(records.store.read_engine).ok
    [(action, who, what, why)] = audit_of(tmp_path)
    assert (action, who, why) == ("fault", "station", "thread plain, ZeroDivisionError")
    assert what.startswith("A fault in thread plain (ZeroDivisionError: division by zero).")


def test_faults_from_before_the_records_were_open_are_kept_once_they_are(hooks: Hooks, tmp_path: Path) -> None:
    with last_resort.installed():
        for number in range(2 * last_resort.MOST_UNHEARD):
            uncaught(divide, f"early-{chr(ord('a') + number)}")
        with open_records(tmp_path):
            pass
        with open_records(tmp_path):
            pass
    assert len(audit_of(tmp_path)) == last_resort.MOST_UNHEARD


def test_a_bug_that_ends_a_command_is_kept_before_the_records_close(hooks: Hooks, tmp_path: Path) -> None:
    with last_resort.installed(), pytest.raises(ZeroDivisionError), open_records(tmp_path):
        divide()
    with last_resort.installed(), pytest.raises(StationError), open_records(tmp_path):
        raise StationError("No such fabric.")
    assert [row[0] for row in audit_of(tmp_path)] == ["fault"]


def test_closed_records_neither_hang_nor_raise(hooks: Hooks, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(tmp_path)
    store.close()
    with last_resort.installed() as resort, resort.reporting_to(store.write):
        uncaught(divide)
        assert resort.settle(LONG)
    assert audit_of(tmp_path) == []
    assert any("thread plain" in text for text in errors(caplog))


def test_records_whose_thread_ends_say_so_and_hold_nobody_up(
    hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Fault] = []
    store = Store.open(tmp_path)
    monkeypatch.setattr(store._writer._backlog, "next_batch", lambda *_: divide())
    with last_resort.installed() as resort, resort.reporting_to(told.append):
        assert store.write(Fault("a", "b", "c"))
        store._writer._thread.join(LONG)
    assert [fault.where for fault in told] == ["thread records"]
    before = time.monotonic()
    assert not store.write(Fault("a", "b", "c"), timeout_s=LONG)
    assert not store.flush(LONG)
    with pytest.raises(Exception, match="have failed"):
        store.audit("tuned", "", "", "ann", "")
    with pytest.raises(Exception, match="the thread that writes has ended: ZeroDivisionError"):
        store.close()
    assert store.failure is not None
    assert time.monotonic() - before < LONG / 2


def test_bugs_and_faults_are_put_into_words() -> None:
    assert not is_bug(StationError("x"))
    assert not is_bug(LinkError("The link is lost."))
    assert reason(MemoryError()).startswith("this computer has too little memory left")
    assert reason(OSError(28, "No space left")) == "[Errno 28] No space left"
    assert (
        reason(AssertionError()) == "a fault in the program (AssertionError); tell the maintainer, the log has details."
    )


# ---------------------------------------------------------------------- the whole program, headless

PROGRAM = """
import sys, threading
from tests.rigs.hanging import EvenScorer
from station import loaded_model
from station.cli import app
from station.line.judging.judge import Judge

scorer = EvenScorer()
scorer.prepare, scorer.close, scorer.precision = lambda channels: None, lambda: None, "f32"
loaded_model.LoadedModel.load = lambda self, sha256, channels: scorer
row, rows = Judge.row, []

def fail():
    raise ZeroDivisionError("division by zero")

def judged(self, *args):
    rows.append(1)
    if len(rows) == 2:
        {what}
    row(self, *args)

Judge.row = judged
app.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "code", "action"),
    [
        ("threading.Thread(target=fail, name='aside').start()", 0, "fault"),
        ("fail()", 1, "notice: error"),
    ],
)
def test_headless_a_bug_is_on_stderr_and_in_the_audit(tmp_path: Path, what: str, code: int, action: str) -> None:
    script = PROGRAM.format(what=what)
    ended = subprocess.run(
        [sys.executable, "-c", script, "demo", "--headless", "--metres", "1", "--home", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.count("Traceback") == 1, ended.stderr
    assert "in fail" in ended.stderr
    [(kept, _who, text, _why)] = audit_of(tmp_path)
    assert kept == action
    assert "ZeroDivisionError: division by zero" in text
    if code:
        assert ended.stderr.strip().splitlines()[-1].startswith("station: a fault in the program (ZeroDivisionError")
        [(ended_how, acquired, seen, unseen)] = sqlite3.connect(tmp_path / "station.db").execute(
            "SELECT ended_how, lines_acquired, lines_inspected, lines_uninspected FROM roll"
        )
        assert (ended_how, acquired) == ("ended", seen + unseen)


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)
