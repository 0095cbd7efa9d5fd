"""This module kills a station at random moments, again and again, and looks each time at what is left:
``make endurance`` writes docs/results/endurance.md.

After each kill a copy of the home is opened as a start does and held against the laws of ``endurance_checks.py``.  The
home itself goes on to the next program, which has to put right by itself what the kill left, and may be killed at that.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import BaseContext
from pathlib import Path
from random import Random

from benchmarks.endurance_checks import LAWS, broken, said_in
from benchmarks.endurance_station import SIDE, run
from benchmarks.figures import ROOT, commit
from model.durable import write_whole
from station.commands.bench.processor import processor
from station.records.engine import DATABASE
from station.records.history import History
from station.records.moving.restore import restore
from station.records.rows import RollFilter
from station.records.store import Store

PAGE = ROOT / "docs" / "results" / "endurance.md"
KILLS = 200
PATIENCE_S = 60.0
LONGEST_S = 4.0
RESTORED_EVERY = 10


class StationFailedError(Exception):
    """The program that was to be killed ended by itself; the message says what of."""


@dataclass(slots=True)
class Endured:
    """What the kills met and what they broke.

    Attributes:
        kills: how many there were.
        seed: of all chance.
        fell_into: how many fell into what was being done; one may fall into several.
        breaches: sentences by law.
        restored: how many backups were restored and held against the laws.
        done: how often the records had said that something is done.
        rolls, defects: on record at the end.
    """

    kills: int = 0
    seed: int = 0
    fell_into: Counter[str] = field(default_factory=Counter)
    breaches: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in LAWS})
    restored: int = 0
    done: Counter[str] = field(default_factory=Counter)
    rolls: int = 0
    defects: int = 0

    @property
    def is_whole(self) -> bool:
        """Say whether no law was broken."""
        return not any(self.breaches.values())


def endure(
    folder: Path,
    kills: int,
    seed: int,
    *,
    longest_s: float = LONGEST_S,
    tell: Callable[[str], None] = lambda _text: None,
) -> Endured:
    """Kill a station so many times and look at what is left.

    Args:
        folder: a folder for home, side file and backups; it is left as the last kill did.
        kills, seed: how often, and the seed of all chance.
        longest_s: a kill comes at most so long after the home is open.
        tell: takes a sentence for each kill.

    Raises:
        StationFailedError: the program ended by itself.
    """
    random = Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.endurance_station"])
    home, copied = folder / "home", folder / "copy"
    folder.mkdir(parents=True, exist_ok=True)
    endured = Endured(seed=seed)
    while endured.kills < kills:
        since = (folder / SIDE).stat().st_size if (folder / SIDE).exists() else 0
        _strike(context, home, folder, random, longest_s)
        endured.kills += 1
        said = said_in(folder, since)
        if bugs := said.of("bug"):
            raise StationFailedError(bugs[0]["text"])
        endured.fell_into.update(list(said.doing) or ["the line alone"])
        endured.done = Counter(row["done"] for row in said.done)
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(home, copied)
        found = broken(copied, folder, said)
        if endured.kills % RESTORED_EVERY == 0 or endured.kills == kills:
            found = _with_restored(endured, folder, found)
        for name, sentences in found.items():
            endured.breaches[name] += [f"kill {endured.kills}: {text}" for text in sentences]
        wrong = {name: sentences[:3] for name, sentences in found.items() if sentences}
        tell(f"kill {endured.kills} in {', '.join(said.doing) or 'the line alone'}: {wrong or 'all is whole'}")
    with Store.open(copied) as store:
        rolls = History(store).rolls(RollFilter(limit=1_000_000))
        endured.rolls, endured.defects = len(rolls), sum(roll.defects for roll in rolls)
    return endured


def _strike(context: BaseContext, home: Path, folder: Path, random: Random, longest_s: float) -> None:
    """Start the program and kill it: one time of three while it starts, else while all goes on."""
    file = folder / SIDE
    size = file.stat().st_size if file.exists() else 0
    in_start = random.random() < 1 / 3 and (home / DATABASE).exists()
    mark, most_s = (b'{"in": "opening the home"}', 0.4) if in_start else (b'{"done": "open"}', longest_s)
    wait_s = random.uniform(0, most_s)
    process = context.Process(target=run, args=(home, folder, random.getrandbits(32)))  # type: ignore[attr-defined]
    process.start()
    until = time.monotonic() + PATIENCE_S
    while process.is_alive() and time.monotonic() < until and mark not in _tail(file, size):
        time.sleep(0.001)
    time.sleep(wait_s)
    was_alive = process.is_alive()
    process.kill()
    process.join()
    if not was_alive:
        bugs = said_in(folder).of("bug")
        raise StationFailedError(bugs[0]["text"] if bugs else f"it ended with {process.exitcode}")


def _tail(file: Path, size: int) -> bytes:
    with suppress(FileNotFoundError), file.open("rb") as stream:
        stream.seek(size)
        return stream.read()
    return b""


def _with_restored(endured: Endured, folder: Path, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Restore the newest backup into a home of its own, and hold that against the laws, too; nothing was acknowledged
    to it."""
    said = said_in(folder)
    removed = {row["folder"] for row in said.of("backup removed")}
    made = [row["folder"] for row in said.of("backed up") if row["folder"] not in removed]
    if not made:
        return found
    target = folder / "restored"
    shutil.rmtree(target, ignore_errors=True)
    restore(folder / made[-1], target)
    said.done = []
    endured.restored += 1
    again = broken(target, folder / "none", said)
    return {name: found[name] + [f"restored backup: {text}" for text in again[name]] for name in found}


