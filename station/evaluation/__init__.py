"""Public data sets through the real line, measured and shown."""
