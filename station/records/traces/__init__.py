"""This room keeps and reads what is recorded all along a roll: the profile of scores and the width."""
