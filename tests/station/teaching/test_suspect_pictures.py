"""Pictures of suspect cloth wait aside: a killed program's are swept by the next, a living one's are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from station.teaching.sampling import Place
from station.teaching.suspect_pictures import waiting_pictures
from station.teaching.suspects import PicturedSuspect, Suspect
from tests.rigs.places import ROOT

SUSPECTS: list[PicturedSuspect] = [
    (Suspect(Place(None, 0, 256, 0, 256, 0, 256), 90, 80, 2.0, False), np.zeros((256, 256), np.uint8))
]
KILLED = """
import os, pathlib, sys
from tests.station.teaching.test_suspect_pictures import SUSPECTS
from station.teaching.suspect_pictures import waiting_pictures
with waiting_pictures(pathlib.Path(sys.argv[1]), SUSPECTS):
    os._exit(9)
"""


def hidden(home: Path) -> set[str]:
    return {path.name for path in (home / "suspects").glob(".*")}


def test_what_a_killed_teach_in_left_is_swept_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 9
    assert len(hidden(tmp_path)) == 1
    with waiting_pictures(tmp_path, []) as pictures:
        assert not hidden(tmp_path)
        assert pictures.keep("f-v1") is None
    assert not (tmp_path / "suspects").exists()
    assert not list((tmp_path / "locks").iterdir())


def test_what_a_living_one_holds_is_left_alone(tmp_path: Path) -> None:
    with waiting_pictures(tmp_path, SUSPECTS) as first:
        waiting = hidden(tmp_path)
        with waiting_pictures(tmp_path, SUSPECTS) as second:
            assert hidden(tmp_path) > waiting
            assert second.keep("f-v2") == tmp_path / "suspects" / "f-v2"
        assert hidden(tmp_path) == waiting
        kept = first.keep("f-v1")
    assert kept is not None
    assert [file.name for file in kept.iterdir()] == ["001.png"]
    assert sorted(path.name for path in (tmp_path / "suspects").iterdir()) == ["f-v1", "f-v2"]
    assert not list((tmp_path / "locks").iterdir())
