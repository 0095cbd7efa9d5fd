"""Scale and shading.  Pure: arrays in, results out."""
