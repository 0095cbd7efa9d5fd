"""The machine the cloth runs on: when it shall stop, where a defect is by now, and the signals to and from it."""
