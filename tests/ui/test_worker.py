"""The window's worker: reads may be forgotten, a person's word may not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from ui.worker import Worker


@pytest.fixture
def worker(app: QApplication) -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def test_a_write_behind_a_slow_read_outlives_the_window(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    kept: list[str] = []

    def slow_read() -> None:
        begun.set()
        assert go.wait(60)

    worker.run(slow_read, lambda _none: kept.append("answer"))
    worker.run(lambda: kept.append("read"), lambda _none: None)
    worker.run(lambda: kept.append("verdict"), lambda _none: kept.append("answer"), writes=True)
    worker.run(lambda: kept.append("read"), lambda _none: None)
    worker.run(lambda: kept.append("recipe"), lambda _none: kept.append("answer"), writes=True)
    assert begun.wait(60)
    shut_down = worker._pool.shutdown

    def release_and_shut_down(wait: bool) -> None:
        go.set()  # not before: what has begun is not forgotten
        shut_down(wait=wait)

    monkeypatch.setattr(worker._pool, "shutdown", release_and_shut_down)
    worker.close()
    assert kept == ["verdict", "recipe"], "writes in their order; no read, and no answer to a closed window"


def test_a_write_that_fails_while_the_window_closes_is_logged(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OSError("The disk is full.")

    worker.run(fail, lambda _none: None, lambda _error: None)
    worker.run(fail, lambda _none: None, lambda _error: None, writes=True)
    worker.close()
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [(logging.ERROR, "The disk is full.")]
    caplog.clear()


def test_a_closed_worker_takes_no_more(worker: Worker) -> None:
    ran: list[int] = []
    worker.close()
    worker.run(lambda: ran.append(1), lambda _none: None)
    worker.close()
    assert ran == []
