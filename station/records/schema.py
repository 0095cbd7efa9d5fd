"""This module describes the tables exactly as the migrations make them (see ``migrations/``); those of single rooms
are described there (``roll_life/table.py``, ``people/table.py``).

Lines are encoder lines from the start of the roll, pixels are camera columns, lengths are mm (px without a scale),
scores are raw model scores.  Times are UTC.  Paths of files are relative to the home folder where they lie inside it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

HEAD = "0012"
"""This is the revision of the schema described here; it equals the newest migration."""


class UtcTime(TypeDecorator[datetime]):
    """A time has a zone in Python and is stored as UTC without one."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a time for the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert a time from the database."""
        return None if value is None else value.replace(tzinfo=UTC)


def storable(text: str) -> str:
    """Return the text with what no database takes spelled out: bytes of names that are not UTF-8 as ``\\xf6``, and
    NUL."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a half of a pair that stands for no byte
        raw = text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def now() -> datetime:
    """Return the current time, with zone UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables derive from this class."""

    type_annotation_map = {datetime: UtcTime, bytes: LargeBinary}  # noqa: RUF012


class FabricTable(Base):
    """A fabric is a style of cloth."""

    __tablename__ = "fabric"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class ModelTable(Base):
    """A taught model is identified by the hash of its file; ``file`` is None if only the hash is known."""

    __tablename__ = "model_version"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    file: Mapped[str | None] = mapped_column(Text)
    metadata_json: Mapped[str] = mapped_column("facts", Text)
    created_at: Mapped[datetime]


class RecipeTable(Base):
    """A row holds one version of a fabric's recipe and is never changed.  ``body`` is the recipe as JSON."""

    __tablename__ = "recipe_version"
    __table_args__ = (UniqueConstraint("fabric_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    fabric_id: Mapped[int] = mapped_column(ForeignKey("fabric.id"))
    version: Mapped[int]
    model_sha256: Mapped[str] = mapped_column(ForeignKey("model_version.sha256"))
    threshold: Mapped[float]
    mm_per_px: Mapped[float | None]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    why: Mapped[str] = mapped_column(Text)


class CalibrationTable(Base):
    """A row holds one calibration of a camera (kind, result as JSON, residual error) and is never changed.

    ``serial`` is the device's serial number, if it has one; ``width_px`` is the number of columns the camera had then.
    """

    __tablename__ = "calibration"
    __table_args__ = (Index("ix_calibration_camera", "camera_id", "kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(128))
    serial: Mapped[str] = mapped_column(String(128))
    width_px: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(32))
    result: Mapped[str] = mapped_column("facts", Text)
    residual: Mapped[float | None]
    residual_unit: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))


class RollTable(Base):
    """A row holds one roll.  The counters follow the stretches while it is open and are the line's ledger once it ends.

    ``station`` names the roll's station on a shared server; ``touched_at`` is when its last event was written;
    ``ended_how`` is '' while open, else 'ended' or 'broken off'.  ``judged_lines`` and ``judged_line_px`` (lines times
    width in px) give the mean width of the web.  ``mm_per_px`` (across) and ``mm_per_line`` (along) are the scale of
    its sizes, None without one; ``unverified`` says why the sizes are not verified, '' if they are.
    ``events_lost`` counts events of the line that never got on record; ``clock_shift_s`` is by how many seconds the
    computer's clock was set forward (negative: back) while the roll was open.
    ``order_number`` to ``ticket_width_mm`` are its identity (:class:`station.state.roll.RollIdentity`).  ``ended_why``
    is why it was broken off, 'crash' where its program was gone; ``resumed`` is how often people went on with it then.
    With ``keep`` nothing of it is ever thrown away.
    """

    __tablename__ = "roll"
    __table_args__ = (Index("ix_roll_started", "started_at"), Index("ix_roll_ended_how", "ended_how"))
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"), index=True)
    camera_id: Mapped[str] = mapped_column(String(128))
    station: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[str] = mapped_column(String(16))
    lines_acquired: Mapped[int] = mapped_column(BigInteger)
    lines_inspected: Mapped[int] = mapped_column(BigInteger)
    lines_uninspected: Mapped[int] = mapped_column(BigInteger)
    lines_repeated: Mapped[int] = mapped_column(BigInteger)
    judged_lines: Mapped[int] = mapped_column(BigInteger)
    judged_line_px: Mapped[int] = mapped_column(BigInteger)
    mm_per_px: Mapped[float | None]
    mm_per_line: Mapped[float | None]
    unverified: Mapped[str] = mapped_column(Text)
    events_lost: Mapped[int] = mapped_column(server_default="0")
    clock_shift_s: Mapped[float] = mapped_column(server_default="0")
    order_number: Mapped[str] = mapped_column(String(64), server_default="", index=True)
    article: Mapped[str] = mapped_column(String(64), server_default="")
    lot: Mapped[str] = mapped_column(String(64), server_default="")
    loom: Mapped[str] = mapped_column(String(64), server_default="", index=True)
    operator: Mapped[str] = mapped_column(String(64), server_default="")
    target_m: Mapped[float | None]
    ticket_m: Mapped[float | None]
    ticket_width_mm: Mapped[float | None]
    ended_why: Mapped[str] = mapped_column(Text, server_default="")
    resumed: Mapped[int] = mapped_column(server_default="0")
    keep: Mapped[bool] = mapped_column(server_default="0")


class RollCalibrationTable(Base):
    """A row links a roll, and so each of its defects, to one calibration it was inspected with."""

    __tablename__ = "roll_calibration"
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True)
    calibration_id: Mapped[int] = mapped_column(ForeignKey("calibration.id"), primary_key=True)


