"""Public data sets: what their folders hold, read by the name of their layout."""
