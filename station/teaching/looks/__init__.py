"""This room teaches the looks beside the fine one: broad and long."""
