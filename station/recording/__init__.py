"""Cloth kept bit for bit beside the running line."""
