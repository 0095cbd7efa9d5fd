"""This room does the work of each command without option parsing: plain arguments in, the JSON's dictionary out."""
