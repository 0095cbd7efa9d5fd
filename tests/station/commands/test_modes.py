"""Whatever the umask, a station's home is its owner's alone; one that is looser is mended when it is opened."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import EncoderReading, LineBlock
from drivers.recording.format import Entry, RecordingMetadata, What
from model.durable import keep_from_others
from station import demo
from station.commands.session import open_records
from station.contract import DefectChanged, Ledger, RollEnded
from station.recording.recorder import ClothRecorder
from station.records.engine import backup
from station.teaching.sampling import Place
from station.teaching.suspect_pictures import waiting_pictures
from station.teaching.suspects import PicturedSuspect, Suspect
from tests.rigs.records import make_defect, picture

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's"), pytest.mark.field("r14")]

SUSPECTS: list[PicturedSuspect] = [
    (Suspect(Place(None, 0, 256, 0, 256, 0, 256), 90, 80, 2.0, False), np.zeros((256, 256), np.uint8))
]
Record = Callable[[str, object], None]


@pytest.fixture(params=[0o000, 0o022, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A mask that lets others do more or less."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def open_to_others(home: Path) -> list[str]:
    """What others could read, write or list of a home."""
    paths = [home, *home.rglob("*")]
    return [str(path.relative_to(home)) for path in paths if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def fill(home: Path) -> None:
    """A home with all that a station leaves there, while its records are still open."""
    with open_records(home) as records:
        recipe = demo.install_fabric(records.store, records.history)
        roll = records.store.begin_roll(None, recipe, "camera")
        records.store.write(DefectChanged(make_defect(crop=picture(), crop_scores=np.ones((8, 12), np.float32))))
        assert records.store.flush()
        metadata = RecordingMetadata(camera_id="camera", width_px=8, channels=1, started_at="")
        recorder = ClothRecorder(home / "recordings" / "one", metadata, limit_bytes=1 << 24, can_wait=True)
        block = LineBlock(np.zeros((4, 8), np.uint8), 0, 1.0, 0, "camera")
        recorder.tell(Entry(What.BLOCK, 0, EncoderReading(4, 0.0), block))
        recorder.close(4)
        assert list((home / "recordings" / "one").iterdir())
        with waiting_pictures(home, SUSPECTS) as pictures:
            assert pictures.keep("demo-v1")
        backup(home, home / "station.db", "copy")
        assert len({path.name for path in home.iterdir()} & {"station.db-wal", "images", "models", "locks"}) == 4
        assert open_to_others(home) == []
        records.store.write(RollEnded(roll, Ledger()))


def test_nothing_in_a_home_is_open_to_others(tmp_path: Path, umask: int, record_property: Record) -> None:
    home = tmp_path / "new" / "home"
    fill(home)
    assert open_to_others(tmp_path / "new") == []
    count = len([home, *home.rglob("*")])
    record_property("now", f"All {count} files and folders of a home are 0600 or 0700 under any umask.")


def test_a_home_that_is_open_to_others_is_mended_when_it_is_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fill(home)
    for path in [home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(0o644)
    elsewhere.chmod(0o644)
    (home / "images" / "link").symlink_to(elsewhere)
    with open_records(home):
        assert open_to_others(home) == []
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644, "a link is not followed"


def test_files_in_a_closed_folder_are_mended_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fill(home)
    (model,) = (home / "models").iterdir()
    model.chmod(0o644)
    with open_records(home):
        assert open_to_others(home) == []


def test_a_folder_that_is_everybodys_is_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    inner = shared / "others"
    inner.touch()
    inner.chmod(0o666)
    keep_from_others(shared)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (shared, inner)] == [0o1777, 0o666]
