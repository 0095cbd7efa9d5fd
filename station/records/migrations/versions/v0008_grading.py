"""Rolls know the very rule that grades them and their grade, defects how grave they are and how wide the web was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add tables and columns; rejects of old get the severity that the four-point rule of this version gives them.

    Nothing is known of holes among them.  Without a scale there is no size, so no severity.
    """
    op.create_table(
        "grading_rule",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "roll_grading",
        sa.Column("roll_id", sa.Integer(), sa.ForeignKey("roll.id"), primary_key=True, autoincrement=False),
        sa.Column("rule_id", sa.Integer(), sa.ForeignKey("grading_rule.id"), nullable=True),
        sa.Column("lacking", sa.Text(), nullable=False, server_default=""),
        sa.Column("cuttable_mm", sa.Double(), nullable=True),
        sa.Column("weight_kg", sa.Double(), nullable=True),
        sa.Column("grams_per_m2", sa.Double(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("points_per_100_m2", sa.Double(), nullable=True),
        sa.Column("grade", sa.String(16), nullable=True),
    )
    op.add_column("defect", sa.Column("severity", sa.String(16), nullable=True))
    op.add_column("defect", sa.Column("web_mm", sa.Double(), nullable=True))
    web_mm = (
        "(SELECT mm_per_px * judged_line_px / judged_lines FROM roll WHERE roll.id = defect.roll_id "
        "AND judged_lines > 0)"
    )
    op.execute(
        "UPDATE defect SET severity = CASE "
        "WHEN across_mm + width_mm / 2 <= 25 THEN 'minor' "
        f"WHEN across_mm - width_mm / 2 >= {web_mm} - 25 THEN 'minor' "
        "WHEN length_mm >= 1000 OR width_mm >= 1000 THEN 'critical' "
        "WHEN length_mm > 150 OR width_mm > 150 THEN 'major' ELSE 'minor' END "
        "WHERE is_reject AND merged_into IS NULL "
        "AND EXISTS (SELECT 1 FROM roll WHERE roll.id = defect.roll_id AND roll.mm_per_line IS NOT NULL)"
    )
