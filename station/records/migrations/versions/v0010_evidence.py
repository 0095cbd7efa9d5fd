"""Rolls know how much of them lies on disk, and defects whether their pictures were removed to make room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add column and table; no picture of old was removed, and old rolls are measured by and by."""
    op.add_column("defect", sa.Column("pictures_dropped", sa.Boolean(), nullable=False, server_default="0"))
    op.create_table(
        "roll_evidence",
        sa.Column("roll_id", sa.Integer(), sa.ForeignKey("roll.id"), primary_key=True),
        sa.Column("measured_at", sa.DateTime(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("picture_bytes", sa.BigInteger(), nullable=False),
        sa.Column("profile_bytes", sa.BigInteger(), nullable=False),
        sa.Column("first_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pictures_dropped", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("profile_dropped", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("is_removing", sa.Boolean(), nullable=False, server_default="0"),
    )
