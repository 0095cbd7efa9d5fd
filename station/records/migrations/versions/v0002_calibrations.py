"""Rolls know their calibrations, their own scale and whether their sizes are verified; calibrations their residual."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns and the link; rolls of old keep their recipe's scale, unverified."""
    op.add_column("calibration", sa.Column("serial", sa.String(length=128), nullable=False, server_default=""))
    op.add_column("calibration", sa.Column("width_px", sa.Integer(), nullable=True))
    op.add_column("calibration", sa.Column("residual", sa.Double(), nullable=True))
    op.add_column("calibration", sa.Column("residual_unit", sa.String(length=16), nullable=False, server_default=""))
    op.create_index("ix_calibration_camera", "calibration", ["camera_id", "kind"], unique=False)
    op.create_table(
        "roll_calibration",
        sa.Column("roll_id", sa.Integer(), nullable=False),
        sa.Column("calibration_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["calibration_id"], ["calibration.id"]),
        sa.ForeignKeyConstraint(["roll_id"], ["roll.id"]),
        sa.PrimaryKeyConstraint("roll_id", "calibration_id"),
    )
    op.add_column("roll", sa.Column("mm_per_px", sa.Double(), nullable=True))
    op.add_column("roll", sa.Column("mm_per_line", sa.Double(), nullable=True))
    before = "inspected before calibrations were kept"
    op.add_column("roll", sa.Column("unverified", sa.Text(), nullable=False, server_default=before))
    scale = "(SELECT recipe_version.mm_per_px FROM recipe_version WHERE recipe_version.id = roll.recipe_id)"
    op.execute(f"UPDATE roll SET mm_per_px = {scale}, mm_per_line = {scale}")
