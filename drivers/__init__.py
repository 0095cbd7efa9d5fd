"""This package holds cameras and machine signals.  It knows nothing of models, records or screens."""
