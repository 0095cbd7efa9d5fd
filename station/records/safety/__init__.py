"""This package keeps the records when disk, file or place fail: what waits, copies, and what becomes of a bad file."""
