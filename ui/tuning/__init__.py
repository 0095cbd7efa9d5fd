"""This is the engineer's page: the threshold is tried on the last roll's scores before it costs anything."""
