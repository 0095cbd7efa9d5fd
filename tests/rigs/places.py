"""Where things lie: the project, its examples, and the real fabric beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""A test's processes run here, so that they find the project and these rigs."""

DOCS = ROOT / "docs"
SHARED = ROOT.parent / "shared"
