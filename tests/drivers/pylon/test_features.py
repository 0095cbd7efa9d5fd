"""Settings brought to cameras of both generations, on node maps by hand: the emulation has no line-scan features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drivers.camera import CameraError
from drivers.pylon.configure import Delivery, set_up
from drivers.pylon.encoder import PulseCounter
from drivers.pylon.features import Features
from drivers.pylon.settings import EncoderSettings, PylonSettings
from tests.rigs import camera_nodes


def settings(**values: Any) -> PylonSettings:
    return PylonSettings(serial="7", camera_id="left", **values)


def features_of(nodes: camera_nodes.Nodes) -> Features:
    return Features(nodes, camera_nodes, "left")


def test_a_camera_of_today_takes_everything() -> None:
    nodes = camera_nodes.racer_2()
    features = features_of(nodes)
    overrides = settings(
        line_rate_hz=2000.0, exposure_us=100.0, gain_db=6.0, width_px=2048, height_px=256, offset_x_px=64
    )
    assert set_up(features, overrides) == Delivery(2048, 256, 1, 256, 2000.0)
    assert features.refused == []
    assert nodes["AcquisitionLineRate"] == 2.0, "this camera counts in kHz"
    assert (nodes["ExposureTime"], nodes["Gain"], nodes["OffsetX"]) == (100.0, 6.0, 64)
    assert nodes["AcquisitionLineRateEnable"] is True


def test_an_older_camera_takes_the_same_by_its_own_names() -> None:
    nodes = camera_nodes.racer()
    features = features_of(nodes)
    assert set_up(features, settings(line_rate_hz=2000.0, exposure_us=100.0, gain_raw=300)).lines == 500, "0.25 s"
    assert features.refused == []
    assert (nodes["AcquisitionLineRateAbs"], nodes["ExposureTimeAbs"], nodes["GainRaw"]) == (2000.0, 100.0, 300)


def test_what_a_camera_does_not_take_is_told_in_one_sentence_each() -> None:
    nodes = camera_nodes.racer()
    features = features_of(nodes)
    overrides = settings(line_rate_hz=40_000.0, exposure_us=5000.0, gain_db=3.0, pixel_format="Mono10", width_px=1001)
    delivery = set_up(features, overrides)
    assert delivery.lines_per_s == 20_000.0
    assert delivery.width_px == 992
    assert [sentence.removeprefix("Camera left did not take ") for sentence in features.refused] == [
        "pixel format Mono10: it has none of that name; Mono8 is used.",
        "a width of 1001 px: Width goes from 16 to 4096 in steps of 16; 992 is used.",
        "an exposure of 5000 us: ExposureTimeAbs goes from 2 to 1000; 1000 is used.",
        "a gain of 3 dB: it has no Gain or GainAbs; its own setting stays; older cameras take gain_raw.",
        "40000 lines/s: exposure, region or link allow less; it reaches 20000 lines/s.",
    ]


def test_packed_formats_stand_in_for_plain_ones() -> None:
    nodes = camera_nodes.racer_2()
    assert set_up(features_of(nodes), settings(pixel_format="Mono12")).channels == 1
    assert nodes["PixelFormat"] == "Mono12p"


def test_a_colour_format_the_camera_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(CameraError, match="no pixel format RGB8; choose one of its own: Mono8, Mono12p"):
        set_up(features_of(camera_nodes.racer()), settings(pixel_format="RGB8"))


def test_a_real_camera_plays_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="take image_folder out"):
        set_up(features_of(camera_nodes.racer()), settings(image_folder=tmp_path))


def test_the_encoder_of_a_camera_of_today_starts_lines_forwards_only() -> None:
    nodes = camera_nodes.racer_2()
    features = features_of(nodes)
    encoder = EncoderSettings(line_a="Line2", line_b="Line3", pulses_per_line=4)
    delivery = set_up(features, settings(line_rate_hz=2000.0, encoder=encoder))
    assert features.refused == []
    assert delivery.counter == PulseCounter("EncoderValue", "ChunkEncoderValue")
    assert (delivery.lines_per_s, delivery.lines) == (None, 50), "0.25 s at a tenth of the rate"
    assert (nodes["EncoderSourceA"], nodes["EncoderSourceB"], nodes["EncoderDivider"]) == ("Line2", "Line3", 4)
    assert (nodes["EncoderMode"], nodes["EncoderOutputMode"]) == ("FourPhase", "PositionUp")
    assert (nodes["TriggerSelector"], nodes["TriggerSource"], nodes["TriggerMode"]) == ("LineStart", "Encoder1", "On")
    assert (nodes["ChunkModeActive"], nodes["ChunkSelector"], nodes["ChunkEnable"]) == (True, "EncoderValue", True)


@pytest.mark.parametrize(
    ("pulses", "source", "divided"), [(1, "ShaftEncoderModuleOut", 1), (130, "FrequencyConverter", 130)]
)
def test_the_encoder_of_an_older_camera_starts_lines_forwards_only(pulses: int, source: str, divided: int) -> None:
    nodes = camera_nodes.racer()
    features = features_of(nodes)
    delivery = set_up(features, settings(line_rate_hz=2000.0, encoder=EncoderSettings(pulses_per_line=pulses)))
    assert features.refused == []
    assert delivery.counter == PulseCounter("ShaftEncoderModuleCounter", "ChunkShaftEncoderCounter", 32768)
    assert (nodes["ShaftEncoderModuleMode"], nodes["ShaftEncoderModuleReverseCounterMax"]) == ("ForwardOnly", 32767)
    assert nodes.nodes["ShaftEncoderModuleReverseCounterReset"].executed == 1
    assert (nodes["TriggerSource"], nodes["TriggerMode"]) == (source, "On")
    if divided > 1:
        assert nodes["FrequencyConverterPreDivider"] * nodes["FrequencyConverterPostDivider"] == divided
        assert nodes["FrequencyConverterMultiplier"] == 1


def test_without_chunks_of_the_encoder_blocks_are_placed_by_their_numbers() -> None:
    nodes = camera_nodes.racer_2()
    nodes.nodes["ChunkSelector"].Symbolics = ("Timestamp",)
    features = features_of(nodes)
    assert set_up(features, settings(height_px=32, encoder=EncoderSettings())).counter == PulseCounter(
        "EncoderValue", ""
    )
    assert nodes["ChunkModeActive"] is False
    assert len(features.refused) == 1
    assert "blocks are placed by their numbers" in features.refused[0]


def test_an_encoder_no_camera_input_knows_is_refused() -> None:
    nodes = camera_nodes.racer_2()
    nodes.nodes["TriggerSource"].Symbolics = ("Line1",)
    with pytest.raises(CameraError, match="cannot be triggered by Encoder1"):
        set_up(features_of(nodes), settings(height_px=32, encoder=EncoderSettings()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"line_rate_hz": 1000.0, "frame_rate_hz": 5.0}, "give one of them"),
        ({"gain_db": 1.0, "gain_raw": 300}, "give one of them"),
        ({"line_rate_hz": 1000.0, "overlap_px": 4}, "do not overlap"),
        ({"height_px": 100, "overlap_px": 51}, "overlap by 50 lines at most"),
        ({"line_rate_hz": 1000.0, "height_px": 251}, "choose height_px up to 250"),
        ({"encoder": {}}, "give line_rate_hz"),
        ({"pixel_format": "Mono7"}, "Mono8"),
        ({"shutter": 3}, "shutter"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings(**values)


def test_a_line_scan_camera_whose_rate_is_not_set_keeps_its_own() -> None:
    delivery = set_up(features_of(camera_nodes.racer()), settings())
    assert (delivery.lines, delivery.lines_per_s) == (250, 1000.0)
