"""This module reads grading rules from TOML: those shipped with the station, and a mill's own in ``HOME/rules``.

A rule may say ``like = "four-point"`` and then only what differs from that one: each key it has stands in place of the
other's whole key.  A mistake is told with file, line, key and remedy.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from station.contract import StationError
from station.grading import rule as parts
from station.grading.places import line_of
from station.grading.rule import GradingRule

USUAL_RULE = "four-point"
FOLDER = "rules"
LARGEST_BYTES = 1 << 18
_LABEL = re.compile(rf"({parts.NAME}?) v(\d{{1,7}})")
_PART_OF: dict[str, type[BaseModel]] = {
    "along": parts.Step,
    "across": parts.Step,
    "steps": parts.Step,
    "holes": parts.Holes,
    "cap": parts.Cap,
    "running": parts.Running,
    "limit": parts.Limit,
    "basis": parts.Basis,
    "severity": parts.SeverityStep,
}
_EXAMPLES = {
    "name": 'name = "mill-1"',
    "version": "version = 1",
    "along": 'along = [{ up_to = "75 mm", points = 1 }, { points = 4 }]',
    "across": 'across = [{ up_to = "75 mm", points = 1 }, { points = 4 }]',
    "interval": 'interval = "1 m"',
    "cap": "cap = { per_defect = 4, per_interval = 4 }",
    "running": 'running = { longer_than = "1 m", points = 4 }',
    "steps": "steps = [{ points = 4 }]",
    "longer_than": 'longer_than = "1 m"',
    "level": 'level = "major"',
}


class RuleError(StationError):
    """A grading rule cannot be read or found; the sentence names file, line and key, and what to do."""


class _File(NamedTuple):
    """A rule file as it was read: where, its text, and its content."""

    where: str
    text: str
    raw: dict[str, Any]


class Shelf:
    """The shelf holds the rules that a station may grade by; it reads files only when it is made.

    Args:
        home: the home folder with the mill's own rules; None for the shipped ones alone.

    Attributes:
        faults: a sentence for each rule file that cannot be used.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.faults: list[str] = []
        self._rules = dict(_shipped())
        self._newest = _newest_of(self._rules)
        self._fault_of: dict[str, str] = {}
        files: dict[str, _File] = {}
        for path in [] if home is None else _own_files(home / FOLDER):
            try:
                read = _read(path)
                files[str(path)] = read
            except RuleError as error:
                self._refuse(path.stem, str(error))
        waiting = list(files.values())
        while waiting:  # a rule that is like another waits until that one is read
            ready = [file for file in waiting if not any(_is_like(file, other) for other in waiting)]
            for file in ready or waiting:
                self._add(file)
            waiting = [file for file in waiting if file not in ready] if ready else []

    @property
    def rules(self) -> list[GradingRule]:
        """Give all rules, by name and version."""
        return sorted(self._rules.values(), key=lambda rule: (rule.name, rule.version))

    def find(self, name: str) -> GradingRule:
        """Return the newest rule of a name, or the very one of a label such as ``four-point v1``.

        Raises:
            RuleError: there is none, or the file that should hold it cannot be used.
        """
        found = self._rules.get(name) or self._newest.get(name)
        if found is not None and name not in self._fault_of:
            return found
        label = _LABEL.fullmatch(name)
        fault = self._fault_of.get(label[1] if label else name)
        if fault is not None:
            raise RuleError(fault)
        raise RuleError(f"There is no grading rule {name!r}; known rules: {', '.join(sorted(self._newest))}.")

    def _add(self, file: _File) -> None:
        name = file.raw.get("name")
        try:
            made = _made(file, self._newest)
            known = self._rules.get(made.label)
            if known is not None and known != made:
                line = line_of(file.text, ("version",)) or line_of(file.text, ("name",))
                raise RuleError(
                    f"Rule file {file.where}, line {line}: there is another rule {made.label}; give this one another "
                    "name or a higher version."
                )
        except RuleError as error:
            self._refuse(name if isinstance(name, str) else Path(file.where).stem, str(error))
            return
        self._rules[made.label] = made
        self._newest = _newest_of(self._rules)

    def _refuse(self, name: str, fault: str) -> None:
        self.faults.append(fault)
        self._fault_of.setdefault(name, fault)


def read_rule(text: str, where: str, known: dict[str, GradingRule] | None = None) -> GradingRule:
    """Read a rule from TOML.

    Args:
        text: the TOML.
        where: what it is called in messages.
        known: rules by name that it may be like.

    Raises:
        RuleError: a mistake in it.
    """
    return _made(_parsed(text, where), known or {})


