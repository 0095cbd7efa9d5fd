"""Ctrl+C during a teach-in: a real signal to a real process, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.rigs.command_line import save_image

LONG = 200.0
DOWNLOADING = """
import signal, sys
from model import weightfiles
from station.cli.app import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal, also where tests run in the background
weightfiles.PUBLISHED_VGG16_URL = sys.argv.pop(1)
main()
"""


@pytest.mark.parametrize("sign", ["reading cloth", pytest.param("teaching", marks=pytest.mark.slow)])
def test_ctrl_c_cancels_and_leaves_nothing(tmp_path: Path, good_cloth: np.ndarray, sign: str) -> None:
    home, folder = tmp_path / "home", tmp_path / "cloth"
    for number in range(4):
        save_image(folder / f"{number}.png", good_cloth[number * 1000 : (number + 1) * 1000])
    process = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "teach", "f", "--images", str(folder), "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    heard: list[str] = []
    for line in process.stderr:
        heard.append(line)
        if sign in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, "".join(heard) + err
    assert "cancelled; nothing was changed" in err
    assert "Traceback" not in err
    assert not out
    assert not list(home.glob("models/*"))
    assert not (home / "suspects").exists()


class SlowHost(BaseHTTPRequestHandler):
    """Sends the beginning of a large file, and the rest never."""

    asked, closing = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 29))
        self.end_headers()
        self.wfile.write(bytes(1000))
        self.wfile.flush()
        self.asked.set()
        self.closing.wait(LONG)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def slow_host() -> Iterator[str]:
    """Address of a file that does not arrive."""
    SlowHost.asked.clear()
    SlowHost.closing.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowHost) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/vgg16.pth"
        SlowHost.closing.set()
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_ctrl_c_during_the_download_of_the_weights_cancels_at_once(
    tmp_path: Path, cloth_folder: Path, slow_host: str
) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    words = ("teach", "f", "--images", str(cloth_folder), "--encoder", "vgg16", "--home", str(home))
    process = subprocess.Popen(
        [sys.executable, "-c", DOWNLOADING, slow_host, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache), "no_proxy": "127.0.0.1"},
    )
    try:
        assert SlowHost.asked.wait(LONG)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not out
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert not list(home.glob("models/*"))
