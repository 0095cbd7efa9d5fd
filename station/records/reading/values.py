"""This module takes values out of database rows and trusts none of them.

SQLite lets any value lie in any column, and a failing disk or another program may have put it there; SQLAlchemy would
fail on it with an error of its own, for the whole list.  Queries here ask for values as they lie, and each is looked at
when it is taken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Row, type_coerce
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import NullType

from station.recipe import Recipe
from station.records.rows import RecordsError

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=StrEnum)
MOST_SHOWN = 40
MOST_WORDS = 4


class SpoiltRowError(RecordsError):
    """A value on record is none of its column's; the sentence names table, row, column and value."""


Told = Callable[[SpoiltRowError], None]
"""This function is told of a row that was left out because it cannot be read."""


def as_they_lie(table: type[DeclarativeBase]) -> list[ColumnElement[Any]]:
    """Return a table's columns for a query that gives their values unconverted."""
    return [type_coerce(column, NullType()).label(column.name) for column in table.__table__.columns]


def readable(rows: Iterable[T], convert: Callable[[T], U], told: Told | None) -> list[U]:
    """Convert all rows; tell of each that cannot be read and leave it out.

    Raises:
        SpoiltRowError: there is one, and ``told`` is None.
    """
    kept = []
    for row in rows:
        try:
            kept.append(convert(row))
        except SpoiltRowError as spoilt:
            if told is None:
                raise
            told(spoilt)
    return kept


class Values:
    """These are the values of one row.

    Args:
        row: a row of a query with :func:`as_they_lie`.
        table: what the table is called.
        number: the row's number.

    All methods raise SpoiltRowError if the value is not of the kind they return.
    """

    def __init__(self, row: Row[Any], table: str, number: object) -> None:
        self._row = row._mapping
        self._table = table
        self._number = number

    def text(self, column: str) -> str:
        """Return a text that can be shown and printed."""
        value = self._row[column]
        if isinstance(value, str):
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise self.spoilt(column, "is not text in UTF-8") from None
            return value
        raise self.spoilt(column, "is no text")

    def text_or_none(self, column: str) -> str | None:
        """Return a text, or None where there is none."""
        return None if self._row[column] is None else self.text(column)

    def number(self, column: str) -> float:
        """Return a finite number."""
        value = self._row[column]
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise self.spoilt(column, "is no number")

    def number_or_none(self, column: str) -> float | None:
        """Return a finite number, or None where there is none."""
        return None if self._row[column] is None else self.number(column)

    def whole(self, column: str) -> int:
        """Return a whole number."""
        value = self._row[column]
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self.spoilt(column, "is no whole number")

    def count(self, column: str) -> int:
        """Return a whole number that is not negative."""
        value = self.whole(column)
        if value < 0:
            raise self.spoilt(column, "is negative")
        return value

    def scale_or_none(self, column: str) -> float | None:
        """Return a scale in mm, which is above 0, or None where there is none."""
        value = self.number_or_none(column)
        if value is not None and value <= 0:
            raise self.spoilt(column, "is no scale")
        return value

    def whole_or_none(self, column: str) -> int | None:
        """Return a whole number, or None where there is none."""
        return None if self._row[column] is None else self.whole(column)

    def flag(self, column: str) -> bool:
        """Return yes or no."""
        value = self._row[column]
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        raise self.spoilt(column, "is neither 1 nor 0")

    def time(self, column: str) -> datetime:
        """Return a time with zone UTC."""
        value = self._row[column]
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC)
        except (TypeError, ValueError):
            raise self.spoilt(column, "is no time") from None

    def time_or_none(self, column: str) -> datetime | None:
        """Return a time with zone UTC, or None where there is none."""
        return None if self._row[column] is None else self.time(column)

    def one_of(self, column: str, kinds: type[E]) -> E:
        """Return one of the words that the column may hold."""
        try:
            return kinds(self._row[column])
        except ValueError:
            words = ", ".join(kinds) if len(kinds) <= MOST_WORDS else f"its {len(kinds)} words"
            raise self.spoilt(column, f"is none of {words}") from None

    def one_of_or_none(self, column: str, kinds: type[E]) -> E | None:
        """Return one of the words that the column may hold, or None where there is none."""
        return None if self._row[column] is None else self.one_of(column, kinds)

    def blob(self, column: str, item_bytes: int) -> bytes:
        """Return bytes that hold whole items of ``item_bytes``."""
        value = self._row[column]
        if isinstance(value, bytes) and len(value) % item_bytes == 0:
            return value
        raise self.spoilt(column, f"is no list of values of {item_bytes} bytes")

    def json_object(self, column: str) -> dict[str, Any]:
        """Return a JSON object."""
        try:
            value = json.loads(self.text(column))
        except (ValueError, RecursionError):
            raise self.spoilt(column, "is no JSON") from None
        if isinstance(value, dict):
            return value
        raise self.spoilt(column, "is no JSON object")

    def recipe(self, column: str) -> Recipe:
        """Return a recipe."""
        try:
            return Recipe.model_validate_json(self.text(column))
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise self.spoilt(column, f"is no recipe ({f'{where}: ' * bool(where)}{fault['msg']})") from None

    def spoilt(self, column: str, how: str) -> SpoiltRowError:
        """Return the error for a value that is not what its column should hold."""
        value = repr(self._row[column])
        shown = value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}…"
        shown = shown.encode("utf-8", "backslashreplace").decode()
        return SpoiltRowError(
            f"Row {self._number} of table {self._table} is spoilt: its {column} holds {shown}, which {how}; a whole "
            "copy of the records may have it right (home folder, backups)."
        )
