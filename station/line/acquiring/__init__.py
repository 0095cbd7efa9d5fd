"""This room is the first thread of the line: it reads the camera and settles every line with the ledger."""
