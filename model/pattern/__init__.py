"""This room measures how good cloth repeats, finds where in its repeat a place lies, and judges it there."""
