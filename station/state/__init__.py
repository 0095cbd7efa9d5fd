"""This room holds what is told of the station at one moment: how the machine is, how far the records lag."""
