"""This package opens Basler cameras through pylon, and pylon's own emulation of them."""
