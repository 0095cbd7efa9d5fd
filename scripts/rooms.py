"""Lists the modules of every room of the house, with their lines: ``python scripts/rooms.py``.

Only the standard library is used, so that it runs before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
FLOORS = ("station", "ui", "drivers", "calibration", "model")


@dataclass(frozen=True)
class Room:
    """A package folder.

    Attributes:
        folder: as seen from the house, with ``/``.
        lines: of each module on this level, by its file's name; ``__init__`` does not count.
    """

    folder: str
    lines: dict[str, int]


def rooms(house: Path = HOUSE) -> list[Room]:
    """Walk the floors; every folder with modules is a room."""
    folders = sorted({file.parent for floor in FLOORS for file in (house / floor).rglob("*.py")})
    return [Room(folder.relative_to(house).as_posix(), _modules(folder)) for folder in folders]


def _modules(folder: Path) -> dict[str, int]:
    return {file.name: _lines(file) for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"}


def _lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def main() -> None:
    """Print the listing."""
    for room in rooms():
        print(f"{room.folder}/  {len(room.lines)} modules, {sum(room.lines.values())} lines")
        for name, lines in room.lines.items():
            print(f"    {lines:4}  {name.removesuffix('.py')}")


if __name__ == "__main__":
    main()
