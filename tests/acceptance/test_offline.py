"""A station tells nobody anything: no socket is opened, no host looked up, nothing left in the user's home."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from drivers.simulated import ring
from station import demo
from tests.rigs.places import ROOT

HOOK = """
import os, sys

def hook(event, args):
    if event.startswith("socket.") or event in ("os.fork", "os.forkpty", "urllib.Request"):
        line = f"{os.getpid()} {event} {args!r}"[:300].encode() + b"\\n"
        log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, line)
        os.close(log)
        if event in ("socket.connect", "socket.getaddrinfo"):
            raise OSError("kept on this machine")

sys.addaudithook(hook)
open(os.environ["AUDIT_LOG"] + f".{os.getpid()}", "w").close()
"""
CALLER = """
import contextlib, socket
with contextlib.suppress(OSError):
    socket.create_connection(("localhost", 9))
"""
NAMES_OF_THIS_MACHINE = ("socket.gethostname",)
"""These ask the system for its own name, not the network."""


@dataclass(frozen=True)
class Heard:
    """What a command and all of its processes did."""

    events: list[str]
    processes: int
    in_home: list[str]
    left_in_memory: list[str]
    out: str


@pytest.fixture
def listen(tmp_path: Path) -> Callable[..., Heard]:
    """Runs a command with a hook in every Python process and a user's home of its own."""
    site, user, log = tmp_path / "site", tmp_path / "user", tmp_path / "log"
    site.mkdir()
    user.mkdir()
    (site / "sitecustomize.py").write_text(HOOK)
    of_tests = ("CI", "XDG_", "QT_QPA", "GENICAM_", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(of_tests)}
    env = {**kept, "HOME": str(user), "PYTHONPATH": str(site), "AUDIT_LOG": str(log), "QT_QPA_PLATFORM": "offscreen"}

    def run(*words: object) -> Heard:
        command = [sys.executable, "-m", "station.cli", *map(str, words), "--home", str(tmp_path / "home")]
        before = names_in_memory()
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
            cwd=ROOT,
            env={**env, "QT_QPA_PLATFORM": "offscreen"},
        )
        assert done.returncode == 0, done.stderr
        in_memory = sorted(names_in_memory() - before)
        lines = log.read_text().splitlines() if log.exists() else []
        events = [line for line in lines if line.split()[1] not in NAMES_OF_THIS_MACHINE]
        left = sorted(path.relative_to(user).as_posix() for path in user.rglob("*") if path.is_file())
        return Heard(events, len(list(tmp_path.glob("log.*"))), left, in_memory, done.stdout)

    return run


def names_in_memory() -> set[str]:
    """What the camera library or the rig keeps under a name in the machine's shared memory, and nobody alive owns."""
    names = {path.name for path in ring.SHARED.glob("*") if "GenICam" in path.name or ring.OWN in path.name}
    owned = [name for name in names if name.startswith(ring.OWN) and has_owner(ring.SHARED / name)]
    return {name for name in names if not any(one in name for one in owned)}


def has_owner(memory: Path) -> bool:
    """Of a test beside this one, say: its process locks what it uses."""
    try:
        with memory.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        assert cv2.imwrite(str(folder / f"{number}.png"), demo.rendered_cloth(number, 0.3))
    return folder


def tells_nobody(heard: Heard) -> None:
    assert heard.events == []
    assert heard.in_home == []
    assert heard.left_in_memory == []


@pytest.mark.slow
@pytest.mark.field("r07")
def test_the_window_with_its_rig_tells_nobody(
    listen: Callable[..., Heard], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    heard = listen("demo", "--screenshot", tmp_path / "window.png", "--after", 0)
    tells_nobody(heard)
    assert heard.processes >= 2, "the renderer is heard too"
    record_property(
        "now", f"{len(heard.events)} sockets, look-ups and forks in {heard.processes} processes; no file left."
    )


@pytest.mark.slow
@pytest.mark.field("r07")
def test_the_doctor_who_imports_everything_tells_nobody(listen: Callable[..., Heard]) -> None:
    heard = listen("doctor", "--json")
    tells_nobody(heard)
    checks = {check["name"]: check for check in json.loads(heard.out.splitlines()[-1])["checks"]}
    assert checks["packages"]["ok"]
    assert checks["model"]["ok"]


@pytest.mark.slow
@pytest.mark.field("r07")
def test_demo_teach_and_inspect_tell_nobody(listen: Callable[..., Heard], tmp_path: Path) -> None:
    tells_nobody(listen("demo", "--headless", "--metres", 0.5))
    folder = pictures(tmp_path / "pictures", 6)
    tells_nobody(listen("teach", "cloth", "--images", folder, "--minutes", 0.5))
    tells_nobody(listen("inspect", "--fabric", "cloth", "--images", folder))


def test_the_hook_hears(listen: Callable[..., Heard], tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    with (tmp_path / "site" / "sitecustomize.py").open("a") as file:
        file.write(CALLER)
    assert any("socket.getaddrinfo" in event for event in listen("cameras").events)
