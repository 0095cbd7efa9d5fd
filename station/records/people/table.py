"""This module describes the tables of people and of switches; see :mod:`station.records.schema`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class PersonTable(Base):
    """A person may sign in.  ``pin`` is what is kept of the PIN (:mod:`station.records.people.pins`), never the PIN;
    ``wrong_tries`` counts those since the last right one, ``tried_at`` is when the newest was made."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    pin: Mapped[str] = mapped_column(Text)
    wrong_tries: Mapped[int] = mapped_column(server_default="0")
    tried_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(128))


class SettingTable(Base):
    """A row holds a switch of the whole home, such as whether people have to sign in."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(128))
