"""This room is about the people at a roll: what they ask, how they begin it by its label, how they go on with one."""
