"""This room parses the options of the commands, and no other does.  ``app`` is the composition root."""
