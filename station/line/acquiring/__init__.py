"""The first thread of the line: reads the camera and settles every line with the ledger."""
