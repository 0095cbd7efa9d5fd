"""This package measures quality and speed.  It may import anything, nothing imports it, and it is not in the wheel."""
