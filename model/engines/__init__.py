"""Each module of this package runs a network on one kind of device."""
