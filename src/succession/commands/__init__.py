"""The commands of the executable that are not servers: one module each, `run(arguments) -> int`."""