def page(endured: Endured) -> str:
    """Return the page."""
    done, at = endured.done, datetime.now(UTC).date()
    lines = [
        "# How a station endures being killed",
        "",
        f"By `make endurance` (`--kills {endured.kills} --seed {endured.seed}`) at commit {commit()}, on "
        f"{processor()}, {at}.",
        "",
        f"A program with all going on that the record has (rolls with identity, marks, alarms, width and grading; two "
        "people's reviews; retention; daily copies; backups; a database that is locked for moments) was killed "
        f"(`SIGKILL`) {endured.kills} times at random moments, one time of three while it started.  After each kill a "
        "copy of its home was opened as a start does and held against each law; the home itself went on to the next "
        f"program.  Events stand for line and camera (`benchmarks/endurance_station.py`).  At the end {endured.rolls} "
        f"rolls with {endured.defects} defects were on record; {done['told']} times lines of cloth, {done['said']} "
        f"reviews, {done['missed']} missed defects, {done['ended']} ends of rolls and {done['backed up']} backups had "
        f"been acknowledged; {done['resumed']} rolls were resumed after a crash; "
        f"{done['taken in']} starts took in events that waited in files.  "
        f"{endured.restored} backups were "
        "restored into a home of their own and held against the same laws.",
        "",
        "| law | kills after which it was looked at | broken after |",
        "|---|---|---|",
    ]
    for name, sentences in endured.breaches.items():
        kills = len({text.partition(":")[0] for text in sentences})
        lines.append(f"| {name} | {endured.kills} | {f'**{kills}**' if kills else '0'} |")
    lines += ["", "| what a kill fell into (several at once count each) | kills |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in endured.fell_into.most_common()]
    examples = [sentences[0] for sentences in endured.breaches.values() if sentences]
    if examples:
        lines += ["", "One breach of each kind:", "", *(f"- {text}" for text in examples)]
    return "\n".join([*lines, ""])


def main() -> None:
    """Kill, look and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PAGE, help="the page to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="endurance-") as name:
        endured = endure(Path(name), options.kills, options.seed, tell=lambda text: print(text, flush=True))
    write_whole(options.out, page(endured).encode())
    raise SystemExit(0 if endured.is_whole else 1)


if __name__ == "__main__":
    main()