@cache
def _shipped() -> dict[str, GradingRule]:
    """Return the shipped rules by label."""
    folder = resources.files("station.grading") / FOLDER
    files = [
        _parsed(file.read_text(encoding="utf-8"), file.name)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    ]
    rules: dict[str, GradingRule] = {}
    for file in sorted(files, key=lambda file: "like" in file.raw):
        made = _made(file, _newest_of(rules))
        rules[made.label] = made
    return rules


def _newest_of(rules: dict[str, GradingRule]) -> dict[str, GradingRule]:
    """Return the newest version of each rule by name."""
    return {rule.name: rule for rule in sorted(rules.values(), key=lambda rule: rule.version)}


def _is_like(file: _File, other: _File) -> bool:
    return other is not file and "like" in file.raw and file.raw["like"] == other.raw.get("name")


def _own_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and path.is_file())
    except OSError:
        return []


def _read(path: Path) -> _File:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise RuleError(f"Rule file {path} is too large to be one; a rule has a few dozen lines.")
        data = path.read_bytes()
    except OSError as error:
        raise RuleError(f"Rule file {path} cannot be read: {error.strerror or error}.") from None
    try:
        return _parsed(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RuleError(f"Rule file {path}, line {line}: it is not in UTF-8; save it as UTF-8.") from None


def _parsed(text: str, where: str) -> _File:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return _File(where, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        line = place[1] if place else text.count("\n") + 1
        what = re.sub(r"\s*\(at [^)]*\)", "", str(error))
        raise RuleError(
            f"Rule file {where}, line {line}: this is no TOML: {what}; write key = value, texts in double quotes."
        ) from None
    except RecursionError:
        raise RuleError(f"Rule file {where} is nested too deeply to be a rule.") from None


def _made(file: _File, known: dict[str, GradingRule]) -> GradingRule:
    raw = dict(file.raw)
    base = raw.pop("like", None)
    if base is not None:
        if not isinstance(base, str) or base not in known:
            line = line_of(file.text, ("like",))
            raise RuleError(
                f"Rule file {file.where}, line {line}: like: there is no rule {base!r} that can be read; "
                f"known rules: {', '.join(sorted(known))}."
            )
        raw = {**known[base].model_dump(mode="json", exclude_none=True, exclude={"name", "version"}), **raw}
    try:
        return GradingRule.model_validate(raw)
    except ValidationError as error:
        raise RuleError(_fault(file, error)) from None


def _fault(file: _File, error: ValidationError) -> str:
    """Say a rule's first mistake: file, line, key, what is wrong, what to do."""
    faults = error.errors()
    # A key that is written wrong is also one that is missing: the first is what to mend.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    path, kind, said = tuple(fault["loc"]), fault["type"], fault["msg"].removeprefix("Value error, ").rstrip(".")
    if kind == "value_error" and (first := said.split(" ")[0].split("."))[0] in GradingRule.model_fields and not path:
        path, said = tuple(first), said.partition(" ")[2]
    line = line_of(file.text, path)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in path) or "the rule"
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    where = f"Rule file {file.where}, line {line if line is not None else 1}: {key}"
    if kind == "missing":
        return f"{where} is missing; add it, such as {_EXAMPLES.get(last, f'{last} = 4')}."
    if kind == "extra_forbidden":
        model = next((_PART_OF[part] for part in reversed(path[:-1]) if part in _PART_OF), GradingRule)
        near = difflib.get_close_matches(last, model.model_fields, 1)
        known = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(model.model_fields)}."
        return f"{where}: there is no such key; {known}"
    given = fault.get("input")
    got = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
    said = "must be a table of keys" if kind == "model_type" else re.sub("^Input should", "must", said)
    return f"{where} {said[:1].lower()}{said[1:]}{got}{_remedy(kind, last)}."


def _remedy(kind: str, key: str) -> str:
    """Return what to do about a mistake of this kind where the message does not say it."""
    if kind == "string_pattern_mismatch" and key == "name":
        return "; use small letters, digits and hyphens, such as mill-1"
    if kind.startswith("int_"):
        return "; write a whole number without quotes, such as 4"
    if kind.startswith("float_"):
        return '; write a number and its unit, such as "75 mm"'
    if kind.endswith("_type") and key in _EXAMPLES:
        return f"; write it like {_EXAMPLES[key]}"
    return ""
