"""What each command does, free of option parsing: plain arguments in, the JSON's dictionary out."""
