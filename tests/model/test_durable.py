"""A durable file is whole or not there."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from model.durable import AS_UMASK_ALLOWS, durable_file, write_whole


def test_the_content_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")
    with durable_file(target) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_block_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")

    def break_off() -> None:
        with durable_file(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_only_the_owner_may_read_it_unless_asked_otherwise(tmp_path: Path) -> None:
    for name, mode in (("own", None), ("shared", AS_UMASK_ALLOWS)):
        with durable_file(tmp_path / name) if mode is None else durable_file(tmp_path / name, mode=mode):
            pass
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600
    assert (tmp_path / "shared").stat().st_mode == plain.stat().st_mode


def test_a_link_leads_to_the_new_file_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    real, link, pipe = tmp_path / "real", tmp_path / "link", tmp_path / "pipe"
    real.write_text("old")
    link.symlink_to(real)
    write_whole(link, "new é")
    assert link.is_symlink()
    assert real.read_bytes() == "new é".encode()
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"x")


def test_a_name_as_long_as_allowed_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 255)
    write_whole(target, b"1")
    write_whole(target, b"2")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"2"]
