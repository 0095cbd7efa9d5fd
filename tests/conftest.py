"""Shared ground of all tests: no display, few threads, real fabric where it is at hand."""

from __future__ import annotations

import gc
import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYLON_CAMEMU", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import HealthCheck, settings

import model  # noqa: F401 - first of all, so that OpenVINO tells nobody
from tests.rigs.places import SHARED

# On a busy machine a process may stand still for seconds, and what fails once must fail again.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what imports and collection made: it stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real fabric; skips where it is absent."""
    path = SHARED / "data"
    if not path.is_dir():
        pytest.skip("real fabric (../shared/data) is not on this machine")
    return path


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder of pretrained trunks; skips where it is absent."""
    path = SHARED / "weights"
    if not path.is_dir():
        pytest.skip("pretrained trunks (../shared/weights) are not on this machine")
    return path
