"""This room applies calibrations: it chooses which of those on record count, and checks whether they still hold."""
