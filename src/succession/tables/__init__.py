"""The SQLModel tables of the write side, one module per slice: columns only, never returned by a handler."""
