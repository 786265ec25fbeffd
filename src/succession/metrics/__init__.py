"""See the module docstrings of this slice."""
