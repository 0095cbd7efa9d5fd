"""This module sets up a shaft encoder at a Basler camera: it starts the lines, and its pulses are read if they can be.

Sources: Basler's product documentation, "Encoder Control" (racer 2) and "Shaft Encoder Module", "Frequency Converter",
"Encoder Counter" chunk (racer, runner).  The emulation has no encoder, and this was not tried on a real camera.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.camera import CameraError
from drivers.pylon.features import Features
from drivers.pylon.settings import EncoderSettings

SHAFT_COUNTS = 32768
"""The older module's counter has this many values (0 to 32767)."""

_LARGEST_PRE_DIVIDER = 128


@dataclass(frozen=True)
class PulseCounter:
    """A pulse counter names the features by which the encoder's counter is read.

    Attributes:
        feature: for its value now, empty if there is none.
        chunk: for its value at the first line of a block, empty if blocks do not bring it.
        count: how many values it has, None: no end.
    """

    feature: str = ""
    chunk: str = ""
    count: int | None = None


def encoder_triggers(features: Features, encoder: EncoderSettings, step: int) -> PulseCounter:
    """Let the encoder start every line, or every frame of ``step`` new lines where there is no line trigger.

    Raises:
        CameraError: the camera cannot be triggered by it.
    """
    trigger = "LineStart" if "LineStart" in features.entries("TriggerSelector") else "FrameStart"
    pulses = encoder.pulses_per_line * (1 if trigger == "LineStart" else step)
    if features.choose("EncoderSelector", "Encoder1"):
        source = _encoder_control(features, encoder, pulses)
        counter = _counter(features, PulseCounter("EncoderValue", "EncoderValue"))
    elif features.has("ShaftEncoderModuleLineSelector"):
        source = _shaft_encoder_module(features, encoder, pulses)
        counter = _counter(features, PulseCounter("ShaftEncoderModuleCounter", "ShaftEncoderCounter", SHAFT_COUNTS))
    else:
        source, counter = encoder.line_a, PulseCounter()
        pictured = "line" if trigger == "LineStart" else "frame"
        instead = f"every pulse on {source} starts a {pictured}, also of cloth that goes backwards"
        features.refuse("the encoder", "it has no encoder inputs", instead)
    features.choose("TriggerSelector", trigger)
    features.choose("TriggerActivation", "RisingEdge")
    if not (features.choose("TriggerSource", source) and features.choose("TriggerMode", "On")):
        raise CameraError(
            f"Camera {features.camera} cannot be triggered by {source} ({trigger}); "
            "choose another line_a, or take encoder out of its settings."
        )
    return counter


def _encoder_control(features: Features, encoder: EncoderSettings, pulses: int) -> str:
    features.choose("EncoderMode", "FourPhase")
    _wire(features, "EncoderSourceA", encoder.line_a)
    _wire(features, "EncoderSourceB", encoder.line_b)
    wanted = ("PositionUp", "DirectionUp") if encoder.forward_only else ("Motion",)
    if not features.choose("EncoderOutputMode", *wanted):
        what = "lines forwards only" if encoder.forward_only else "lines both ways"
        features.refuse(what, f"EncoderOutputMode has no {' or '.join(wanted)}", "its own setting stays")
    features.set_number(f"{pulses} pulses a trigger", pulses, "EncoderDivider")
    return "Encoder1"


def _shaft_encoder_module(features: Features, encoder: EncoderSettings, pulses: int) -> str:
    for phase, line in (("PhaseA", encoder.line_a), ("PhaseB", encoder.line_b)):
        if features.choose("ShaftEncoderModuleLineSelector", phase):
            _wire(features, "ShaftEncoderModuleLineSource", line)
    features.choose("ShaftEncoderModuleCounterMode", "FollowDirection")
    features.assign("ShaftEncoderModuleCounterMax", SHAFT_COUNTS - 1)
    if not features.choose("ShaftEncoderModuleMode", "ForwardOnly" if encoder.forward_only else "AnyDirection"):
        features.refuse("a direction of the encoder", "ShaftEncoderModuleMode cannot be set", "its own setting stays")
    reverse = encoder.reverse_pulses if encoder.forward_only else 0
    features.set_number(f"a reverse counter of {reverse} pulses", reverse, "ShaftEncoderModuleReverseCounterMax")
    features.execute("ShaftEncoderModuleReverseCounterReset")
    if pulses == 1:
        return "ShaftEncoderModuleOut"
    return _frequency_converter(features, pulses)


def _frequency_converter(features: Features, pulses: int) -> str:
    """Divide by a whole number: in one divider where it fits, else in two."""
    features.choose("FrequencyConverterInputSource", "ShaftEncoderModuleOut")
    pre = max(divider for divider in range(1, _LARGEST_PRE_DIVIDER + 1) if pulses % divider == 0)
    features.set_number(f"a pre-divider of {pre}", pre, "FrequencyConverterPreDivider")
    features.set_number("a multiplier of 1", 1, "FrequencyConverterMultiplier")
    features.set_number(f"a post-divider of {pulses // pre}", pulses // pre, "FrequencyConverterPostDivider")
    return "FrequencyConverter"


def _wire(features: Features, name: str, line: str) -> None:
    if not features.choose(name, line):
        known = ", ".join(features.entries(name)) or "nothing that can be set"
        features.refuse(f"{line} for the encoder", f"{name} knows {known}", "its own setting stays")


def _counter(features: Features, counter: PulseCounter) -> PulseCounter:
    """Return what of the counter this camera really has; its chunk is switched on."""
    chunk = ""
    if features.assign("ChunkModeActive", True) and features.choose("ChunkSelector", counter.chunk):
        chunk = f"Chunk{counter.chunk}" if features.assign("ChunkEnable", True) else ""
    if not chunk:
        features.assign("ChunkModeActive", False)
        features.refuse(
            "encoder pulses with each block", f"it has no chunk {counter.chunk}", "blocks are placed by their numbers"
        )
    feature = counter.feature if features.has(counter.feature) else ""
    return PulseCounter(feature, chunk, counter.count)
