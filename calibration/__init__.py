"""Scale, shading, lens, stitching, line rate, focus.  Pure: arrays in, results out."""
