"""A durable file is whole or not there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from model.durable import AS_UMASK_ALLOWS, durable_file


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
