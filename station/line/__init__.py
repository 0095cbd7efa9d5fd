"""This package is the live path: one module per step, in the order of the data."""
