"""The engineer's page: the scores of the last roll against a threshold that can be moved before it costs anything."""
