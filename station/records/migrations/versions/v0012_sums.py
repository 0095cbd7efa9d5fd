"""What was found is summed up per roll and kind, so that years of rolls are summed up at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels: str | None = None
depends_on: str | None = None

SUMS = {
    "defects": "1 = 1",
    "rejects": "is_reject AND NOT missed",
    "confirmed": "is_reject AND NOT missed AND verdict = 'confirmed'",
    "false_alarms": "is_reject AND NOT missed AND verdict = 'false alarm'",
    "missed": "missed AND verdict <> 'false alarm'",
}


def upgrade() -> None:
    """Make the table and fill it from the counts that are on record."""
    op.create_table(
        "kind_tally",
        sa.Column("roll_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in SUMS),
        sa.ForeignKeyConstraint(["roll_id"], ["roll.id"]),
        sa.PrimaryKeyConstraint("roll_id", "kind"),
        sqlite_with_rowid=False,
    )
    sums = ", ".join(f"SUM(CASE WHEN {one} THEN count ELSE 0 END)" for one in SUMS.values())
    op.execute(
        f"INSERT INTO kind_tally (roll_id, kind, {', '.join(SUMS)}) SELECT roll_id, kind, {sums} FROM tally "
        "GROUP BY roll_id, kind"
    )
