"""The second thread of the line: finds the web, cuts tiles, has the network score them."""
