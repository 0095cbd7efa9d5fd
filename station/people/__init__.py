"""This room says who may do what at the station, and holds people to it."""
