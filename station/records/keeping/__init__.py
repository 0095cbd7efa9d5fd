"""This room keeps the disk from filling up: what lies there of each roll, what may go first, and how it goes."""
