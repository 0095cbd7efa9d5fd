"""This room runs public data sets through the real line, measures the results and shows them."""
