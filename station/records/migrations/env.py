"""Runs the migrations on the connection that the engine hands over; no configuration file is read."""

from __future__ import annotations

from alembic import context

from station.records.schema import Base


def run() -> None:
    """Migrate within the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite alters tables by copying them
        transactional_ddl=True,
    )
    context.run_migrations()


run()
