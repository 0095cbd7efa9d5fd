"""This module runs the migrations on the connection that the engine provides; it reads no configuration file."""

from __future__ import annotations

from alembic import context

from station.records.schema import Base


def run() -> None:
    """Run the migrations within the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite alters tables by copying them
        transactional_ddl=True,
    )
    context.run_migrations()


run()
