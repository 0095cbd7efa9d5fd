"""This room does the teach-in: good cloth through the real line -> model + threshold -> a new recipe version."""
