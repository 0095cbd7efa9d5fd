"""Cameras and machine signals.  Knows nothing of models, records or screens."""
