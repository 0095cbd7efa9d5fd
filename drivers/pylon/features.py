"""This module reads and sets a camera's features by name; what is missing or refused becomes a plain sentence.

Features are found in the camera's node map.  Names are those of the SFNC (standard feature naming convention) on newer
cameras, ``...Abs`` or ``...Raw`` on older ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_HERTZ = {"khz": 1e3, "mhz": 1e6}
"""These units of rates are not hertz; the line rate of newer line-scan cameras is in kHz."""


class Features:
    """The features of one camera are read and set here.  Errors of a device that is gone come through as they are.

    Args:
        nodes: pylon's node map (``GetNode``), of the camera or of the chunks of a grab result.
        genicam: the module ``pypylon.genicam``, which says what can be read and written now and defines the errors.
        camera: name of the camera in sentences.

    Attributes:
        refused: one sentence for each setting the camera did not take as asked.
    """

    def __init__(self, nodes: Any, genicam: Any, camera: str) -> None:
        self._nodes = nodes
        self._genicam = genicam
        self.camera = camera
        self.refused: list[str] = []

    def has(self, name: str) -> bool:
        """Return whether the feature is there and can be read or written now."""
        node = self._node(name)
        return node is not None and bool(self._genicam.IsReadable(node) or self._genicam.IsWritable(node))

    def writable(self, name: str) -> bool:
        """Return whether the feature is there and can be written now."""
        node = self._node(name)
        return node is not None and bool(self._genicam.IsWritable(node))

    def entries(self, name: str) -> tuple[str, ...]:
        """Return the choices of an enumeration, none if it is missing."""
        return tuple(str(entry) for entry in self._node(name).Symbolics) if self.has(name) else ()

    def text(self, name: str) -> str:
        """Return the value of an enumeration, empty if it is missing."""
        node = self._node(name)
        return str(node.Value) if node is not None and self._genicam.IsReadable(node) else ""

    def number(self, *names: str) -> float | None:
        """Return the value of the first of ``names`` that can be read (rates in Hz), None if none can."""
        for name in names:
            node = self._node(name)
            if node is not None and self._genicam.IsReadable(node):
                return float(node.Value) * _hertz(node)
        return None

    def whole(self, name: str) -> int | None:
        """Return the exact value of an integer, None if it cannot be read."""
        node = self._node(name)
        return int(node.Value) if node is not None and self._genicam.IsReadable(node) else None

    def limits(self, name: str) -> tuple[int, int] | None:
        """Return the least and greatest value of an integer, None if it is missing."""
        return (int(self._node(name).Min), int(self._node(name).Max)) if self.has(name) else None

    def choose(self, name: str, *entries: str) -> bool:
        """Set an enumeration to the first of ``entries`` it has.  Returns False, silently, if it has none."""
        known = self.entries(name) if self.writable(name) else ()
        entry = next((entry for entry in entries if entry in known), None)
        return entry is not None and self._try(name, lambda node: _assign(node, entry))

    def assign(self, name: str, value: bool | int | str) -> bool:
        """Set a feature that takes the value as it is.  Returns False, silently, if that is not possible."""
        return self.writable(name) and self._try(name, lambda node: _assign(node, value))

    def execute(self, name: str) -> bool:
        """Execute a command.  Returns False, silently, if that is not possible."""
        return self.writable(name) and self._try(name, lambda node: node.Execute())

    def set_number(self, what: str, value: float, *names: str, instead: str = "") -> bool:
        """Set the first of ``names`` that can be written; beyond its limits it takes the limit, which is noted.

        Args:
            what: the setting in words, with its unit: ``exposure of 50 us``.
            value: the value wanted, rates in Hz; an integer for integer features.
            names: names of the feature, in the order to try.
            instead: what happens if the camera has none of them; by default, its own setting stays.

        Returns:
            False if no such feature took a value; the reason is then in :attr:`refused`.
        """
        name = next((name for name in names if self.writable(name)), None)
        if name is None:
            self.refuse(what, f"it has no {' or '.join(names)}", instead or "its own setting stays")
            return False
        node = self._node(name)
        unit = _hertz(node)
        wanted = value if isinstance(value, int) else value / unit
        taken = min(max(wanted, node.Min), node.Max)
        steps = ""
        if isinstance(value, int):
            steps = f" in steps of {node.Inc}" if node.Inc > 1 else ""
            taken = int(node.Min) + (int(taken) - int(node.Min)) // int(node.Inc) * int(node.Inc)
        if not self._try(name, lambda node: _assign(node, taken)):
            self.refuse(what, f"{name} cannot be set now", instead or "its own setting stays")
            return False
        if taken != wanted:
            self.refuse(
                what, f"{name} goes from {node.Min * unit:g} to {node.Max * unit:g}{steps}", f"{taken * unit:g} is used"
            )
        return True

    def refuse(self, what: str, why: str, instead: str) -> None:
        """Note a setting that the camera did not take."""
        self.refused.append(f"Camera {self.camera} did not take {what}: {why}; {instead}.")

    def _node(self, name: str) -> Any:
        return self._nodes.GetNode(name)

    def _try(self, name: str, use: Callable[[Any], object]) -> bool:
        try:
            use(self._node(name))
        except (self._genicam.InvalidArgumentException, self._genicam.OutOfRangeException):
            return False
        except self._genicam.AccessException:
            return False
        return True


def _assign(node: Any, value: object) -> None:
    node.Value = value


def _hertz(node: Any) -> float:
    return _HERTZ.get(str(getattr(node, "Unit", "") or "").lower(), 1.0)


def in_short(error: Exception) -> str:
    """Return the first sentence of one of pylon's errors, without the places in its code."""
    return next(iter(str(error).splitlines()), type(error).__name__).split(" : ")[0].rstrip(". ")
