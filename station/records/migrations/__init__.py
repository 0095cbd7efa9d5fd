"""Alembic migrations, from the first schema on.  ``station.records.engine`` runs them when a database is opened."""
