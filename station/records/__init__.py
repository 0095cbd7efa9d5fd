"""This room keeps the station's records: rolls, stretches, defects, recipes, reviews, audit.  It uses SQLite through
SQLAlchemy."""
