"""Studies and speed.  May import anything; imported by nothing; not in the wheel."""
