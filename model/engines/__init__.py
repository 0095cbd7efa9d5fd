"""Ways to run a network: one module per device."""
