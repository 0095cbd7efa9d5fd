"""Rolls know how many of their events were lost, and by how much the computer's clock was set while they were open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns; of rolls of old no loss is known."""
    op.add_column("roll", sa.Column("events_lost", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("roll", sa.Column("clock_shift_s", sa.Double(), nullable=False, server_default="0"))
