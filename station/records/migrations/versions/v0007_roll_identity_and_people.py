"""Rolls know what they are to the mill, what happened along them and why they ended; people have roles and PINs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels: str | None = None
depends_on: str | None = None

WORDS = ("order_number", "article", "lot", "loom", "operator")
MEASURES = ("target_m", "ticket_m", "ticket_width_mm")
CRASH = "the program ended without it"
"""An audit row has this reason where a crash left a roll; who read the record before had to look for it there."""


def upgrade() -> None:
    """Add the columns and tables; what ended rolls of old is taken from the audit, where it says that of one roll."""
    for name in WORDS:
        op.add_column("roll", sa.Column(name, sa.String(64), nullable=False, server_default=""))
    for name in MEASURES:
        op.add_column("roll", sa.Column(name, sa.Double(), nullable=True))
    op.add_column("roll", sa.Column("ended_why", sa.Text(), nullable=False, server_default=""))
    op.add_column("roll", sa.Column("resumed", sa.Integer(), nullable=False, server_default="0"))
    for name in ("order_number", "loom"):
        op.create_index(f"ix_roll_{name}", "roll", [name])
    op.create_table(
        "roll_mark",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("roll_id", sa.Integer(), sa.ForeignKey("roll.id"), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
    )
    op.create_index("ix_roll_mark_roll", "roll_mark", ["roll_id", "line"])
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("pin", sa.Text(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tried_at", sa.DateTime(), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(128), nullable=False),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(128), nullable=False),
    )
    _take_reasons()


def _take_reasons() -> None:
    """Put on the rolls of old why they were broken off, as far as the audit says it in words that can be kept."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT new, why FROM event WHERE action = 'roll broken off' ORDER BY id"))
    reasons = {str(new).rpartition(": ")[0]: str(why) for new, why in map(tuple, rows)}
    change = sa.text("UPDATE roll SET ended_why = :why WHERE name = :name AND ended_how = 'broken off'")
    for name, why in reasons.items():
        try:
            f"{name}{why}".encode()
        except UnicodeEncodeError:
            continue
        connection.execute(change, {"name": name, "why": "crash" if why == CRASH else why})
