"""This module names the processor, so that figures of two machines can be told apart."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return cores, name, family and model of the processor, as far as the system tells them.

    Two machines of the same instruction set and number of cores may differ in speed by half.
    """
    cores = f"{os.cpu_count()} cores"
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{cores} of {platform.processor() or platform.machine()}"
    return f"{cores} of {_named(text)}"


def _named(cpuinfo: str) -> str:
    first = cpuinfo.split("\n\n")[0].splitlines()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first)}
    name = facts.get("model name", platform.machine())
    numbers = [f"{word} {facts[key]}" for key, word in (("cpu family", "family"), ("model", "model")) if key in facts]
    return f"{name} ({', '.join([*numbers, platform.machine()])})"
