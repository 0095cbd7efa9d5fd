"""This module says who works at the station: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The role says what a person is there for; :mod:`station.people.rights` says what that allows."""

    OPERATOR = "operator"
    ENGINEER = "engineer"
    QA = "qa"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Person:
    """A person has a name and a role."""

    name: str
    role: Role