class StretchTable(Base):
    """A stretch is the lines ``[first_line, end_line)`` that were all inspected (``reason`` is None), or that were all
    not inspected for the same reason."""

    __tablename__ = "stretch"
    __table_args__ = (Index("ix_stretch_place", "roll_id", "first_line"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"))
    first_line: Mapped[int] = mapped_column(BigInteger)
    end_line: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(32))


class DefectTable(Base):
    """A row holds one defect of a roll.  ``verdict`` and ``reviewed_by`` repeat its last review, for fast lists.

    A row with ``merged_into`` turned out to be part of the defect with that number; it is kept, but never listed.  One
    that was put on record as missed, and taken back, has its own number there.
    ``parts`` is of how many pieces close together it is made, ``look`` which look of the model saw it best, and
    ``threshold`` that look's, None where it is the recipe's own.  ``severity`` is how grave it is by the roll's grading
    rule (minor, major, critical; None where nothing says so), ``web_mm`` how wide the web was there.

    ``kind`` is what a person says it is, if one does: ``kind_found`` is then the station's.  ``said_severity`` is what
    a person says of its severity.  ``disputed`` are persons at odds over it; ``needs_review`` follows from all that.
    ``missed`` is one that a person put on record by hand: its number is negative, its score 0, and the station never
    found it.  For fast lists ``hour`` is the station's local hour of the day (0 to 23) when it was found, ``ratio`` the
    score in units of the threshold, ``extent`` the longer side in mm (px without a scale).  ``alarm_id`` is its alarm.
    ``pictures_dropped`` says that it had pictures and retention removed them; both files are None then.
    """

    __tablename__ = "defect"
    __table_args__ = (
        UniqueConstraint("roll_id", "number"),
        Index("ix_defect_place", "roll_id", "first_line", "number"),
        # All that is asked of a defect in lists, newest first, so that no row is read but those of the page.
        Index(
            "ix_defect_seek", "found_at", "id", "extent", "ratio", "is_reject", "needs_review", "hour", "kind",
            "verdict", "roll_id", "merged_into", "missed", "keep", "severity", "said_severity",
        ),
        Index("ix_defect_needs_review", "needs_review", "found_at", "id"),
        Index("ix_defect_verdict", "verdict", "found_at", "id"),
        Index("ix_defect_extent", "extent"),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"))
    number: Mapped[int]
    first_line: Mapped[int] = mapped_column(BigInteger)
    end_line: Mapped[int] = mapped_column(BigInteger)
    first_px: Mapped[int]
    end_px: Mapped[int]
    length_mm: Mapped[float]
    width_mm: Mapped[float]
    area_mm2: Mapped[float]
    position_mm: Mapped[float]
    across_mm: Mapped[float]
    score: Mapped[float]
    kind: Mapped[str] = mapped_column(String(32))
    is_reject: Mapped[bool]
    closed: Mapped[bool]
    piece: Mapped[str | None] = mapped_column(Text)
    found_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    crop_file: Mapped[str | None] = mapped_column(Text)
    heat_file: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str | None] = mapped_column(String(16))
    reviewed_by: Mapped[str | None] = mapped_column(String(128))
    merged_into: Mapped[int | None]
    parts: Mapped[int] = mapped_column(server_default="1")
    look: Mapped[str] = mapped_column(String(32), server_default="fine")
    threshold: Mapped[float | None]
    severity: Mapped[str | None] = mapped_column(String(16))
    web_mm: Mapped[float | None]
    kind_found: Mapped[str | None] = mapped_column(String(32))
    said_severity: Mapped[str | None] = mapped_column(String(16))
    disputed: Mapped[bool] = mapped_column(server_default="0")
    needs_review: Mapped[bool] = mapped_column(server_default="0")
    missed: Mapped[bool] = mapped_column(server_default="0")
    keep: Mapped[bool] = mapped_column(server_default="0")
    hour: Mapped[int] = mapped_column(server_default="0")
    ratio: Mapped[float] = mapped_column(server_default="0")
    extent: Mapped[float] = mapped_column(server_default="0")
    alarm_id: Mapped[int | None]
    pictures_dropped: Mapped[bool] = mapped_column(server_default="0")


class ReviewTable(Base):
    """A review is what a person said of a defect: a verdict, another kind, another severity, a note, or some of these
    (``verdict`` is '' where none was given).  Reviews are only added; the last one counts that was not taken back.

    ``act`` is the number of the audit's row of all that was said at one go (negative where that was not kept).
    """

    __tablename__ = "review"
    __table_args__ = (Index("ix_review_act", "act"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(128))
    note: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(String(32))
    severity: Mapped[str | None] = mapped_column(String(16))
    act: Mapped[int] = mapped_column(server_default="0")
    undone_at: Mapped[datetime | None]


class ProfileTable(Base):
    """A row holds about one metre of a roll's score profile.

    ``rows`` is little-endian int64 ``[rows, 3]``: first line, end line, number of patches.  ``peaks`` is little-endian
    float32, the highest raw score of each patch, row after row, left to right.
    """

    __tablename__ = "profile"
    __table_args__ = (Index("ix_profile_place", "roll_id", "first_line"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"))
    first_line: Mapped[int] = mapped_column(BigInteger)
    end_line: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[bytes]
    peaks: Mapped[bytes]


class EventTable(Base):
    """An audit row says who did what, when and why.  Rows are only added; each hash covers its row and the hash before
    it."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    old: Mapped[str] = mapped_column(Text)
    new: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class EventHeadTable(Base):
    """The single row says where the audit ends, so that rows cut off its end are noticed."""

    __tablename__ = "event_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int]
    last_hash: Mapped[str] = mapped_column(String(64))
