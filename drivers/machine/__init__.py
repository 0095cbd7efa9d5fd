"""This package exchanges signals with the machine: what they are, Modbus TCP, a counter as encoder."""
