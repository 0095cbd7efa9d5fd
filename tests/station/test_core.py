"""The core over a real model, real records and cloth from memory: how rolls begin, pause and end."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import EncoderReading
from drivers.memory import MemoryCamera
from model.checkpoint import save
from model.mfrnet import MFRNet
from station import demo, loaded_model
from station.commands.session import Records, open_records, open_station, say_notices
from station.contract import Acknowledged, Ledger, LineState, Notice, RollEnded, RollStarted, Severity, StationError
from station.core import Station
from station.quality.report import report
from station.records.alarms.history import AlarmFilter, AlarmHistory, AlarmState
from station.records.model_files import checked_model, keep_model
from station.records.rows import RecordsError


class ScaledCamera(MemoryCamera):
    """Cloth from memory, its scale known."""

    mm_per_px = 0.5


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """A home folder that knows the shipped fabric."""
    with open_records(tmp_path / "home") as opened:
        demo.install_fabric(opened.store, opened.history)
        yield opened


def camera(lines: int | None = 1024) -> ScaledCamera:
    cloth = np.random.default_rng(3).integers(90, 160, (1024, 512), np.uint8)
    return ScaledCamera(cloth, lines=lines)


def model_of(records: Records) -> Path:
    return next((records.home / "models").glob("*.safetensors"))


def damage(file: Path) -> None:
    file.chmod(0o600)
    whole = bytearray(file.read_bytes())
    whole[-1] ^= 1
    file.write_bytes(whole)


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A model loads only when this is set."""
    may_load, load = threading.Event(), loaded_model.load

    def load_later(file: Path) -> MFRNet:
        assert may_load.wait(60)
        return load(file)

    monkeypatch.setattr(loaded_model, "load", load_later)
    return may_load


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def test_a_roll_to_its_end(records: Records, loading: threading.Event) -> None:
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC)
        with pytest.raises(StationError, match="still open"):
            station.start_roll(demo.FABRIC)
        loading.set()
        assert station.wait(60)
        assert station.snapshot().ledger == Ledger(1024, 1024, 0, 0)
        events = station.drain(10_000)
    assert isinstance(events[0], RollStarted)
    assert isinstance(events[-1], RollEnded)


def test_the_snapshot_has_the_grade_of_the_roll_which_is_the_report_s_at_its_end(records: Records) -> None:
    with open_station(records, camera()) as station:
        assert station.snapshot().grade is None
        station.start_roll("demo", "R1")
        assert station.wait(120)
        grade = station.snapshot().grade
    made = report(records.history, "R1")
    assert grade is not None
    assert (grade.rule, grade.points, str(grade.grade)) == ("four-point v1", made.points, made.grade)
    assert grade.points_per_100_m2 == made.points_per_100_m2
    assert grade.inspected_m == made.inspected_m
    assert all(defect.severity for defect in made.defect_list if defect.counts)


def test_a_pause_while_the_model_loads_holds_once_it_has(records: Records, loading: threading.Event) -> None:
    with open_station(records, camera(lines=None)) as station:
        station.start_roll(demo.FABRIC)
        station.pause()
        assert station.snapshot().state is LineState.HALTED
        loading.set()
        assert until(lambda: station.runtime is not None and station._inspection is not None)
        time.sleep(1.0)
        assert station.snapshot().state in (LineState.HALTED, LineState.INITIALIZED)
        assert station.snapshot().ledger == Ledger()
        station.resume()
        assert until(lambda: station.snapshot().ledger.lines_inspected > 0)


def test_a_pause_taken_back_while_the_model_loads_leaves_nothing(records: Records, loading: threading.Event) -> None:
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC)
        station.pause()
        station.resume()
        loading.set()
        assert station.wait(60)
        assert station.snapshot().ledger.lines_inspected == 1024


def test_a_damaged_model_breaks_the_roll_off_and_ends_it(records: Records) -> None:
    file = model_of(records)
    damage(file)
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC, "r")
        assert station.wait(60)
        assert isinstance(station.failure, RecordsError)
        assert file.name in str(station.failure)
        snapshot = station.snapshot()
        events = station.drain()
    assert snapshot.state is LineState.ERROR
    assert file.name in snapshot.message
    assert [type(event) for event in events] == [RollStarted, Notice, RollEnded]
    assert events[-1] == RollEnded("r", Ledger())
    assert records.history.roll("r").ended_at is not None
    demo.install_fabric(records.store, records.history)
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC)
        assert station.wait(60)
        assert station.failure is None


