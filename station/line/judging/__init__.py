"""This room is the third thread of the line: it blends scores, finds regions, decides on them and reports them."""
