"""Signals to and from the machine: what they are, Modbus TCP, a counter as encoder."""
