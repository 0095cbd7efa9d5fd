"""This room keeps who may sign in at the station, and whether people have to."""
