"""This room holds all Alembic migrations since the first schema; ``station.records.engine`` runs them when it opens a
database."""
