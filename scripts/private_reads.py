"""Counts where tests reach for what is private: ``python scripts/private_reads.py [--list]``.

Private is a name with one leading underscore that belongs to something else than the test's own object: an attribute
read or set, a name imported, a name that is patched by its string, and such names in the code of a test's processes.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
OWN = {"self", "cls"}
PATCHED = re.compile(r"([a-z]\w*\.)*_[a-zA-Z]\w*")
IN_CODE = re.compile(r"(?<!\bself)(?<!\bcls)(?<!\bos)\._[a-zA-Z]\w*")


def is_private(name: str) -> bool:
    """Tell a private name from a public one and from Python's own (``__init__``)."""
    return name.startswith("_") and not name.startswith("__")


def private_reads(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of each place in a test module that reaches for something private."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner)) if owner in OWN:
                continue
            case ast.Attribute(value=ast.Name(id="os"), attr="_exit"):  # public, in spite of its name
                continue
            case ast.Attribute(attr=name) if is_private(name):
                yield node.lineno, ast.unparse(node)
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, f"import {alias.name}") for alias in names if is_private(alias.name))
            case ast.Call(
                func=ast.Attribute(attr="setattr"),
                args=[ast.Constant(value=str(word)), *_] | [_, ast.Constant(value=str(word)), *_],
            ):
                if PATCHED.fullmatch(word):
                    yield node.lineno, f"setattr {word}"
            case ast.Constant(value=str(text)) if "\n" in text:
                yield from ((node.lineno, found) for found in IN_CODE.findall(text))


def by_file() -> dict[Path, list[tuple[int, str]]]:
    """Return what each test module reaches for; scripts of earlier versions are kept as they were and do not count."""
    files = (file for file in sorted(TESTS.rglob("*.py")) if TESTS / "data" not in file.parents)
    return {file: sorted(private_reads(ast.parse(file.read_text(encoding="utf-8")))) for file in files}


def count() -> int:
    """Return how many such places there are."""
    return sum(map(len, by_file().values()))


def main() -> None:
    """Print the count of each file that has any, and the sum."""
    for file, found in by_file().items():
        if found:
            print(f"{len(found):4}  {file.relative_to(TESTS.parent)}")
        if "--list" in sys.argv:
            for line, name in found:
                print(f"      {line}: {name}")
    print(f"{count():4}  in all")


if __name__ == "__main__":
    main()
