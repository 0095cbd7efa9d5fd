"""This room serves the machine the cloth runs on: when to stop it, where a defect is by now, signals to and from it."""
