"""This package keeps what a roll is worth: the rule that grades it, its grade, what people know of its size."""
