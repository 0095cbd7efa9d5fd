"""This room is the second thread of the line: it finds the web, cuts tiles and has the network score them."""
