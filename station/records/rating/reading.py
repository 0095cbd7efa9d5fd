"""This module reads what a roll is graded by out of the rows of a query, each value looked at."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, type_coerce
from sqlalchemy.types import NullType

from station.grading.rule import GradingRule
from station.records.rating.tables import RollGradingTable, RuleTable
from station.records.reading.values import Values
from station.records.rows import RollGradingRow
from station.state.grade import Grade

_FIGURES = ("lacking", "cuttable_mm", "weight_kg", "grams_per_m2", "points", "points_per_100_m2", "grade")
GRADING_COLUMNS = (
    type_coerce(RuleTable.body, NullType()).label("rule_body"),
    type_coerce(RollGradingTable.rule_id, NullType()).label("rule_id"),
    *(type_coerce(RollGradingTable.__table__.c[name], NullType()).label(name) for name in _FIGURES),
)
"""A query for rolls asks for these columns."""


def grading_row(row: Row[Any]) -> RollGradingRow:
    """Return what a roll is graded by.  Raises SpoiltRowError."""
    if row.lacking is None:  # the roll has no such row: it is of a version before there were any
        return RollGradingRow()
    value = Values(row, "roll_grading", row.id)
    return RollGradingRow(
        rule=_rule(row),
        lacking=value.text("lacking"),
        cuttable_mm=value.scale_or_none("cuttable_mm"),
        weight_kg=value.scale_or_none("weight_kg"),
        grams_per_m2=value.scale_or_none("grams_per_m2"),
        points=value.whole_or_none("points"),
        points_per_100_m2=value.number_or_none("points_per_100_m2"),
        grade=value.one_of_or_none("grade", Grade),
    )


def _rule(row: Row[Any]) -> GradingRule | None:
    if row.rule_id is None:
        return None
    value = Values(row, "grading_rule", row.rule_id)
    try:
        return parsed(value.text("rule_body"))
    except ValidationError as error:
        raise value.spoilt("rule_body", f"is no grading rule ({error.errors()[0]['msg']})") from None


@lru_cache(maxsize=64)
def parsed(body: str) -> GradingRule:
    """Return the rule that a row's body holds.  Raises ValidationError."""
    return GradingRule.model_validate_json(body)
