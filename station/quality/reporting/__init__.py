"""This room holds the parts of a roll's report: what the roll is, its rows, its width, whether it may be signed."""
