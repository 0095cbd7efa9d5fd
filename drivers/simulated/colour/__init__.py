"""This room dyes the yarns of simulated cloth, for colour cameras: checks and stripes, and flaws of colour alone."""
