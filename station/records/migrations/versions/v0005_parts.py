"""Defects know of how many pieces they are made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column; defects of old were one piece each."""
    op.add_column("defect", sa.Column("parts", sa.Integer(), nullable=False, server_default="1"))
