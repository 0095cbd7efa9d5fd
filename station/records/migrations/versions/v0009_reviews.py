"""Reviews say more than a verdict and can be taken back; defects are counted as they are written and found by what they
are; alarms have a history."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels: str | None = None
depends_on: str | None = None

SEEK = (
    "found_at", "id", "extent", "ratio", "is_reject", "needs_review", "hour", "kind", "verdict", "roll_id",
    "merged_into", "missed", "keep", "severity", "said_severity",
)  # fmt: skip
MORE = re.compile(r"^\d+ more of this: ")
STEPS = {"stop vetoed": True, "stop withdrawn": False, "stop released": True}
"""These steps end a stop; True where a person answered it so."""


def upgrade() -> None:
    """Add columns and tables and fill them from what is on record."""
    _roll()
    _defect()
    _review()
    _tables()
    op.drop_index("ix_defect_counts", "defect")
    op.create_index("ix_defect_seek", "defect", list(SEEK), unique=False)
    op.create_index("ix_defect_needs_review", "defect", ["needs_review", "found_at", "id"], unique=False)
    op.create_index("ix_defect_verdict", "defect", ["verdict", "found_at", "id"], unique=False)
    op.create_index("ix_defect_extent", "defect", ["extent"], unique=False)
    _fill_alarms()


def _roll() -> None:
    op.add_column("roll", sa.Column("keep", sa.Boolean(), nullable=False, server_default="0"))


def _defect() -> None:
    op.add_column("defect", sa.Column("kind_found", sa.String(32), nullable=True))
    op.add_column("defect", sa.Column("said_severity", sa.String(16), nullable=True))
    for name in ("disputed", "needs_review", "missed", "keep"):
        op.add_column("defect", sa.Column(name, sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("defect", sa.Column("hour", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("defect", sa.Column("ratio", sa.Double(), nullable=False, server_default="0"))
    op.add_column("defect", sa.Column("extent", sa.Double(), nullable=False, server_default="0"))
    op.add_column("defect", sa.Column("alarm_id", sa.Integer(), nullable=True))
    own = "SELECT r.threshold FROM recipe_version r JOIN roll ON roll.recipe_id = r.id WHERE roll.id = defect.roll_id"
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    local = "strftime('%H', found_at, 'localtime')"
    if not is_sqlite:
        local = "EXTRACT(HOUR FROM found_at AT TIME ZONE 'UTC' AT TIME ZONE current_setting('TIMEZONE'))"
    op.execute(
        f"UPDATE defect SET ratio = COALESCE(score / NULLIF(COALESCE(threshold, ({own})), 0), 0), "
        "extent = CASE WHEN width_mm > length_mm THEN width_mm ELSE length_mm END, "
        f"hour = COALESCE(CAST({local} AS INTEGER), 0)"
    )


def _review() -> None:
    op.add_column("review", sa.Column("kind", sa.String(32), nullable=True))
    op.add_column("review", sa.Column("severity", sa.String(16), nullable=True))
    op.add_column("review", sa.Column("act", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("review", sa.Column("undone_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE review SET act = -id")
    op.create_index("ix_review_act", "review", ["act"], unique=False)


def _tables() -> None:
    op.create_table(
        "opinion",
        sa.Column("defect_id", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(32), nullable=True),
        sa.Column("severity", sa.String(16), nullable=True),
        sa.ForeignKeyConstraint(["defect_id"], ["defect.id"]),
        sa.PrimaryKeyConstraint("defect_id", "who"),
    )
    op.create_index("ix_opinion_who", "opinion", ["who", "found_at", "defect_id"], unique=False)
    op.execute(
        "INSERT INTO opinion (defect_id, who, found_at, verdict) SELECT review.defect_id, review.who, "
        "defect.found_at, review.verdict FROM review JOIN defect ON defect.id = review.defect_id WHERE review.id IN "
        "(SELECT MAX(id) FROM review GROUP BY defect_id, who)"
    )
    op.execute(
        "UPDATE defect SET disputed = true WHERE id IN (SELECT defect_id FROM opinion GROUP BY defect_id "
        "HAVING COUNT(DISTINCT verdict) > 1)"
    )
    op.execute(
        "UPDATE defect SET needs_review = true WHERE is_reject AND merged_into IS NULL "
        "AND (verdict IS NULL OR disputed)"
    )
    op.create_table(
        "tally",
        sa.Column("roll_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("is_reject", sa.Boolean(), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["roll_id"], ["roll.id"]),
        sa.PrimaryKeyConstraint("roll_id", "kind", "verdict", "is_reject", "missed"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO tally (roll_id, kind, verdict, is_reject, missed, count) SELECT roll_id, kind, "
        "COALESCE(verdict, ''), is_reject, missed, COUNT(*) FROM defect WHERE merged_into IS NULL "
        "GROUP BY roll_id, kind, COALESCE(verdict, ''), is_reject, missed"
    )
    op.create_table(
        "kept_recording",
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("folder"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("roll_id", sa.Integer(), nullable=True),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(128), nullable=False),
        sa.Column("gone_at", sa.DateTime(), nullable=True),
        sa.Column("across_mm", sa.Double(), nullable=True),
        sa.Column("last_mm", sa.Double(), nullable=True),
        sa.Column("still_open", sa.Integer(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["roll_id"], ["roll.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alarm_raised", "alarm", ["raised_at", "id"], unique=False)
    op.create_index("ix_alarm_cause", "alarm", ["roll_id", "what", "cause"], unique=False)
    op.create_table(
        "alarm_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alarm_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alarm_step_alarm", "alarm_step", ["alarm_id"], unique=False)


def _fill_alarms() -> None:
    """Make alarms of the notices, faults and stops in the audit; of rejects of old no answer is known."""
    connection = op.get_bind()
    rolls = {number for (number,) in connection.execute(sa.text("SELECT id FROM roll"))}
    told = connection.execute(
        sa.text(
            "SELECT at, who, action, new, why FROM event "
            "WHERE action LIKE 'notice: %' OR action LIKE 'stop %' OR action = 'fault' ORDER BY id"
        )
    )
    made: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for at, who, action, new, why in told:
        place = re.search(r"roll number (\d+)$", str(why))
        roll_id = int(place[1]) if place and int(place[1]) in rolls else None
        what, _, rest = str(action).partition(" ")
        what = what.rstrip(":")
        text = MORE.sub("", str(new))
        cause = text if what == "stop" else re.sub(r"\d+", "#", text)
        alarm = latest.get((roll_id, what, cause))
        if alarm is None or action == "stop announced":
            alarm = {
                "id": len(made) + 1, "what": what, "severity": rest if what == "notice" else "error", "cause": cause,
                "text": text, "roll_id": roll_id, "raised_at": at, "last_at": at, "occurrences": int(what == "stop"),
                "acknowledged_at": None, "acknowledged_by": "", "gone_at": None, "across_mm": None, "last_mm": None,
            }  # fmt: skip
            made.append(alarm)
            latest[roll_id, what, cause] = alarm
            steps.append({"alarm_id": alarm["id"], "at": at, "step": "raised", "who": who})
        alarm["last_at"] = at
        alarm["text"] = text
        if what != "stop":
            alarm["occurrences"] += 1
            alarm["gone_at"] = at
            continue
        if rest != "announced":
            steps.append({"alarm_id": alarm["id"], "at": at, "step": rest, "who": who})
        if action in STEPS:
            alarm["gone_at"] = at
            if STEPS[action] and alarm["acknowledged_at"] is None:
                alarm["acknowledged_at"] = at
                alarm["acknowledged_by"] = who
    _insert(connection, "alarm", made)
    _insert(connection, "alarm_step", steps)


def _insert(connection: sa.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        marks = ", ".join(f":{name}" for name in rows[0])
        connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({marks})"), rows)
