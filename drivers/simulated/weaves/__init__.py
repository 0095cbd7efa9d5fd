"""This room holds what weaves with a large pattern and cloth that is not woven look like."""
