"""This room has what commands do for the people at a station: who they are, and the window they use."""