def test_the_shipped_model_comes_back_when_damaged_or_gone(records: Records) -> None:
    file = model_of(records)
    for harm in (damage, Path.unlink):
        harm(file)
        with pytest.raises(RecordsError, match=file.name):
            checked_model(records.history, file.stem)
        recipe = demo.install_fabric(records.store, records.history)
        assert checked_model(records.history, recipe.model_sha256) == file


@pytest.mark.slow
def test_lines_that_run_apart_from_the_encoder_are_told(records: Records) -> None:
    class Slipping(ScaledCamera):
        def encoder(self) -> EncoderReading:
            reading = super().encoder()
            return EncoderReading(round(reading.due_line * 0.97), reading.lines_per_s)

    cloth = np.random.default_rng(3).integers(90, 160, (1024, 256), np.uint8)
    with open_station(records, Slipping(cloth, block_lines=16, lines=None)) as station:
        station.start_roll(demo.FABRIC)
        told: list[str] = []

        def heard() -> bool:
            told.extend(event.text for event in station.drain(10_000) if isinstance(event, Notice))
            return any("lengths along the cloth" in text for text in told)

        assert until(heard)


def test_a_recipe_for_another_scale_is_refused_before_a_roll_begins(records: Records) -> None:
    finer = camera()
    finer.mm_per_px = 0.2
    with open_station(records, finer) as station:
        with pytest.raises(StationError, match=r"0\.5 mm/px.*0\.2 mm/px"):
            station.start_roll(demo.FABRIC, "r")
        assert station.wait(0)
    with pytest.raises(RecordsError):
        records.history.roll("r")


def test_warnings_reach_people_who_have_no_window(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    damage(model_of(records))
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC, "r")
        station.wait(60)
        say_notices(station)
        assert station.drain() == []
    assert "Error: Roll r was not inspected" in capsys.readouterr().err


def test_an_answer_to_a_notice_is_on_record_without_a_roll(records: Records) -> None:
    station = Station(records.home, records.store, records.history, camera(lines=None))
    records.store.write(Notice(Severity.WARNING, "The lamp fades."))
    station.acknowledge(Acknowledged("ann", (), ("The lamp fades.",)))
    assert records.store.flush()
    station.close()
    alarms = AlarmHistory(records.store.read_engine).alarms(AlarmFilter(text="lamp"))
    assert [(alarm.acknowledged_by, alarm.state) for alarm in alarms] == [("ann", AlarmState.CLOSED)]


def test_closing_while_the_model_loads_ends_the_roll(records: Records) -> None:
    station = Station(records.home, records.store, records.history, camera(lines=None))
    station.start_roll(demo.FABRIC, "r")
    station.close()
    assert isinstance(station.drain(10_000)[-1], RollEnded)
    records.store.flush()
    assert records.history.roll("r").ended_at is not None


def test_a_newer_shipped_recipe_reaches_an_old_home_an_engineers_own_stays(records: Records) -> None:
    shipped = demo.install_fabric(records.store, records.history)
    older = shipped.model_copy(update={"threshold": 9.0})
    records.store.save_recipe(older, demo.SHIPPED_BY, "shipped with an older station")
    renewed = demo.install_fabric(records.store, records.history)
    assert (renewed.threshold, renewed.version) == (shipped.threshold, 3)
    assert demo.install_fabric(records.store, records.history).version == 3
    records.store.save_recipe(older, "ann", "her own")
    assert demo.install_fabric(records.store, records.history).threshold == 9.0


def test_a_threshold_found_in_another_precision_is_told(records: Records, tmp_path: Path) -> None:
    network, recipe = demo.shipped_model()
    file = tmp_path / "model.safetensors"
    save(network, file, {"precision": "f16"})
    sha256 = keep_model(records.store, file, {})
    records.store.save_recipe(recipe.model_copy(update={"model_sha256": sha256}), "ann", "")
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC)
        assert station.wait(60)
        told = [event.text for event in station.drain() if isinstance(event, Notice)]
    assert any("found in f16" in text for text in told)


def test_a_bug_at_the_very_end_of_a_roll_leaves_it_ended_and_told(
    records: Records, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Station, "_end_recording", lambda self: [][0])
    with open_station(records, camera()) as station:
        station.start_roll(demo.FABRIC, "r")
        assert station.wait(60), "nobody waits for it for good"
        assert isinstance(station.failure, IndexError)
        assert station.snapshot().state is LineState.ERROR
        assert any("a fault in the program (IndexError" in str(event) for event in station.drain(10_000))
    assert "_end_recording" in caplog.text, "the traceback"
    assert records.store.flush()
    with sqlite3.connect(records.home / "station.db") as connection:
        [(text,)] = connection.execute("SELECT new FROM event WHERE action = 'notice: error'").fetchall()
    assert text.startswith("Roll r: a fault in the program (IndexError")
