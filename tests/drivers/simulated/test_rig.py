"""The simulated camera: what it delivers is the cloth, in its process of its own, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import CameraError, EndOfClothError, LineBlock
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.faults import Effect, FaultyCamera
from drivers.simulated.loom import SpanPlan, SpeedProfile, Stage, Turn
from drivers.simulated.process import ClothSettings, Renderer, RenderJob
from drivers.simulated.rig import SimulatedRig
from drivers.simulated.ring import SHARED, RingShape, free_abandoned
from tests.rigs.speeds import constant_speed

PATIENCE_S = 60.0
LONG_PAST = 400
"""Slots: so much of the past is kept that nothing is overwritten while a reader stands still for ten seconds."""

CLOTH = ClothSettings("demo", 256, 0.5, 7, (8, 248), 6.0, True)


def make_rig(
    *, total: int | None, lines_per_s: float | None = None, slots: int = 8, turns: tuple[Turn, ...] = ()
) -> SimulatedRig:
    profile = None if lines_per_s is None else constant_speed(lines_per_s)
    plan = SpanPlan(profile, turns, 100, total)
    return SimulatedRig(RenderJob(CLOTH, plan, RingShape(slots, min(max(slots // 4, 2), 10), 100, 256)), "rig")


def play(camera: SimulatedRig | SimulatedCamera | FaultyCamera, most: int | None = None) -> list[LineBlock]:
    blocks: list[LineBlock] = []
    while most is None or len(blocks) < most:
        try:
            block = camera.read(PATIENCE_S)
        except EndOfClothError:
            return blocks
        assert block is not None, "no block within a minute"
        blocks.append(block)
    return blocks


def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def memory_exists(name: str) -> bool:
    try:
        memory = SharedMemory(name)
    except FileNotFoundError:
        return False
    memory.close()
    return True


def left_of(memory: str) -> list[str]:
    """The files of this memory and its semaphores."""
    return [path.name for path in SHARED.glob(f"*{memory.lstrip('/')}*")]


def assert_is_cloth(blocks: list[LineBlock]) -> None:
    cloth = CLOTH.weave()
    for block in blocks:
        np.testing.assert_array_equal(block.pixels, cloth.render(block.first_line, block.lines))
        assert block.pixels.flags.c_contiguous


def test_a_waiting_rig_delivers_the_cloth_bit_exact_line_by_line() -> None:
    rig = make_rig(total=2345)
    assert rig.waits
    assert rig.read(0.0) is None
    rig.start()
    rig.start()
    try:
        blocks = play(rig, most=3)
        assert rig.encoder().due_line == 300
        assert rig.encoder().lines_per_s > 0
        blocks += play(rig)
        with pytest.raises(EndOfClothError):
            rig.read(0.0)
    finally:
        rig.stop()
    assert rig.encoder().due_line == 2345
    assert rig.encoder().lines_per_s == 0
    assert blocks[0].first_line == 0
    assert blocks[-1].end_line == 2345
    assert all(one.end_line == other.first_line for one, other in pairwise(blocks))
    assert all(one.captured_ns <= other.captured_ns for one, other in pairwise(blocks))
    assert_is_cloth(blocks)  # after all slots were used again: what was handed out are copies


def test_stop_and_start_go_on_with_the_next_line_and_leave_nothing_behind() -> None:
    threads = set(threading.enumerate())
    rig = make_rig(total=1000)
    blocks: list[LineBlock] = []
    for most in (3, 2, None):
        rig.start()
        pid, memory = rig.renderer_pid, rig.memory_name
        assert pid is not None
        assert memory is not None
        assert is_running(pid)
        blocks += play(rig, most)
        rig.stop()
        rig.stop()
        assert rig.read(0.0) is None
        assert not is_running(pid)
        assert not memory_exists(memory)
    assert [block.first_line for block in blocks] == list(range(0, 1000, 100))
    assert_is_cloth(blocks)
    assert threads.issuperset(threading.enumerate())


def test_a_running_loom_delivers_in_step_with_its_encoder() -> None:
    rig = make_rig(total=1200, lines_per_s=2000.0, slots=LONG_PAST)
    assert not rig.waits
    rig.start()
    try:
        blocks = []
        while len(blocks) < 12:
            (block,) = play(rig, most=1)
            assert block.end_line <= rig.encoder().due_line
            assert block.captured_ns <= time.monotonic_ns()
            blocks.append(block)
        with pytest.raises(EndOfClothError):
            rig.read(0.0)
        assert rig.encoder().due_line == 1200
    finally:
        rig.stop()
    assert [block.first_line for block in blocks] == list(range(0, 1200, 100))
    assert all(
        other.captured_ns - one.captured_ns >= 0.05e9 - 1000 for one, other in pairwise(blocks)
    )  # 100 lines at 2000 a second take a twentieth at least
    assert_is_cloth(blocks)


def test_a_running_loom_does_not_wait_for_its_reader() -> None:
    camera = FaultyCamera(make_rig(total=3000, lines_per_s=4000.0, slots=8), (), 0)
    camera.start()
    try:
        blocks = play(camera, most=2)
        until(lambda: camera.encoder().due_line >= 2000)
        assert camera.encoder().lines_per_s >= 0
        blocks += play(camera)
    finally:
        camera.stop()
    assert_is_cloth(blocks)
    assert blocks[-1].end_line == 3000
    missing = set(range(3000)) - {line for block in blocks for line in range(block.first_line, block.end_line)}
    assert len(missing) >= 1000  # of the first 2000 lines two blocks were read before and at most eight were kept
    assert camera.truth().lines(Effect.LOST) == missing
    assert {event.fault for event in camera.truth().events} == {"overrun"}


def test_a_stopped_running_loom_stands_and_runs_on_from_there() -> None:
    rig = make_rig(total=None, lines_per_s=1000.0, slots=LONG_PAST)
    rig.start()
    blocks = play(rig, most=4)
    rig.stop()
    stood = rig.encoder()
    time.sleep(0.3)
    assert rig.encoder() == stood
    assert stood.lines_per_s == 0
    rig.start()
    blocks += play(rig, most=4)
    rig.stop()
    assert [block.first_line for block in blocks] == list(range(0, 800, 100))
    assert rig.encoder().due_line >= 800


def test_a_coasting_loom_runs_on_unseen() -> None:
    rig = make_rig(total=None, lines_per_s=4000.0, slots=LONG_PAST)
    rig.start()
    seen = play(rig, most=2)[-1].end_line
    pid = rig.renderer_pid
    assert pid is not None
    rig.coast()
    assert not is_running(pid)
    assert rig.encoder().lines_per_s == 4000
    until(lambda: rig.encoder().due_line >= seen + 1000)
    due = rig.encoder().due_line
    rig.start()
    (block,) = play(rig, most=1)
    rig.stop()
    assert block.end_line > due
    assert_is_cloth([block])


def test_turns_bring_the_same_lines_again() -> None:
    rig = make_rig(total=1000, turns=(Turn(450, 130),))
    rig.start()
    blocks = play(rig)
    rig.stop()
    lines = [line for block in blocks for line in range(block.first_line, block.end_line)]
    assert lines == [*range(450), *range(320, 1000)]
    assert_is_cloth(blocks)


def test_a_stop_of_the_loom_delivers_what_was_seen_and_reads_as_standing() -> None:
    profile = SpeedProfile([Stage(0.2, 1000, 1000), Stage(0.05, 1000, 0), Stage(3600, 0, 0)])
    plan = SpanPlan(profile, (), 100, None)
    rig = SimulatedRig(RenderJob(CLOTH, plan, RingShape(16, 8, 100, 256)), "rig")
    rig.start()
    try:
        until(lambda: rig.encoder().due_line == 225)
        blocks = play(rig, most=3)
        assert blocks[-1].end_line == 225  # not kept back until a whole block is full
        assert rig.read(0.2) is None
        until(lambda: rig.encoder().lines_per_s == 0)
        assert rig.encoder().due_line == 225
    finally:
        rig.stop()


def test_a_renderer_that_dies_is_reported_and_can_be_started_again() -> None:
    rig = make_rig(total=3000)
    rig.start()
    blocks = play(rig, most=1)
    pid = rig.renderer_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    with pytest.raises(CameraError, match="renderer"):
        blocks.extend(block for block in iter(lambda: rig.read(PATIENCE_S), None) if block is not None)
    rig.stop()
    rig.start()
    blocks += play(rig)
    rig.stop()
    assert [block.first_line for block in blocks] == list(range(0, 3000, 100))


def test_stop_wakes_a_reader_in_another_thread() -> None:
    rig = make_rig(total=None, lines_per_s=0.01)  # first line after 100 s
    rig.start()
    results: list[LineBlock | Exception | None] = []

    def read() -> None:
        try:
            results.append(rig.read(PATIENCE_S))
        except Exception as error:
            results.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.1)
    rig.stop()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    assert results == [None]


@pytest.mark.slow
def test_stop_does_not_raise_when_the_renderer_died_holding_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make_rig(total=None, lines_per_s=1000.0, slots=LONG_PAST)
    rig.start()
    play(rig, most=1)
    renderer, memory, pid = rig._renderer, rig.memory_name, rig.renderer_pid
    assert renderer is not None
    assert memory is not None
    assert pid is not None
    assert renderer.ring._lock.acquire(timeout=PATIENCE_S)  # as a renderer that dies would leave it
    monkeypatch.setattr("drivers.simulated.ring.LOCK_TIMEOUT_S", 0.2)
    rig.stop()
    monkeypatch.undo()
    assert not is_running(pid)
    assert not memory_exists(memory)
    assert rig.read(0.0) is None
    rig.start()
    assert play(rig, most=1)
    rig.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="halts a process the POSIX way")
def test_stop_does_not_wait_for_a_start_that_gives_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    halted = threading.Event()

    def halt(renderer: Renderer, start_index: int, cancelled: Callable[[], bool]) -> None:
        assert renderer.pid is not None
        with renderer.ring.locked():  # so that the halted one does not hold it
            os.kill(renderer.pid, signal.SIGSTOP)
        halted.set()
        await_first(renderer, start_index + 1000, cancelled)  # a block that will not come

    await_first = Renderer._await_first
    monkeypatch.setattr(Renderer, "_await_first", halt)
    monkeypatch.setattr("drivers.simulated.process.STOP_TIMEOUT_S", 0.2)
    rig = make_rig(total=None, lines_per_s=1000.0, slots=LONG_PAST)
    told: list[CameraError] = []

    def start() -> None:
        try:
            rig.start()
        except CameraError as error:
            told.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    assert halted.wait(PATIENCE_S)
    stopper = threading.Thread(target=rig.stop)
    stopper.start()
    stopper.join(PATIENCE_S)
    assert not stopper.is_alive()
    starter.join(PATIENCE_S)
    assert not starter.is_alive()
    assert "stopped before it gave a picture" in str(told[0])
    assert rig.renderer_pid is None
    monkeypatch.undo()
    rig.start()
    assert play(rig, most=1)[0].first_line == 0
    rig.stop()


def test_the_simulated_camera_fixes_cloth_and_flaws_by_its_seed() -> None:
    metadata = []
    for _ in range(2):
        camera = SimulatedCamera(seed=5, width_px=512, metres=1.5, flaws_per_m=8.0)
        assert (camera.mm_per_px, camera.web_px, camera.channels) == (0.5, (6, 506), 1)
        camera.start()
        blocks = play(camera)
        camera.stop()
        metadata.append((np.concatenate([block.pixels for block in blocks]), camera.truth()))
    (one, flaws), (other, same_flaws) = metadata
    assert one.shape == (3000, 512)
    np.testing.assert_array_equal(one, other)
    assert flaws == same_flaws
    assert flaws
    clean = ClothSettings("demo", 512, 0.5, 5, (6, 506), 0.0, True).weave().render(0, 3000)
    changed = one != clean
    for flaw in flaws:
        box = (slice(flaw.first_line, flaw.end_line), slice(flaw.first_px, flaw.end_px))
        assert changed[box].any()
        changed[box] = False
    assert not changed.any()  # truth names every changed pixel


def test_seams_are_sewn_where_asked_and_are_no_flaws() -> None:
    pictures = []
    for seams in ((), (500,)):
        camera = SimulatedCamera(seed=5, width_px=256, metres=0.5, flaws_per_m=0.0, seams=seams)
        camera.start()
        pictures.append(np.concatenate([block.pixels for block in play(camera)]))
        camera.stop()
        assert camera.truth() == []
    changed = np.flatnonzero((pictures[0] != pictures[1]).any(axis=1))
    assert changed.min() < 500 < changed.max()
    assert changed.max() - changed.min() < 60


def test_truth_covers_the_cloth_that_has_passed() -> None:
    camera = SimulatedCamera(seed=5, width_px=512, metres=4, flaws_per_m=8.0)
    assert camera.truth() == []
    camera.start()
    play(camera, most=4)
    due = camera.encoder().due_line
    flaws = camera.truth()
    camera.stop()
    assert flaws
    assert all(flaw.first_line < due for flaw in flaws)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"style": "felt"}, "felt"),
        ({"metres": 0}, "0 m"),
        ({"speed_m_per_min": -3}, "-3 m/min"),
        ({"faults": ["gremlins"]}, "gremlins"),
        ({"web_px": (300, 200)}, "300 to 200"),
        ({"profile": constant_speed(5), "speed_m_per_min": 3}, "profile"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        SimulatedCamera(**settings)  # type: ignore[arg-type]


UNGUARDED = """
from drivers.simulated.camera import SimulatedCamera
camera = SimulatedCamera(width_px=256, seed=1, metres=None)
camera.start()
print(camera.renderer_pid, camera._rig.memory_name, camera.read(60.0).lines, flush=True)
"""

MORE = """
import sys
sys.stdin.readline()
print(*(camera.read(60.0).lines for _ in range(60)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="looks at POSIX shared memory")
def test_a_program_without_a_guard_that_forgets_to_stop_ends_cleanly(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()  # its main ran once
    pid, memory, lines = line.split()
    assert int(lines) == 256
    until(lambda: not is_running(int(pid)))
    assert not memory_exists(memory)


@pytest.mark.skipif(sys.platform == "win32", reason="kills the POSIX way")
def test_a_killed_program_takes_its_renderer_and_memory_along() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UNGUARDED + "import time; time.sleep(600)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        pid, memory, _ = program.stdout.readline().split()
        assert is_running(int(pid))
        program.kill()
    until(lambda: not is_running(int(pid)))
    until(lambda: not memory_exists(memory))


@pytest.mark.skipif(sys.platform != "linux", reason="looks where Linux shows shared memory")
@pytest.mark.field("r14")
def test_what_a_killed_program_and_all_its_processes_left_in_memory_is_freed_at_the_next_start(
    record_property: Callable[[str, object], None],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UNGUARDED + "import time; time.sleep(600)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdout is not None
        pid, memory, _ = program.stdout.readline().split()
        during = left_of(memory)
        free_abandoned()
        assert left_of(memory) == during, "a program that lives keeps its own"
        os.killpg(program.pid, signal.SIGKILL)
    until(lambda: not is_running(int(pid)))
    assert len(left_of(memory)) == 4, "the memory and three semaphores"
    other = SimulatedCamera(width_px=256, seed=1, metres=None)
    other.start()
    other.stop()
    assert left_of(memory) == []
    record_property("now", f"All {len(during)} files that a kill of every process leaves are gone at the next start.")


@pytest.mark.skipif(sys.platform == "win32", reason="signals the POSIX way")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_does_not_end_the_renderer_before_its_program(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal({int(number)}, lambda *_: None)\n" + UNGUARDED + MORE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline().split()[0])
        os.killpg(program.pid, number)
        out, err = program.communicate("go on\n", timeout=120)
    assert (program.returncode, err) == (0, "")
    assert out.split() == ["256"] * 60
    until(lambda: not is_running(pid))
