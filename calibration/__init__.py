"""This package calibrates scale, shading, lens, stitching, line rate and focus.

It is pure: arrays in, results out.
"""
