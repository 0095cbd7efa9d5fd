"""The commands as typed: options are parsed here and nowhere else.  ``app`` is the composition root."""
