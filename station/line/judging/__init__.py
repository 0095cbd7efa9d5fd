"""The third thread of the line: blends scores, finds regions, decides, and tells."""
