"""A test's machine may stand still for long: that is no hanging link."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.machine.machine.CLOSE_S", 120.0)
