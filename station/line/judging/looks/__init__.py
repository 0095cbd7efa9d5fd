"""This room judges what the looks beside the fine one see, and joins what all of them see of one flaw."""
