"""This module finds on which line of a TOML file a key or an item of a list stands; ``tomllib`` does not say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'(?P<space>[ \t\r]+|\#[^\n]*)|(?P<text>"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<mark>[\[\]{}=,.\n])|(?P<bare>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)
Token = tuple[str, int]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line (from 1) of the key or item that a path leads to, or of the nearest part of the path that is
    written; None if none of it is.

    Args:
        text: TOML that can be read.
        path: keys and numbers of list items (from 0), such as ``("along", 1, "points")``.
    """
    places = _Places(text).found
    for length in range(len(path), 0, -1):
        line = places.get(tuple(path[:length]))
        if line is not None:
            return line
    return None


class _Places:
    """The lines of all keys and items of a TOML text."""

    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {}
        self._tokens: list[Token] = []
        line = 1
        for match in _TOKEN.finditer(text):
            if match.lastgroup != "space":
                self._tokens.append((match[0], line))
            line += match[0].count("\n")
        self._at = 0
        self._counts: dict[Path, int] = {}
        table: Path = ()
        while (sign := self._sign()) is not None:
            if sign == "\n":
                self._at += 1
            elif sign == "[":
                table = self._header()
            else:
                self._pair(table)

    def _sign(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _header(self) -> Path:
        """Read ``[table]`` or ``[[list]]``; return what its keys lie under."""
        signs = 0
        while self._sign() == "[":
            self._at += 1
            signs += 1
        line = self._tokens[self._at][1]
        path = self._within(self._key())
        self._at += signs
        if signs == 2:
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            self.found.setdefault(path, line)
            path = (*path, number)
        self.found.setdefault(path, line)
        return path

    def _within(self, key: Path) -> Path:
        """Return a header's path with the number of the last item where it leads through a list of tables."""
        path: Path = ()
        for place, name in enumerate(key):
            path = (*path, name)
            if path in self._counts and place < len(key) - 1:
                path = (*path, self._counts[path] - 1)
        return path

    def _key(self) -> Path:
        names: list[str | int] = [_name(self._take()[0])]
        while self._sign() == ".":
            self._at += 1
            names.append(_name(self._take()[0]))
        return tuple(names)

    def _pair(self, table: Path) -> None:
        line = self._tokens[self._at][1]
        path = (*table, *self._key())
        self.found.setdefault(path, line)
        self._at += 1  # the sign =
        self._value(path)

    def _value(self, path: Path) -> None:
        sign = self._sign()
        if sign == "[":
            self._at += 1
            number = 0
            while self._sign() not in ("]", None):
                if self._sign() in (",", "\n"):
                    self._at += 1
                    continue
                self.found[*path, number] = self._tokens[self._at][1]
                self._value((*path, number))
                number += 1
            self._at += 1
        elif sign == "{":
            self._at += 1
            while self._sign() not in ("}", None):
                if self._sign() in (",", "\n"):
                    self._at += 1
                    continue
                self._pair(path)
            self._at += 1
        else:
            while self._sign() not in (",", "]", "}", "\n", None):
                self._at += 1


def _name(token: str) -> str:
    return str(next(iter(tomllib.loads(f"{token} = 0")))) if token[:1] in "\"'" else token
