"""What the station remembers: rolls, stretches, defects, recipes, reviews, audit.  SQLite through SQLAlchemy."""
