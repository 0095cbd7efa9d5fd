"""This room reads public data sets from their folders, by the name of their layout."""
