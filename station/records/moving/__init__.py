"""This room moves a station's records: a whole home to another disk or computer, a recipe to another station."""
