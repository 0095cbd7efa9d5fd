"""Node maps of line-scan cameras, by hand: pylon's emulation has none of their features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class GenericException(Exception):  # noqa: N818  (its name there)
    """As pylon's."""


class InvalidArgumentException(GenericException):
    """As pylon's."""


class OutOfRangeException(GenericException):
    """As pylon's."""


class AccessException(GenericException):
    """As pylon's."""


def IsReadable(node: Node) -> bool:
    return node.present


def IsWritable(node: Node) -> bool:
    return node.present and node.writable


@dataclass
class Node:
    """A feature; a number with limits, or a choice of symbols, or neither."""

    held: Any = None
    Min: float = 0
    Max: float = 2**31
    Inc: int = 1
    Unit: str = ""
    Symbolics: tuple[str, ...] = ()
    writable: bool = True
    present: bool = True
    executed: int = 0

    @property
    def Value(self) -> Any:
        return self.held

    @Value.setter
    def Value(self, value: Any) -> None:
        if self.Symbolics and value not in self.Symbolics:
            raise InvalidArgumentException(value)
        if isinstance(value, int | float) and not self.Min <= value <= self.Max:
            raise OutOfRangeException(value)
        self.held = value

    def Execute(self) -> None:
        self.executed += 1


@dataclass
class Nodes:
    """What is absent answers like pylon: with a node that cannot be read."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def GetNode(self, name: str) -> Node:
        return self.nodes.get(name, Node(present=False))

    def __getitem__(self, name: str) -> Any:
        return self.nodes[name].Value


def choice(*symbols: str) -> Node:
    return Node(symbols[0], Symbolics=symbols)


def _line_scan(**more: Node) -> Nodes:
    common = {
        "PixelFormat": choice("Mono8", "Mono12p"),
        "Width": Node(4096, 16, 4096, 16),
        "Height": Node(1, 1, 65535),
        "OffsetX": Node(0, 0, 4080, 16),
        "TriggerSelector": choice("LineStart", "FrameStart"),
        "TriggerMode": choice("Off", "On"),
        "TriggerActivation": choice("RisingEdge", "FallingEdge"),
        "ChunkModeActive": Node(False),
        "ChunkEnable": Node(False),
    }
    return Nodes({**common, **more})


def racer_2() -> Nodes:
    """SFNC names; line rate in kHz."""
    return _line_scan(
        AcquisitionLineRate=Node(10.0, 0.1, 80.0, Unit="kHz"),
        AcquisitionLineRateEnable=Node(False),
        BslResultingAcquisitionLineRate=Node(20_000.0, writable=False, Unit="Hz"),
        ExposureTime=Node(50.0, 2.0, 1000.0, Unit="us"),
        Gain=Node(0.0, 0.0, 24.0, Unit="dB"),
        EncoderSelector=choice("Encoder1"),
        EncoderSourceA=choice("Off", "Line1", "Line2", "Line3"),
        EncoderSourceB=choice("Off", "Line1", "Line2", "Line3"),
        EncoderMode=choice("HighResolution", "FourPhase"),
        EncoderOutputMode=choice("Off", "PositionUp", "DirectionUp", "Motion"),
        EncoderDivider=Node(1, 1, 65535),
        EncoderValue=Node(0, writable=False),
        TriggerSource=choice("Line1", "Encoder1"),
        ChunkSelector=choice("Timestamp", "EncoderValue"),
    )


def racer() -> Nodes:
    """Older names."""
    return _line_scan(
        AcquisitionLineRateAbs=Node(1000.0, 100.0, 50_000.0),
        ResultingLineRateAbs=Node(20_000.0, writable=False),
        ExposureTimeAbs=Node(50.0, 2.0, 1000.0),
        GainRaw=Node(256, 256, 2047),
        ShaftEncoderModuleLineSelector=choice("PhaseA", "PhaseB"),
        ShaftEncoderModuleLineSource=choice("Line1", "Line2", "Line3"),
        ShaftEncoderModuleMode=choice("AnyDirection", "ForwardOnly"),
        ShaftEncoderModuleCounterMode=choice("FollowDirection", "IgnoreDirection"),
        ShaftEncoderModuleCounterMax=Node(32767, 0, 32767),
        ShaftEncoderModuleCounter=Node(0, writable=False),
        ShaftEncoderModuleReverseCounterMax=Node(0, 0, 32767),
        ShaftEncoderModuleReverseCounterReset=Node(),
        FrequencyConverterInputSource=choice("Line1", "ShaftEncoderModuleOut"),
        FrequencyConverterPreDivider=Node(1, 1, 128),
        FrequencyConverterMultiplier=Node(2, 1, 32),
        FrequencyConverterPostDivider=Node(2, 1, 128),
        TriggerSource=choice("Line1", "ShaftEncoderModuleOut", "FrequencyConverter"),
        ChunkSelector=choice("Timestamp", "ShaftEncoderCounter"),
    )
