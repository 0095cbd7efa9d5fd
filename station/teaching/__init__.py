"""Teach-in: good cloth through the real line -> model + threshold -> a new recipe version."""
