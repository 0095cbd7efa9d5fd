"""The width of the cloth is kept along each roll, metre by metre."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table; of rolls of old only the mean width over the whole roll is known, so they have no rows in it."""
    op.create_table(
        "width",
        sa.Column("roll_id", sa.Integer(), sa.ForeignKey("roll.id"), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("end_line", sa.BigInteger(), nullable=False),
        sa.Column("judged_lines", sa.Integer(), nullable=False),
        sa.Column("measured_lines", sa.Integer(), nullable=False),
        sa.Column("line_px", sa.BigInteger(), nullable=False),
        sa.Column("least_px", sa.Integer(), nullable=False),
        sa.Column("least_line", sa.BigInteger(), nullable=False),
        sa.Column("most_px", sa.Integer(), nullable=False),
        sa.Column("most_line", sa.BigInteger(), nullable=False),
    )
