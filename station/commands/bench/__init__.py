"""This room measures how fast this machine is."""
