"""Defects know which look of the model saw them best, and by which threshold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns; defects of old were seen by the fine look, whose threshold is the recipe's."""
    op.add_column("defect", sa.Column("look", sa.String(32), nullable=False, server_default="fine"))
    op.add_column("defect", sa.Column("threshold", sa.Double(), nullable=True))
