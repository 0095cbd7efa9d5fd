"""Rolls lead to their calibrations by the link alone: the column that was never filled goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels: str | None = None
depends_on: str | None = None

NAMES = (
    "id, name, recipe_id, camera_id, station, started_at, touched_at, ended_at, ended_how, "
    "lines_acquired, lines_inspected, lines_uninspected, lines_repeated, judged_lines, judged_line_px, "
    "mm_per_px, mm_per_line, unverified"
)


def upgrade() -> None:
    """Drop the column.  SQLite drops none that refers to another table, so there the table is made anew."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_column("roll", "calibration_id")
        return
    # What refers to a roll is held against the rolls at the end of the transaction, when all are back.
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TABLE roll_before AS SELECT {NAMES} FROM roll")
    op.drop_table("roll")
    op.create_table(
        "roll",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("camera_id", sa.String(length=128), nullable=False),
        sa.Column("station", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("touched_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_how", sa.String(length=16), nullable=False),
        sa.Column("lines_acquired", sa.BigInteger(), nullable=False),
        sa.Column("lines_inspected", sa.BigInteger(), nullable=False),
        sa.Column("lines_uninspected", sa.BigInteger(), nullable=False),
        sa.Column("lines_repeated", sa.BigInteger(), nullable=False),
        sa.Column("judged_lines", sa.BigInteger(), nullable=False),
        sa.Column("judged_line_px", sa.BigInteger(), nullable=False),
        sa.Column("mm_per_px", sa.Double(), nullable=True),
        sa.Column("mm_per_line", sa.Double(), nullable=True),
        sa.Column("unverified", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe_version.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.execute(f"INSERT INTO roll ({NAMES}) SELECT {NAMES} FROM roll_before")
    op.drop_table("roll_before")
    op.create_index("ix_roll_ended_how", "roll", ["ended_how"], unique=False)
    op.create_index("ix_roll_recipe_id", "roll", ["recipe_id"], unique=False)
    op.create_index("ix_roll_started", "roll", ["started_at"], unique=False)
